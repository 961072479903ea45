// A run that was killed and gone on with ends in the very checkpoint of one that was left alone.
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "engine/core/philox.h"
#include "engine/cpu/kernels.h"
#include "harness/json.h"
#include "harness/sealed.h"
#include "process.h"

using namespace swarm;
using check::Outcome;

namespace {

struct Workplace : check::DataFolder {
  Workplace() : DataFolder(sentences(300, 1), sentences(30, 2)) {}
  std::string out(const std::string& name = "") const { return path + "/run/" + name; }
  std::string command(const std::string& more) const { return check::program("train") + " --data " + path + " --out " + out() + " " + more; }
  Outcome train(const std::string& more) const { return check::run(*this, command(more)); }
  JsonValue report() const { return parse_json(check::read_all(out("report.json"))); }
  std::string checkpoint() const { return report().member("checkpointSha256")->string; }

  // Steps in state.bin, 0 without one; throws Broken when it is not whole.
  uint64_t steps_saved() const {
    try {
      Sealed in(out("state.bin"), "SWRMRUN1", "saved run");
      in.u64();
      for (int i = 0; i < 4; i++) in.text();
      in.f64(), in.f64();
      return in.u64();
    } catch (const Broken&) {
      if (std::filesystem::exists(out("state.bin"))) throw;
      return 0;
    }
  }
};

class Process {
 public:
  explicit Process(const std::string& command) : pid_(fork()) {
    if (pid_ != 0) return;
    for (int fd : {1, 2}) dup2(open("/dev/null", O_WRONLY), fd);
    execl("/bin/sh", "sh", "-c", ("exec " + command).c_str(), nullptr);
    _exit(127);
  }
  bool ended() {
    if (status_ < 0 && waitpid(pid_, &status_, WNOHANG) != pid_) status_ = -1;
    return status_ >= 0;
  }
  int end_by(int signal) {  // wait status
    if (!ended()) kill(pid_, signal), waitpid(pid_, &status_, 0);
    return status_;
  }
  ~Process() { end_by(SIGKILL); }

 private:
  pid_t pid_;
  int status_ = -1;
};

constexpr char seed_and_budget[] = "--seed 7 --budget tokens:12k ";

}  // namespace

TEST("resume: killed again and again at any moment, with one worker and two, AVX2 and AVX-512, the checkpoint is that of an unbroken run") {
  Workplace w;
  CHECK_ENDS(w.train(seed_and_budget), 0, "");
  const std::string expected = w.checkpoint();
  const uint64_t steps = uint64_t(w.report().member("steps")->value);
  CHECK(steps >= 20);

  std::vector<std::string> kinds;
  for (const char* isa : {"avx2", "avx512"}) if (cpu::kernels_of(isa)) kinds.push_back(std::string("env SWARM_ISA=") + isa + " ");
  if (kinds.empty()) kinds.push_back("");
  std::filesystem::remove_all(w.out());
  uint64_t saved = 0;
  int killed = 0;
  for (uint32_t life = 0; saved + 4 < steps; life++) {
    // From life to life another instruction set and number of workers. Killed somewhere in or after one of the next five steps.
    const auto draw = philox(11, 0, life);
    Process process(kinds[life % kinds.size()] + w.command(seed_and_budget + std::string("--resume --save-seconds 0 --workers ") + (life / 2 % 2 ? "2" : "1")));
    const uint64_t until = saved + 1 + draw[0] % 4;
    while (!process.ended() && w.steps_saved() < until) usleep(300);
    usleep(draw[1] % 20000);
    const int status = process.end_by(SIGKILL);
    if (WIFEXITED(status)) break;  // it was through before the signal
    killed++;
    const uint64_t now = w.steps_saved();  // whole, whatever it was doing
    CHECK(now >= until);
    saved = now;
  }
  CHECK(killed >= 2);
  if (!std::filesystem::exists(w.out("report.json"))) {
    CHECK_ENDS(w.train(seed_and_budget + std::string("--resume --workers 2")), 0, "");
    CHECK_EQUAL(w.report().member("resumedAfter")->value, double(saved));
  }
  CHECK_EQUAL(w.checkpoint(), expected);
  CHECK_EQUAL(w.report().member("steps")->value, double(steps));
  CHECK(!std::filesystem::exists(w.out("state.bin")));
}

TEST("resume: SIGTERM saves the run and ends it by that signal; what follows has the same checkpoint and the same loss curve") {
  Workplace w;
  CHECK_ENDS(w.train(seed_and_budget), 0, "");
  const std::string expected = w.checkpoint(), curve = check::read_all(w.out("report.json"));
  int status = 0;
  for (int attempt = 0; attempt < 5 && !WIFSIGNALED(status); attempt++) {  // on a busy machine it may be through before the signal
    std::filesystem::remove_all(w.out());
    Process process(w.command(seed_and_budget + std::string("--resume --save-seconds 0")));
    while (!process.ended() && w.steps_saved() < 2) usleep(300);
    std::filesystem::remove(w.out("state.bin"));
    status = process.end_by(SIGTERM);
  }
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  CHECK(w.steps_saved() >= 2);
  CHECK(!std::filesystem::exists(w.out("report.json")));
  CHECK_ENDS(w.train(seed_and_budget + std::string("--resume")), 0, "");
  CHECK_EQUAL(w.checkpoint(), expected);
  const auto tail = [](const std::string& report) { const size_t at = report.find("\"lossCurve\""); return report.substr(at, report.find("]]", at) - at); };
  CHECK_EQUAL(tail(check::read_all(w.out("report.json"))), tail(curve));
}

TEST("resume: another seed, budget, data set, experiment or a damaged file is refused; a clock budget and a preflight are usage errors") {
  Workplace w;
  {
    Process process(w.command(seed_and_budget + std::string("--resume --save-seconds 0")));
    while (!process.ended() && w.steps_saved() < 1) usleep(300);
  }
  const std::string state = check::read_all(w.out("state.bin")), manifest = check::read_all(w.path + "/manifest.json");
  CHECK_ENDS(w.train("--seed 8 --budget tokens:12k --resume"), 5, "it has another seed; run without --resume to begin again");
  CHECK_ENDS(w.train("--seed 7 --budget tokens:13k --resume"), 5, "it has another budget");
  check::write_all(w.path + "/manifest.json", manifest + " ");
  CHECK_ENDS(w.train(seed_and_budget + std::string("--resume")), 5, "it was trained on another data set");
  check::write_all(w.path + "/manifest.json", manifest);
  const std::string copy = w.path + "/copy";
  std::filesystem::copy_file(check::program("train"), copy);
  check::write_all(copy, check::read_all(copy) + "x");  // what another build would be: other bytes
  CHECK_ENDS(check::run(w, copy + " --data " + w.path + " --out " + w.out() + " --resume " + seed_and_budget), 5, "it was made by another experiment");
  for (size_t at : {size_t(3), size_t(20), state.size() / 2, state.size() - 1}) {
    std::string damaged = state;
    damaged[at] = char(damaged[at] ^ 8);
    check::write_all(w.out("state.bin"), damaged);
    CHECK_ENDS(w.train(seed_and_budget + std::string("--resume")), 5, at < 8 ? "is not a saved run" : "is damaged");
  }
  check::write_all(w.out("state.bin"), state);
  CHECK_ENDS(w.train("--seed 7 --budget wall:5s --resume"), 2, "--resume needs a budget that is the same on every machine");
  CHECK_ENDS(w.train(seed_and_budget + std::string("--resume --max-steps 3")), 2, "--max-steps ends a run for good");
  CHECK_EQUAL(check::read_all(w.out("state.bin")), state);  // a refusal takes nothing away
  CHECK_ENDS(w.train(seed_and_budget), 0, "");
  CHECK(!std::filesystem::exists(w.out("state.bin")));
}
