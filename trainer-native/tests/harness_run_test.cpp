// train and judge as processes: exit codes, files, the same bits again, and no survivors.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "check.h"
#include "data_folder.h"
#include "engine/cpu/kernels.h"
#include "harness/file.h"
#include "harness/json.h"
#include "process.h"

using namespace swarm;
using check::Outcome;
using check::program;
using check::run;

namespace {

struct Workplace : check::DataFolder {
  Workplace() : DataFolder(sentences(300, 1), sentences(120, 2)) {}
  std::string out() const { return path + "/run"; }
  Outcome train(const std::string& more, const std::string& environment = "") {
    return run(*this, environment + " " + program("train") + " --data " + path + " --out " + out() + " " + more);
  }
  Outcome judge(const std::string& more = "") {
    return run(*this, program("judge") + " --data " + path + " --checkpoint " + out() + "/checkpoint.bin --out " + path + "/judge.json" + more);
  }
  JsonValue report() { return parse_json(check::read_all(out() + "/report.json")); }
};

}  // namespace

TEST("train and judge: a whole run, its report and its score") {
  Workplace w;
  const Outcome trained = w.train("--seed 7 --budget tokens:40k");
  CHECK_EQUAL(trained.last_error, "");
  CHECK_EQUAL(trained.exit, 0);
  const JsonValue report = w.report();
  const double per_step = report.member("tokensPerStep")->value;
  CHECK_EQUAL(report.member("steps")->value, std::floor(40000 / per_step));
  CHECK_EQUAL(report.member("tokens")->value, per_step * report.member("steps")->value);
  CHECK(!report.member("partial")->truth);
  CHECK_EQUAL(report.member("progress")->value, 1.0);
  const auto& curve = report.member("lossCurve")->items;
  CHECK(curve.back().items[1].value < curve.front().items[1].value - 0.3);  // it learns
  for (const char* name : {"trainLoss", "trainingSeconds", "totalSeconds", "workSeconds", "cpuSeconds", "peakBytes", "paramsM", "depth", "flopsPerToken", "mfuPercent"})
    CHECK(report.member(name) && report.member(name)->value > 0);
  const std::string checkpoint = check::read_all(w.out() + "/checkpoint.bin");
  CHECK_EQUAL(report.member("checkpointSha256")->string, sha256_hex(checkpoint.data(), checkpoint.size()));

  const Outcome judged = w.judge();
  CHECK_EQUAL(judged.last_error, "");
  CHECK_EQUAL(judged.exit, 0);
  const std::string first = check::read_all(w.path + "/judge.json");
  const JsonValue score = parse_json(first);
  CHECK(score.member("valBpb")->value > 0 && score.member("valBpb")->value < 6);  // log2(60) without learning
  CHECK_EQUAL(score.member("checkpointSha256")->string, report.member("checkpointSha256")->string);
  CHECK_EQUAL(score.member("frozen")->string, report.member("frozen")->string);
  CHECK_EQUAL(score.member("manifest")->string, report.member("manifest")->string);
  w.judge();
  const JsonValue again = parse_json(check::read_all(w.path + "/judge.json"));
  CHECK_EQUAL(json_number(again.member("valBpb")->value), json_number(score.member("valBpb")->value));
}

TEST("judge: a second held-out text is scored when it is there, its absence and a changed byte table are refused in their own words") {
  Workplace w;
  w.write_tokens("hidden.bin", check::DataFolder::sentences(120, 3));
  w.write_manifest();
  CHECK_EQUAL(w.train("--seed 7 --budget tokens:5k").last_error, "");
  CHECK_EQUAL(w.judge().last_error, "");
  const JsonValue open = parse_json(check::read_all(w.path + "/judge.json"));
  CHECK_EQUAL(open.member("split")->string, "val");
  CHECK_EQUAL(open.member("trust")->string, "proved");
  CHECK_EQUAL(w.judge(" --split hidden").last_error, "");
  const JsonValue hidden = parse_json(check::read_all(w.path + "/judge.json"));
  CHECK_EQUAL(hidden.member("split")->string, "hidden");
  CHECK(hidden.member("valBpb")->value != open.member("valBpb")->value);
  CHECK_ENDS(w.judge(" --split train"), 2, "no split train");

  std::string table = check::read_all(w.path + "/token_bytes.bin");
  table[64]++;
  check::write_all(w.path + "/token_bytes.bin", table);
  CHECK_ENDS(w.judge(), 4, "token_bytes.bin is damaged: its sha256 is not the manifest's");

  Workplace without;
  CHECK_EQUAL(without.train("--seed 7 --budget tokens:3k").last_error, "");
  CHECK_ENDS(without.judge(" --split hidden"), 4, "no second held-out text (hidden.bin)");
}

TEST("train: the same seed gives the same checkpoint for every instruction set and number of workers, another seed another") {
  Workplace w;
  const std::string budget = " --budget tokens:3k";
  const auto hash = [&](const std::string& more, const std::string& environment) {
    const Outcome outcome = w.train(more + budget, environment);
    CHECK_EQUAL(outcome.last_error, "");
    return w.report().member("checkpointSha256")->string;
  };
  const std::string expected = hash("--seed 7", "");
  CHECK_EQUAL(hash("--seed 7", ""), expected);
  CHECK_EQUAL(hash("--seed 7 --workers 2", ""), expected);
  for (const char* isa : {"avx512", "avx2"}) {  // the portable kernels need seconds a step here; tests/kernels_* compare their bits
    if (!cpu::kernels_of(isa)) continue;  // this processor lacks it
    CHECK_EQUAL(hash("--seed 7", std::string("SWARM_ISA=") + isa), expected);
    CHECK_EQUAL(w.report().member("isa")->string, isa);
  }
  CHECK(hash("--seed 8", "") != expected);
}

TEST("train: a preflight stops early, says so, and the judge refuses it") {
  Workplace w;
  CHECK_EQUAL(w.train("--seed 1 --budget tokens:40k --max-steps 2 --json").exit, 0);
  CHECK_EQUAL(w.report().member("steps")->value, 2.0);
  CHECK(w.report().member("partial")->truth);
  const std::string lines = check::read_all(w.path + "/stdout");
  const JsonValue line = parse_json(lines.substr(0, lines.find('\n')));
  for (const char* name : {"step", "steps", "loss", "progress", "tokens", "seconds"}) CHECK(line.member(name));
  const Outcome judged = w.judge();
  CHECK_EQUAL(judged.exit, 6);
  CHECK(judged.last_error.find("stopped before its budget was spent") != std::string::npos);
  CHECK(!std::filesystem::exists(w.path + "/judge.json"));
}

TEST("judge: refuses a checkpoint built from changed frozen sources, and one with a flipped byte") {
  Workplace w;
  CHECK_EQUAL(w.train("--seed 1 --budget tokens:4k").exit, 0);
  const std::string path = w.out() + "/checkpoint.bin", whole = check::read_all(path);
  // What a trainer with a changed harness would have written: the same file with another hash of its frozen sources.
  std::string other = whole.substr(0, whole.size() - 32);
  const size_t at = other.find(w.report().member("frozen")->string);
  CHECK(at != std::string::npos);
  other[at] = other[at] == '0' ? '1' : '0';
  Sha256 hash;
  hash.add(other.data(), other.size());
  const auto digest = hash.digest();
  check::write_all(path, other + std::string(digest.begin(), digest.end()));
  const Outcome changed = w.judge();
  CHECK_EQUAL(changed.exit, 6);
  CHECK(changed.last_error.find("compiled from a changed harness") != std::string::npos);

  std::string flipped = whole;
  flipped[whole.size() / 2] = char(flipped[whole.size() / 2] ^ 4);
  check::write_all(path, flipped);
  const Outcome damaged = w.judge();
  CHECK_EQUAL(damaged.exit, 6);
  CHECK(damaged.last_error.find("damaged") != std::string::npos);
}

TEST("train: usage errors are exit 2, a damaged data set 4, a budget below one step 5, and the last line says why") {
  Workplace w;
  CHECK_ENDS(w.train("--budget tokens:8k"), 2, "--seed is missing");
  CHECK_ENDS(w.train("--seed 1 --budget 20s"), 2, "write work:20s");
  CHECK_ENDS(w.train("--seed -1 --budget tokens:8k"), 2, "--seed is '-1'");
  CHECK_ENDS(w.train("--seed 1 --budget tokens:8k --steps 5"), 2, "unknown option --steps");
  CHECK_ENDS(w.train("--seed 1 --budget tokens:8k --workers 3"), 2, "from 1 to 2");
  std::filesystem::create_directory(w.out());
  check::write_all(w.out() + "/report.json", "of an earlier run");
  CHECK_ENDS(w.train("--seed 1 --budget tokens:10"), 5, "one step alone costs more than the budget");
  CHECK(!std::filesystem::exists(w.out() + "/report.json"));
  std::filesystem::resize_file(w.path + "/train-000.bin", 1000);
  CHECK_ENDS(w.train("--seed 1 --budget tokens:8k"), 4, "half-written");
  CHECK_ENDS(run(w, program("judge") + " --data " + w.path), 2, "--out is missing");
}

TEST("train --backend: without a device auto trains on the CPU and says why, cuda is exit 7, and another scale than the compiled one exit 2") {
  Workplace w;
  const std::string hidden = "CUDA_VISIBLE_DEVICES=-1";  // on a machine that has one
  CHECK_EQUAL(w.train("--seed 7 --budget tokens:3k", hidden).exit, 0);
  CHECK_EQUAL(w.report().member("backend")->string, "cpu");
  const std::string unasked = w.report().member("checkpointSha256")->string;
  CHECK_EQUAL(w.train("--seed 7 --budget tokens:3k --backend auto --scale cpu", hidden).exit, 0);
  CHECK_EQUAL(w.report().member("backend")->string, "cpu");
  CHECK_EQUAL(w.report().member("scale")->string, "cpu");
  CHECK_EQUAL(w.report().member("machineClass")->string, "cpu");
  CHECK_EQUAL(w.report().member("checkpointSha256")->string, unasked);
  const std::string why = w.report().member("backendReason")->string;
  CHECK(why.find("CUDA") != std::string::npos);
  const std::string lines = check::read_all(w.path + "/stdout");
  CHECK_EQUAL(lines.substr(0, lines.find('\n')), "backend: cpu (" + why + ")");
  CHECK_ENDS(w.train("--seed 7 --budget tokens:3k --backend cuda", hidden), 7, "or take --backend cpu");
  CHECK_ENDS(w.train("--seed 7 --budget tokens:3k --backend tpu"), 2, "expected auto, cpu or cuda");
  CHECK_ENDS(w.train("--seed 7 --budget tokens:3k --scale gpu"), 2, "build it with `make trainer SCALE=gpu`");
  CHECK_EQUAL(w.train("--seed 7 --budget tokens:3k").exit, 0);
  CHECK_EQUAL(w.judge(" --backend auto").exit, 0);
  CHECK_ENDS(run(w, hidden + " " + program("judge") + " --data " + w.path + " --checkpoint " + w.out() + "/checkpoint.bin --out " + w.path + "/judge.json --backend cuda"), 7,
             "or take --backend cpu");
}

TEST("train --describe: says what a run would be and trains nothing") {
  Workplace w;
  const Outcome outcome = run(w, program("train") + " --data " + w.path + " --budget work:20s --describe");
  CHECK_EQUAL(outcome.exit, 0);
  const JsonValue facts = parse_json(outcome.out);
  CHECK_EQUAL(facts.member("backend")->string, "cpu");
  CHECK_EQUAL(facts.member("steps")->value, std::floor(20 / facts.member("workPerStep")->value));
  for (const char* name : {"paramsM", "flopsPerToken", "peakBytes", "tokensPerStep"}) CHECK(facts.member(name)->value > 0);
  CHECK(facts.member("step")->members.count("linear") == 1);
}

TEST("train: dies with its parent, and a terminated run leaves no checkpoint and no report") {
  Workplace w;
  const std::string command = program("train") + " --data " + w.path + " --out " + w.out() + " --seed 1 --budget wall:60s > " + w.path + "/log & echo $! > " + w.path + "/pid; ";
  const auto child_after = [&](const std::string& rest) {
    std::system(("sh -c '" + command + rest + "'").c_str());
    return pid_t(std::atoi(check::read_all(w.path + "/pid").c_str()));
  };
  const auto gone = [](pid_t pid) {
    for (int i = 0; i < 100; ++i) {
      const std::string stat = check::read_all("/proc/" + std::to_string(pid) + "/stat");
      if (stat.empty() || stat.find(") Z ") != std::string::npos) return true;
      usleep(20000);
    }
    return false;
  };
  const std::string until_it_trains = "for i in $(seq 300); do grep -qs step " + w.path + "/log && break; sleep 0.1; done";
  const pid_t orphan = child_after(until_it_trains);  // then the shell ends
  CHECK(check::read_all(w.path + "/log").find("step") != std::string::npos);
  CHECK(gone(orphan));
  const pid_t terminated = child_after(until_it_trains + "; kill -TERM $!; sleep 0.5");
  CHECK(gone(terminated));
  CHECK(!std::filesystem::exists(w.out() + "/checkpoint.bin"));
  CHECK(!std::filesystem::exists(w.out() + "/report.json"));
}
