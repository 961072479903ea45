// The jail: what a trainer may still do, and what it may not, each thing tried with the jail on and off by tests/jail/prisoner.cpp.
// A thing that cannot be done without the jail either proves nothing, so that must be seen to work first.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>

#include "check.h"
#include "process.h"

using check::Folder;
using check::run;

namespace {

// Whether this kernel has both halves; said loudly where it has not.
bool whole_jail() {
  Folder folder;
  const std::string word = run(folder, check::program("jail") + " probe").out;
  if (word == "landlock+seccomp\n") return true;
  std::printf("NOT TESTED: the jail, this kernel gives %s", word.c_str());
  return false;
}

class Cell : public Folder {
 public:
  Cell() {
    for (const char* name : {"manifest.json", "train-000.bin", "val.bin", "hidden.bin", "token_bytes.bin"}) {
      std::filesystem::create_directories(path + "/data");
      check::write_all(path + "/data/" + name, "0123456789");
    }
    std::filesystem::create_directories(path + "/out");
  }
  // The prisoner's word, or how it was ended.
  std::string tries(const std::string& what, bool jailed, const std::string& user = "", const std::string& role = "train") const {
    std::filesystem::remove_all(path + "/out");
    std::filesystem::create_directories(path + "/out");
    std::filesystem::permissions(path + "/out", std::filesystem::perms::all);
    std::filesystem::permissions(path, std::filesystem::perms::all);
    const std::string options = " --data " + path + "/data --out " + path + "/out --try '" + what + "'";
    const auto outcome = run(*this, user + (jailed ? check::program("jail") + " " + role + " " : "") + check::program("prisoner") + options);
    return outcome.exit == 0 ? outcome.out.substr(0, outcome.out.find('\n')) : "ended with " + std::to_string(outcome.exit) + " " + outcome.last_error;
  }
};

void expect(const Cell& cell, const std::string& what, bool jailed, const std::string& words, const std::string& user = "") {
  const std::string said = cell.tries(what, jailed, user);
  if (said.find(words) == std::string::npos)
    check::fail(__FILE__, __LINE__, "to " + what + (jailed ? " in the jail" : " without the jail") + (user.empty() ? "" : " as nobody") + " is \"" +
                                        said + "\", expected \"" + words + "\"");
}

const char* const refused_things[] = {
    "read the validation text", "read the hidden text", "read the validation text by a link", "list the data folder", "read /etc/passwd",
    "read what the kernel says of processes", "change the training text", "shorten the byte table", "change the mode of the byte table",
    "write beside its folder", "make a link", "make a pipe", "open the network", "open a local socket", "fork", "clone a process", "start a shell",
    "exec itself by descriptor", "raise its own limits", "signal another process", "leave its group", "trace", "share memory between runs", "set a timer"};
const char* const allowed_things[] = {"nothing", "read the training text", "write its folder", "start a thread", "call what is not invented yet"};

}  // namespace

TEST("jail: a trainer reads its text, writes its folder and uses threads; every other thing works outside and is refused inside") {
  if (!whole_jail()) return;
  const Cell cell;
  for (const char* what : allowed_things) expect(cell, what, true, "done");
  for (const char* what : refused_things) {
    expect(cell, what, false, "done");
    const std::string said = cell.tries(what, true);
    if (said != "Permission denied" && said != "Operation not permitted")
      check::fail(__FILE__, __LINE__, "to " + std::string(what) + " in the jail is \"" + said + "\"");
  }
  expect(cell, "exec by the descriptor of the jail", true, "Bad file descriptor");
  expect(cell, "write a giant", false, "done");
  expect(cell, "write a giant", true, "ended with");  // SIGXFSZ
#ifdef __x86_64__
  expect(cell, "call by the x32 table", true, "ended with");
#endif
}

TEST("jail: a process that answers a judge reaches nothing at all, has one thread and ends with who started it") {
  if (!whole_jail()) return;
  const Cell cell;
  CHECK_EQUAL(cell.tries("nothing", true, "", "answer"), "done");
  CHECK_EQUAL(cell.tries("outlive its parent", true), "done");
  for (const char* what : {"read the training text", "read the validation text", "read /etc/passwd", "write its folder", "open the network", "open a local socket",
                           "fork", "clone a process", "start a shell", "share memory between runs", "outlive its parent", "signal another process"}) {
    const std::string said = cell.tries(what, true, "", "answer");
    if (said != "Permission denied" && said != "Operation not permitted")
      check::fail(__FILE__, __LINE__, "to " + std::string(what) + " where answers are given is \"" + said + "\"");
  }
  CHECK(cell.tries("start a thread", true, "", "answer").find("ended with") == 0);  // std::thread throws
}

TEST("jail: with --gpu a trainer has the devices of a GPU, where there are any, and everything else is refused as without") {
  if (!whole_jail()) return;
  const Cell cell;
  const std::string role = "train --gpu";
  for (const char* what : allowed_things) CHECK_EQUAL(cell.tries(what, true, "", role), "done");
  for (const char* what : {"wait for an event", "read what the kernel says of the processors"}) CHECK_EQUAL(cell.tries(what, true, "", role), "done");
  for (const char* what : refused_things) {
    const std::string said = cell.tries(what, true, "", role);
    if (said != "Permission denied" && said != "Operation not permitted")
      check::fail(__FILE__, __LINE__, "to " + std::string(what) + " in the jail of a GPU is \"" + said + "\"");
  }
  CHECK_EQUAL(cell.tries("open a device of a GPU", true, "", role), "No such file or directory");
  // The null device under such a name stands for one.
  const char* const device = "/dev/nvidia-swarm-test";
  if (geteuid() != 0 || mknod(device, S_IFCHR | 0600, makedev(1, 3)) != 0) {
    std::printf("NOT TESTED: devices of a GPU in the jail: this user cannot make a device\n");
    return;
  }
  const std::string plain = cell.tries("open a device of a GPU", true), opened = cell.tries("open a device of a GPU", true, "", role),
                    commanded = cell.tries("command a device of a GPU", true, "", role);
  unlink(device);
  CHECK_EQUAL(plain, "Permission denied");
  CHECK_EQUAL(opened, "done");
  CHECK_EQUAL(commanded, "done");
}

TEST("jail: the same holds for a user without powers") {
  if (!whole_jail()) return;
  Folder away;
  const std::string user = "setpriv --reuid 65534 --regid 65534 --clear-groups ";
  if (geteuid() != 0 || run(away, user + "test -x " + check::program("jail")).exit != 0) {
    std::printf("NOT TESTED: the jail of another user: this one cannot become it, or it may not see the build folder\n");
    return;
  }
  const Cell cell;
  for (const char* what : allowed_things) expect(cell, what, true, "done", user);
  for (const char* what : {"read the validation text", "write beside its folder", "make a link", "open the network", "fork", "start a shell"})
    if (cell.tries(what, true, user) == "done") check::fail(__FILE__, __LINE__, "nobody can " + std::string(what));
}

TEST("jail: a compiler may start programs and include the system's headers, not read the data, a home or the network") {
  if (!whole_jail()) return;
  const Cell cell;
  const std::string make = check::program("jail") + " build --read " + cell.path + "/src --write " + cell.path + "/made -- ";
  std::filesystem::create_directories(cell.path + "/src");
  const auto compiled = [&](const std::string& source) {
    check::write_all(cell.path + "/src/x.cpp", source);
    return run(cell, make + "g++ -c -o " + cell.path + "/made/x.o " + cell.path + "/src/x.cpp");
  };
  CHECK_EQUAL(compiled("#include <vector>\nstd::vector<int> f() { return {1}; }\n").last_error, "");
  const std::string steal = "asm(\".incbin \\\"" + cell.path + "/data/val.bin\\\"\");\n";
  CHECK(compiled(steal).exit != 0);
  CHECK(compiled("#include \"" + cell.path + "/data/val.bin\"\n").exit != 0);
  check::write_all(cell.path + "/src/x.cpp", steal);
  CHECK_EQUAL(run(cell, "g++ -c -o " + cell.path + "/x.o " + cell.path + "/src/x.cpp").exit, 0);  // without the jail it can
  CHECK(run(cell, make + "cat " + cell.path + "/data/val.bin").exit != 0);
  CHECK(run(cell, make + "sh -c 'echo x > " + cell.path + "/elsewhere'").exit != 0);
  CHECK(run(cell, make + "sh -c '" + check::program("prisoner") + " --try nothing'").exit != 0);  // programs of the system only
}

TEST("jail: what cannot be started says so, and other words are usage") {
  Folder folder;
  CHECK_ENDS(run(folder, check::program("jail") + " train " + folder.path + "/absent --data x"), 1, "cannot start " + folder.path + "/absent");
  CHECK_EQUAL(run(folder, check::program("jail") + " fly").exit, 2);
  CHECK_EQUAL(run(folder, check::program("jail") + " build --read /").exit, 2);
}
