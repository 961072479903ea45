#include <map>
#include <set>

#include "tools/finding.h"
#include "tools/lexer.h"

namespace swarm {
namespace {

using Words = std::set<std::string>;

// Headers of plain computation: nothing in them opens, starts, waits or keeps time. (What they drag in is for the object's rules.)
const Words plain_headers = {"algorithm", "array", "bit", "cassert", "cfloat", "climits", "cmath", "cstddef", "cstdint", "cstring", "functional",
                             "initializer_list", "iterator", "limits", "map", "memory", "numeric", "optional", "set", "stdexcept", "string",
                             "string_view", "tuple", "type_traits", "unordered_map", "utility", "variant", "vector"};
const char* const own_header = "\"engine/experiment.h\"";
const Words directives = {"include", "if", "ifdef", "ifndef", "elif", "else", "endif"};
// Names that begin with __ or _X belong to compilers; these few are harmless.
const Words reserved_but_plain = {"__CUDACC__", "__NVCC__", "__cplusplus", "__host__", "__device__", "__forceinline__", "__restrict__", "__func__"};
const Words plain_attributes = {"nodiscard", "maybe_unused", "likely", "unlikely", "fallthrough", "noreturn", "deprecated"};

// Refused wherever they stand.
const std::map<std::string, std::string> words = {
    {"asm", "inline assembly; write it in C++, or ask for a library op"},
    {"extern", "`extern`; define the function or constant here"},
    {"thread_local", "`thread_local`; an experiment keeps nothing between two calls"},
    {"reinterpret_cast", "`reinterpret_cast`; an experiment describes a network and has no use for raw memory"},
    {"const_cast", "`const_cast`; copy the value instead"},
    {"goto", "`goto`; write a loop or a function"},
    {"export", "`export`; the file is compiled on its own"},
    {"import", "`import`; include engine/experiment.h"},
    {"module", "`module`; the file is compiled on its own"},
};

// Refused where they are called, or reached through std:: or ::, since they are also good names for a variable.
const char* const outside = "reaches outside the description of a network; an experiment computes with its knobs alone";
const Words calls = {
    "accept", "access", "adjtimex", "alarm", "async", "at_quick_exit", "atexit", "bind", "brk", "chdir", "chmod", "chown", "clock", "clock_gettime", "clone",
    "close", "connect", "creat", "dlclose", "dlopen", "dlsym", "dup", "dup2", "environ", "execl", "execlp", "execv", "execve", "execveat", "execvp", "exit",
    "quick_exit", "abort", "fchmod", "fcntl", "fdopen", "fexecve", "fopen", "fork", "fprintf", "fputs", "freopen", "ftruncate", "fwrite", "getauxval", "getenv",
    "getpid", "getppid", "gettimeofday", "io_uring_setup", "ioctl", "kill", "link", "listen", "longjmp", "lseek", "madvise", "memfd_create", "mkdir", "mkfifo",
    "mknod", "mmap", "mprotect", "mremap", "munmap", "nanosleep", "open", "openat", "pipe", "popen", "posix_spawn", "prctl", "pread", "printf", "ptrace",
    "putenv", "puts", "pwrite", "raise", "rand", "read", "readlink", "recv", "rename", "sbrk", "secure_getenv", "send", "sendfile", "setenv", "setitimer",
    "setjmp", "signal", "sigaction", "sleep", "socket", "socketpair", "srand", "stat", "symlink", "syscall", "system", "time", "timer_create", "truncate",
    "umask", "unlink", "unshare", "usleep", "vfork", "waitpid", "write"};
// The same of whole families of the standard library.
const Words families = {"thread", "jthread", "this_thread", "future", "promise", "packaged_task", "mutex", "condition_variable", "atomic", "chrono", "filesystem",
                        "fstream", "ifstream", "ofstream", "filebuf", "cout", "cerr", "clog", "cin", "random_device", "set_terminate", "set_new_handler",
                        "pthread_create", "pthread_atfork", "dl_iterate_phdr"};

class Rules {
 public:
  explicit Rules(const std::vector<Token>& tokens) : t_(tokens) {}

  std::vector<Finding> all() {
    for (at_ = 0; at_ < t_.size(); at_++) {
      if (is("#") && t_[at_].starts_line) directive();
      else if (is("[") && next_is("[")) attribute();
      else if (t_[at_].kind == Token::name) name();
    }
    return found_;
  }

 private:
  bool is(const char* what, size_t ahead = 0) const { return at_ + ahead < t_.size() && t_[at_ + ahead].is == what; }
  bool next_is(const char* what) const { return is(what, 1); }
  bool after(const char* what) const { return at_ > 0 && t_[at_ - 1].is == what; }
  void refuse(const std::string& why) { found_.push_back({t_[at_].line, why}); }

  void directive() {
    const int line = t_[at_].line;
    if (at_ + 1 >= t_.size() || t_[at_ + 1].line != line) return;  // a # alone does nothing
    const std::string what = t_[++at_].is;
    if (!directives.count(what)) return refuse("#" + what + "; constants are `constexpr`, the rest are functions");
    if (what != "include") return;  // the condition's names are looked at like all others, and both branches too
    std::string header;
    while (at_ + 1 < t_.size() && t_[at_ + 1].line == line && !t_[at_ + 1].starts_line) header += t_[++at_].is;
    if (header == own_header) return;
    if (header.size() > 2 && header.front() == '<' && header.back() == '>' && plain_headers.count(header.substr(1, header.size() - 2))) return;
    std::string list;
    for (const std::string& name : plain_headers) list += " <" + name + ">";
    refuse("#include " + header + "; an experiment includes \"engine/experiment.h\" and of the standard library" + list);
  }

  // [[ ... ]]: only what merely advises the compiler.
  void attribute() {
    size_t end = at_ + 2;
    for (; end < t_.size() && t_[end].is != "]"; end++)
      if (t_[end].kind == Token::name && !plain_attributes.count(t_[end].is)) {
        refuse("the attribute " + t_[end].is + "; leave it out (attributes that advise, as [[maybe_unused]], may stay)");
        break;
      }
    at_ = end;
  }

  void name() {
    const std::string& is_now = t_[at_].is;
    const auto word = words.find(is_now);
    if (word != words.end()) return refuse(word->second);
    const bool reserved = is_now.find("__") != std::string::npos || (is_now.size() > 1 && is_now[0] == '_' && is_now[1] >= 'A' && is_now[1] <= 'Z');
    if (reserved && !reserved_but_plain.count(is_now))
      return refuse("`" + is_now + "`, a name of the compiler (attributes, assembly, file names and dates among them); use plain C++");
    if (is_now == "static" && !next_is("constexpr"))
      return refuse("`static`; a constant is `constexpr`, a function needs no `static`, and an experiment keeps nothing between two calls");
    if (is_now == "operator" && (next_is("new") || next_is("delete"))) return refuse("an own operator new or delete; memory is the engine's");
    if (is_now == "namespace" && (next_is("std") || next_is("swarm")) && !after("using"))
      return refuse("reopening namespace " + t_[at_ + 1].is + "; put your functions outside of it");
    if (after(".") || after("->")) return;  // somebody's member
    if (families.count(is_now)) return refuse("`" + is_now + "`: " + outside);
    if (calls.count(is_now) && (next_is("(") || after("::") || after("&"))) return refuse("`" + is_now + "`: " + outside);
  }

  const std::vector<Token>& t_;
  size_t at_ = 0;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> scan_source(const std::string& source) {
  try {
    return Rules(tokens_of(source)).all();
  } catch (const Unreadable& unreadable) {
    return {{unreadable.line, unreadable.what()}};
  }
}

}  // namespace swarm
