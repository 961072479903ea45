// jail train TRAINER OPTIONS…    runs a trainer where its own options are all it can reach: it may read the training text and system
//                                libraries, write its --out folder, use its threads; no validation text, network, other process or exec
// jail judge JUDGE OPTIONS…      the judge: the data folder, the checkpoint, the folder of its --out; else the same. With --own-code TRAINER
//                                the code of custom ops is asked beside it, a process a question, each in a jail of its own
// jail answer TRAINER OPTIONS…   such a process: system libraries and nothing else, no thread, no life after its parent
// jail train|judge --gpu …       may use NVIDIA's devices besides, where there are any
// jail build --read PATH… --write FOLDER… -- COMMAND…   a compiler: it may start programs of the system, and reads only these paths
// jail probe                     prints what this machine can do: landlock+seccomp, seccomp or unsandboxed
//
// The jail is put on before the first instruction of the program, so that nothing compiled into it can come first. It execs in place:
// the same process, parent and exit code. SWARM_SANDBOX in the program's environment says what it found.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/parent.h"
#include "tools/answers.h"
#include "tools/confine.h"

namespace {

namespace fs = std::filesystem;
using swarm::Confinement;
using swarm::Landlock;
using Arguments = std::vector<std::string>;

constexpr int usage_exit = 2, broken_exit = 1;
const char* const whole = "landlock+seccomp";

[[noreturn]] void end(int code, const std::string& why) {
  std::fprintf(stderr, "jail: %s\n", why.c_str());
  std::exit(code);
}

std::string option(const Arguments& given, const char* name) {
  for (size_t i = 1; i + 1 < given.size(); i++)
    if (given[i] == name) return given[i + 1];
  return "";
}

void allow_system_libraries(Landlock& files) {
  for (const char* path : {"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"})
    files.allow(path, Landlock::read | Landlock::execute);
  for (const char* path : {"/etc/ld.so.cache", "/etc/ld.so.preload"}) files.allow(path, Landlock::read_file);
  files.allow("/dev/null", Landlock::read_file | Landlock::write_file);
}

void allow_program(Confinement& jail, const std::string& program) {
  allow_system_libraries(jail.files);
  jail.files.allow(program, Landlock::read_file | Landlock::execute);
  jail.program = program;
}

// The training text of a data folder: never the held-out ones.
void allow_training_text(Landlock& files, const std::string& folder) {
  files.allow(folder + "/manifest.json", Landlock::read_file);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("train-", 0) == 0 && !entry.is_symlink() && entry.is_regular_file()) files.allow(entry.path().string(), Landlock::read_file);
  }
}

void allow_output(Landlock& files, const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  files.allow(folder, Landlock::write);
}

// What NVIDIA's driver is reached through. A path that is not there stays unreachable, so without a GPU this changes nothing.
void allow_gpu(Landlock& files) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error))
    if (entry.path().filename().string().rfind("nvidia", 0) == 0)
      files.allow(entry.path().string(), Landlock::read | Landlock::write_file | Landlock::command_device);
  for (const char* path : {"/proc/driver/nvidia", "/proc/devices", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/mmap_min_addr",
                           "/sys/bus/pci", "/sys/devices", "/sys/module/nvidia", "/sys/module/nvidia_uvm"})
    files.allow(path, Landlock::read);
  const char* const more = std::getenv("LD_LIBRARY_PATH");
  std::string folders = std::string("/usr/local/cuda:/usr/local/nvidia") + (more && *more ? std::string(":") + more : "");
  for (size_t begin = 0, end; begin < folders.size(); begin = end + 1) {
    end = std::min(folders.find(':', begin), folders.size());
    if (end > begin && folders[begin] == '/') files.allow(folders.substr(begin, end - begin), Landlock::read | Landlock::execute);
  }
  setenv("CUDA_CACHE_DISABLE", "1", 1);  // compiled kernels would be kept in a home
}

void allow_for_train(Confinement& jail, const Arguments& command) {
  allow_program(jail, command[0]);
  allow_training_text(jail.files, option(command, "--data"));
  const std::string out = option(command, "--out");
  if (!out.empty()) allow_output(jail.files, out);
  jail.file_bytes = uint64_t{4} << 30;  // what a whole trainer may use in memory
}

void allow_for_judge(Confinement& jail, const Arguments& command) {
  allow_program(jail, command[0]);
  jail.files.allow(option(command, "--data"), Landlock::read);
  jail.files.allow(option(command, "--checkpoint"), Landlock::read_file);
  const fs::path out = option(command, "--out");
  allow_output(jail.files, out.has_parent_path() ? out.parent_path().string() : ".");
  jail.file_bytes = 1 << 20;
}

void allow_for_answer(Confinement& jail, const Arguments& command) {
  allow_program(jail, command[0]);
  jail.answers = true;
  jail.file_bytes = 1 << 16;  // no file can be opened to be written; its output may be one
  jail.memory_bytes = uint64_t{4} << 30;
  jail.cpu_seconds = 60;
}

// A compiler outside the system's folders (/opt, a home) with what stands beside its bin folder.
void allow_compiler(Landlock& files, const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = path ? path : "";
  for (size_t begin = 0, end; begin <= folders.size(); begin = end + 1) {
    end = std::min(folders.find(':', begin), folders.size());
    std::error_code error;
    const fs::path found = fs::canonical(name.find('/') != std::string::npos ? fs::path(name) : fs::path(folders.substr(begin, end - begin)) / name, error);
    if (error) continue;
    const fs::path home = found.parent_path().parent_path();
    const bool of_the_system = found.string().rfind("/usr/", 0) == 0 || home == home.root_path();
    if (!of_the_system) files.allow(home.string(), Landlock::read | Landlock::execute);
    return;
  }
}

// Takes --read and --write off the front and leaves the command.
void allow_for_build(Confinement& jail, Arguments& command) {
  jail.starts_programs = true;
  jail.file_bytes = uint64_t{1} << 30;
  jail.memory_bytes = uint64_t{6} << 30;
  jail.cpu_seconds = 300;
  allow_system_libraries(jail.files);
  for (const char* path : {"/bin", "/usr/bin", "/usr/libexec", "/usr/local/bin", "/usr/local/libexec"}) jail.files.allow(path, Landlock::read | Landlock::execute);
  for (const char* path : {"/usr/include", "/usr/local/include", "/etc/alternatives"}) jail.files.allow(path, Landlock::read);
  size_t at = 0;
  for (; at + 1 < command.size() && command[at] != "--"; at += 2) {
    if (command[at] == "--read") jail.files.allow(command[at + 1], Landlock::read);
    else if (command[at] == "--write") allow_output(jail.files, jail.scratch = command[at + 1]);
    else end(usage_exit, "unknown option " + command[at]);
  }
  if (at + 1 >= command.size() || command[at] != "--") end(usage_exit, "build needs -- and a command");
  command.erase(command.begin(), command.begin() + long(at) + 1);
  allow_compiler(jail.files, command[0]);
}

[[noreturn]] void become(const Arguments& command, const Confinement& jail) {
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  if (jail.starts_programs) execvp(argv[0], argv.data());
  else swarm::exec_once(argv.data());
  end(broken_exit, "cannot start " + command[0] + ": " + std::strerror(errno));
}

// The process beside the judge that has its questions answered. It ends with the judge, and what it starts ends with it.
void answer_beside(Confinement& jail, const std::string& trainer) {
  int asked[2], told[2];
  if (pipe2(asked, O_CLOEXEC) != 0 || pipe2(told, O_CLOEXEC) != 0) end(broken_exit, std::string("no pipes: ") + std::strerror(errno));
  const pid_t beside = fork();
  if (beside < 0) end(broken_exit, std::string("no second process: ") + std::strerror(errno));
  if (beside == 0) {
    if (!swarm::die_with_parent()) std::_Exit(broken_exit);
    close(asked[1]);
    close(told[0]);
    swarm::answer_questions(asked[0], told[1], [&trainer] {
      Confinement cell;
      const Arguments command{trainer, "--answer"};
      allow_for_answer(cell, command);
      clearenv();
      setenv("SWARM_SANDBOX", whole, 1);
      if (swarm::confine(cell) == whole) become(command, cell);
    });
    std::_Exit(0);
  }
  close(asked[0]);
  close(told[1]);
  jail.told = told[0];
  jail.asked = asked[1];
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  Arguments command(argv + (argc > 1 ? 2 : 1), argv + argc);
  Confinement jail;
  if (what == "probe" && command.empty()) {
    std::printf("%s\n", swarm::confine(jail).c_str());
    return 0;
  }
  const bool gpu = (what == "train" || what == "judge") && !command.empty() && command[0] == "--gpu";
  if (gpu) command.erase(command.begin());
  if ((what != "train" && what != "judge" && what != "answer" && what != "build") || command.empty())
    end(usage_exit, "usage: jail train|judge [--gpu] PROGRAM OPTIONS… | jail answer PROGRAM OPTIONS… | jail build --read PATH… --write FOLDER… -- COMMAND… | jail probe");
  if (gpu) allow_gpu(jail.files);
  const std::string own_code = what == "judge" ? option(command, "--own-code") : "";
  if (!own_code.empty()) answer_beside(jail, own_code);
  if (what == "train") allow_for_train(jail, command);
  else if (what == "judge") allow_for_judge(jail, command);
  else if (what == "answer") allow_for_answer(jail, command);
  else allow_for_build(jail, command);
  if (!jail.scratch.empty()) setenv("TMPDIR", jail.scratch.c_str(), 1);
  const std::string holds = swarm::confine(jail);
  if (!own_code.empty() && holds != whole) end(broken_exit, "code of an experiment's own is asked behind whole walls only, here they are: " + holds);
  setenv("SWARM_SANDBOX", holds.c_str(), 1);
  become(command, jail);
}
