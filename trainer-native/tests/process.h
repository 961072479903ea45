// Our programs as processes: what they print, how they end.
#pragma once
#include <cstdlib>
#include <sys/wait.h>

#include <string>

#include "data_folder.h"

namespace check {

inline std::string build_folder() {
  const char* build = std::getenv("SWARM_BUILD");
  return build ? build : "build";
}
inline std::string program(const char* name) { return build_folder() + "/" + name; }

struct Outcome {
  int exit;
  std::string out, last_error;
};

// Runs a shell command in `folder`'s company: stdout and the last line of stderr.
inline Outcome run(const Folder& folder, const std::string& command) {
  const std::string out = folder.path + "/stdout", err = folder.path + "/stderr";
  const int status = std::system((command + " >" + out + " 2>" + err).c_str());
  std::string errors = read_all(err);
  while (!errors.empty() && errors.back() == '\n') errors.pop_back();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(out), errors.substr(errors.rfind('\n') + 1)};
}

// The program must have ended with this exit code, and its last line on stderr must say these words.
inline void ends(const char* file, int line, const Outcome& outcome, int code, const std::string& words) {
  if (outcome.exit != code || outcome.last_error.find(words) == std::string::npos)
    fail(file, line, "exit " + std::to_string(outcome.exit) + " saying \"" + outcome.last_error + "\", expected " + std::to_string(code) + " and \"" + words + "\"");
}
#define CHECK_ENDS(outcome, code, words) check::ends(__FILE__, __LINE__, outcome, code, words)

// Why no program of this build can be started in a whole jail, "" where one can.
inline std::string why_no_jail() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "a sanitizer sets limits of its own, which the jail refuses";
#else
  const Folder folder;
  const std::string word = run(folder, program("jail") + " probe").out;
  return word == "landlock+seccomp\n" ? "" : "this kernel has not both Landlock and seccomp";
#endif
}

}  // namespace check
