// A prisoner tries one thing, as a trainer's own code could, and says how it went: "done" or the system's words.
// usage: prisoner --data DIR --out DIR --try WHAT   (the options are those of a trainer, so that the jail gives it the same)
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace {

std::string data, out;
char* const* own_arguments;

long reads(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY);
  char byte;
  return fd < 0 ? -1 : read(fd, &byte, 1);
}
long writes(const std::string& path) { return open(path.c_str(), O_WRONLY | O_CREAT, 0644); }
// A child that is let live would be a second process.
long child(long pid) {
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(pid_t(pid), nullptr, 0);
  return pid;
}
long again(int fd) {  // become oneself once more, with nothing to try
  char* const one[] = {own_arguments[0], nullptr};
  return syscall(SYS_execveat, fd, "", one, environ, 0x1000);
}

const std::map<std::string, std::function<long()>> attempts = {
    {"nothing", [] { return 0L; }},
    {"read the training text", [] { return reads(data + "/train-000.bin"); }},
    {"read the validation text", [] { return reads(data + "/val.bin"); }},
    {"read the hidden text", [] { return reads(data + "/hidden.bin"); }},
    {"read the validation text by a link", [] { return symlink((data + "/val.bin").c_str(), (out + "/link").c_str()) < 0 ? -1 : reads(out + "/link"); }},
    {"list the data folder", [] { return opendir(data.c_str()) ? 0L : -1L; }},
    {"read /etc/passwd", [] { return reads("/etc/passwd"); }},
    {"read what the kernel says of processes", [] { return reads("/proc/self/status"); }},
    {"change the training text", [] { return long(open((data + "/train-000.bin").c_str(), O_RDWR)); }},
    {"shorten the byte table", [] { return long(truncate((data + "/token_bytes.bin").c_str(), 8)); }},
    {"change the mode of the byte table", [] { return long(chmod((data + "/token_bytes.bin").c_str(), 0666)); }},
    {"write its folder", [] { return writes(out + "/checkpoint.bin.partial"); }},
    {"write beside its folder", [] { return writes(out + "/../elsewhere"); }},
    {"make a link", [] { return long(symlink("/etc/passwd", (out + "/report.json").c_str())); }},
    {"make a pipe", [] { return long(mkfifo((out + "/report.json").c_str(), 0644)); }},
    {"write a giant", [] {
       const int fd = int(writes(out + "/giant"));
       return fd < 0 ? -1L : long(ftruncate(fd, off_t(5) << 30));
     }},
    {"open the network", [] { return long(socket(AF_INET, SOCK_STREAM, 0)); }},
    {"open a local socket", [] { return long(socket(AF_UNIX, SOCK_STREAM, 0)); }},
    {"fork", [] { return child(fork()); }},
    {"clone a process", [] { return child(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }},
    {"start a shell", [] { return long(execl("/bin/sh", "sh", "-c", "echo done", nullptr)); }},
    {"exec itself by descriptor", [] { return again(open(own_arguments[0], O_RDONLY)); }},
    {"exec by the descriptor of the jail", [] {
       const int fd = open(own_arguments[0], O_RDONLY);
       return dup2(fd, 300) < 0 ? -1 : again(300);
     }},
    {"raise its own limits", [] {
       rlimit more{512, 512};
       getrlimit(RLIMIT_NOFILE, &more);
       more.rlim_cur = more.rlim_max;
       return long(setrlimit(RLIMIT_NOFILE, &more));
     }},
    {"start a thread", [] {
       std::thread([] {}).join();
       return 0L;
     }},
    {"signal another process", [] { return long(kill(getppid(), 0)); }},
    {"outlive its parent", [] { return long(prctl(PR_SET_PDEATHSIG, 0)); }},
    {"wait for an event", [] { return long(eventfd(0, EFD_CLOEXEC)); }},
    {"open a device of a GPU", [] { return long(open("/dev/nvidia-swarm-test", O_RDWR)); }},
    {"command a device of a GPU", [] {  // what stands there has no commands, and says so where it is asked at all
       const int fd = open("/dev/nvidia-swarm-test", O_RDWR);
       return fd < 0 ? -1L : ioctl(fd, 0x4600) == -1 && errno == ENOTTY ? 0L : -1L;
     }},
    {"read what the kernel says of the processors", [] { return reads("/proc/cpuinfo"); }},
    {"leave its group", [] { return long(setpgid(0, 0)); }},
    {"trace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
    {"unshare", [] { return long(unshare(CLONE_NEWNS)); }},
    {"share memory between runs", [] { return long(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600)); }},
    {"set a timer", [] {
       const itimerval soon{{0, 0}, {1000, 0}};
       return long(setitimer(ITIMER_REAL, &soon, nullptr));
     }},
    {"call what is not invented yet", [] { return syscall(100000) == -1 && errno == ENOSYS ? 0L : -1L; }},
#ifdef __x86_64__
    {"call by the x32 table", [] { return syscall(0x40000000 + 39); }},
#endif
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--answer") == 0 && std::strstr(argv[0], "/hanging"))
    for (prctl(PR_SET_PDEATHSIG, 0);;) pause();  // asked by the launcher: tests/own_code_test.cpp
  std::string what = "nothing";
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    (name == "--data" ? data : name == "--out" ? out : what) = argv[i + 1];
  }
  own_arguments = argv;
  const auto attempt = attempts.find(what);
  if (attempt == attempts.end()) return 2;
  errno = 0;
  const bool did = attempt->second() >= 0;
  std::printf("%s\n", did ? "done" : std::strerror(errno));
  return 0;
}
