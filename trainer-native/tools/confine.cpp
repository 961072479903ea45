#include "tools/confine.h"

#ifdef __linux__
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "harness/question.h"
#include "harness/syscall_filter.h"

namespace swarm {
namespace {

// A process may open descriptors below `open_files` only. The program to start is opened above it and closed by its exec, so that no
// descriptor of that number can ever exist again: a filter that allows execveat of this one number allows exactly one exec.
constexpr rlim_t open_files = 256;
constexpr int program_descriptor = 300, first_kept = told_descriptor;
static_assert(told_descriptor >= int(open_files) && asked_descriptor == told_descriptor + 1 && program_descriptor == asked_descriptor + 1, "one row, out of reach");
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

// Calls from number 424 on have the same number on every architecture; headers may be older than they are.
constexpr int call_pidfd_send_signal = 424, call_io_uring_setup = 425, call_io_uring_enter = 426, call_io_uring_register = 427, call_open_tree = 428,
              call_move_mount = 429, call_fsopen = 430, call_fsconfig = 431, call_fsmount = 432, call_fspick = 433, call_pidfd_open = 434,
              call_clone3 = 435, call_close_range = 436, call_pidfd_getfd = 438, call_process_madvise = 440, call_mount_setattr = 442,
              call_quotactl_fd = 443, call_memfd_secret = 447, call_process_mrelease = 448, call_fchmodat2 = 452;

// What neither a trainer nor a compiler has any use for.
std::vector<int> never() {
  return {
      // the network, and sockets between processes
      SYS_socket, SYS_socketpair, SYS_bind, SYS_listen, SYS_connect, SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_sendmmsg,
      // other processes: their memory, their descriptors
      SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, call_pidfd_open, call_pidfd_getfd, call_pidfd_send_signal,
      call_process_madvise, call_process_mrelease, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
      // namespaces, mounts, what the kernel is made of
      SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, call_open_tree, call_move_mount, call_fsopen, call_fsconfig, call_fsmount,
      call_fspick, call_mount_setattr, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, call_io_uring_setup, call_io_uring_enter,
      call_io_uring_register, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
      SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, call_quotactl_fd, SYS_sethostname, SYS_setdomainname, SYS_personality, SYS_syslog,
      // files by other ways than their names, and what Landlock does not cover: modes, owners, attributes, times
      SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init, SYS_mknodat, SYS_fchownat, SYS_fchown, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
      SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_utimensat,
      // the clock
      SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime,
      // memory that outlives a run, or can be handed on
      SYS_shmget, SYS_shmat, SYS_shmctl, SYS_msgget, SYS_msgsnd, SYS_semget, SYS_semop, SYS_mq_open, SYS_memfd_create, call_memfd_secret,
#ifdef __x86_64__
      SYS_mknod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_kexec_file_load,
#endif
  };
}

// What a compiler needs and a trainer does not: other processes, modes of files, priorities, own groups, timers that interrupt.
std::vector<int> never_in_a_trainer() {
  return {
      SYS_execve, SYS_kill, SYS_tkill, SYS_setsid, SYS_setpgid, SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setparam, SYS_sched_setattr,
      SYS_setpriority, SYS_ioprio_set, SYS_setitimer, SYS_timer_create, SYS_timerfd_create, SYS_signalfd4, SYS_fchmod, SYS_fchmodat, call_fchmodat2,
      SYS_symlinkat, SYS_linkat, SYS_truncate, SYS_inotify_init1, SYS_setrlimit, SYS_splice, SYS_tee, SYS_vmsplice,
#ifdef __x86_64__
      SYS_fork, SYS_vfork, SYS_alarm, SYS_chmod, SYS_symlink, SYS_link, SYS_signalfd, SYS_inotify_init,
#endif
  };
}

SyscallFilter filter_of(const Confinement& confinement) {
  SyscallFilter filter;
  filter.deny(never(), EPERM);
  filter.only_if_equal(SYS_prlimit64, 2, 0, EPERM);  // limits may be read
  filter.deny({call_clone3}, ENOSYS);  // its flags are out of a filter's sight; libraries fall back to clone
  if (confinement.starts_programs) {
    filter.deny({SYS_unshare}, EPERM);
    return filter;
  }
  filter.deny(never_in_a_trainer(), EPERM);
  if (confinement.answers) {
    filter.never_if_equal(SYS_prctl, 0, PR_SET_PDEATHSIG, EPERM);
    filter.deny({SYS_clone}, EPERM);
  }
  filter.only_with_bits(SYS_clone, 0, CLONE_THREAD | CLONE_VM, EPERM);        // threads, no processes
  filter.only_if_equal(SYS_unshare, 0, CLONE_VM, EPERM);                      // does nothing but tell whether there is one thread, see harness/alone.h
  filter.only_if_equal(SYS_tgkill, 0, uint32_t(getpid()), EPERM);             // abort()
  filter.only_if_equal(SYS_execveat, 0, uint32_t(program_descriptor), EPERM);  // exec_once
  return filter;
}

void limit(int what, uint64_t most) {
  rlimit now;
  if (getrlimit(__rlimit_resource_t(what), &now) != 0) return;
  now.rlim_max = std::min(now.rlim_max, rlim_t(most));
  now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
  setrlimit(__rlimit_resource_t(what), &now);
}

// Root keeps one power: to read and write the files of whoever owns the checkout, as far as Landlock lets it.
void drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept[2]{};
  if (geteuid() == 0) kept[0].permitted = kept[0].effective = 1u << CAP_DAC_OVERRIDE;
  syscall(SYS_capset, &header, kept);
}

// Opens the one program that may still be started, and closes everything else but the three standard streams.
bool hold_open(const std::string& program, int told, int asked) {
  rlimit now;
  if (getrlimit(RLIMIT_NOFILE, &now) != 0) return false;
  now.rlim_cur = std::max(now.rlim_cur, std::min(now.rlim_max, rlim_t(program_descriptor) + 1));
  setrlimit(RLIMIT_NOFILE, &now);
  const int fd = open(program.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0 || (fd != program_descriptor && dup3(fd, program_descriptor, O_CLOEXEC) < 0)) return false;
  const bool keeps = told >= 0;
  if (keeps && (dup2(told, told_descriptor) < 0 || dup2(asked, asked_descriptor) < 0)) return false;
  syscall(call_close_range, 3u, unsigned(keeps ? first_kept : program_descriptor) - 1, unsigned(CLOSE_RANGE_CLOEXEC));
  syscall(call_close_range, unsigned(program_descriptor) + 1, ~0u, unsigned(CLOSE_RANGE_CLOEXEC));
  limit(RLIMIT_NOFILE, open_files);
  return true;
}

}  // namespace

std::string confine(Confinement& confinement) {
  const bool held = confinement.program.empty() || hold_open(confinement.program, confinement.told, confinement.asked);
  if (!held) return "unsandboxed";  // and exec_once says why
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "unsandboxed";
  limit(RLIMIT_CORE, 0);
  if (confinement.file_bytes) limit(RLIMIT_FSIZE, confinement.file_bytes);
  if (confinement.memory_bytes) limit(RLIMIT_AS, confinement.memory_bytes);
  if (confinement.cpu_seconds) limit(RLIMIT_CPU, confinement.cpu_seconds);
  drop_capabilities();
  const bool files = confinement.files.enforce();
  const bool calls = filter_of(confinement).install();
  return files && calls ? "landlock+seccomp" : calls ? "seccomp" : "unsandboxed";
}

void exec_once(char* const argv[]) {
  syscall(SYS_execveat, program_descriptor, "", argv, environ, 0x1000 /* AT_EMPTY_PATH */);
}

}  // namespace swarm

#else
#include <unistd.h>
namespace swarm {
std::string confine(Confinement&) { return "unsandboxed"; }
void exec_once(char* const argv[]) { execvp(argv[0], argv); }
}  // namespace swarm
#endif
