#include "tools/answers.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string>

#include "harness/parent.h"
#include "harness/question.h"
#include "harness/whole.h"

namespace swarm {
namespace {

constexpr double seconds_for_an_answer = 10;
constexpr int could_not_start = 127;  // of a process that never became the trainer; the trainer itself ends with no such code

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// One process, from its start to its end.
class Answerer {
 public:
  explicit Answerer(const std::function<void()>& become) {
    int to_it[2], from_it[2];
    if (pipe(to_it) != 0 || pipe(from_it) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      if (!die_with_parent()) _exit(could_not_start);
      const int nowhere = open("/dev/null", O_WRONLY);
      dup2(to_it[0], STDIN_FILENO);
      dup2(from_it[1], STDOUT_FILENO);
      dup2(nowhere, STDERR_FILENO);  // the last line of stderr is the judge's
      become();
      _exit(could_not_start);
    }
    close(to_it[0]);
    close(from_it[1]);
    question_ = to_it[1];
    answer_ = from_it[0];
    fcntl(question_, F_SETFL, O_NONBLOCK);
    fcntl(answer_, F_SETFL, O_NONBLOCK);
  }
  ~Answerer() {
    end();
    for (int fd : {question_, answer_})
      if (fd >= 0) close(fd);
  }

  // Why there is no answer of `wanted` bytes; empty when there is one. `asker`: the judge's end. Its death is seen by that, since the walls
  // of a process also hold back the signal its death would send (Landlock version 6).
  std::string ask(int asker, const std::string& question, size_t wanted, std::string& answer) {
    if (pid_ < 0) return outage_because("cannot be started here");
    const double deadline = now() + seconds_for_an_answer;
    size_t said = 0;
    char some[1 << 16];
    for (;;) {
      const double left = deadline - now();
      if (left <= 0) return "gave no answer within " + std::to_string(int(seconds_for_an_answer)) + " s";
      pollfd ready[3] = {{answer_, POLLIN, 0}, {question_, POLLOUT, 0}, {asker, 0, 0}};  // a negative descriptor is passed over
      if (poll(ready, 3, int(left * 1000) + 1) < 0 && errno != EINTR) return outage_because("cannot be asked");
      if (ready[2].revents) return "is asked by nobody any more";
      if (ready[1].revents) {
        const ssize_t put = write(question_, question.data() + said, question.size() - said);
        if (put > 0) said += size_t(put);
        if (said == question.size() || (put < 0 && errno != EAGAIN && errno != EINTR)) {  // told, or it does not listen
          close(question_);
          question_ = -1;
        }
      }
      if (!ready[0].revents) continue;
      const ssize_t got = read(answer_, some, sizeof some);
      if (got == 0) break;
      if (got > 0) answer.append(some, size_t(got));
      if (answer.size() > wanted) return "wrote more than the " + std::to_string(wanted) + " bytes it was asked for";
    }
    return answer.size() == wanted ? "" : how_it_ended() + " after " + std::to_string(answer.size()) + " of " + std::to_string(wanted) + " bytes";
  }

  bool machine_failed() const { return outage_; }

 private:
  std::string outage_because(const std::string& why) {
    outage_ = true;
    return why;
  }
  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
    pid_ = -1;
  }
  // It has closed its end; most often because it is over.
  std::string how_it_ended() {
    int status = 0;
    pid_t ended = 0;
    for (int i = 0; i < 100 && (ended = waitpid(pid_, &status, WNOHANG)) == 0; ++i) usleep(10000);
    if (ended != pid_) return "ended its answer";
    pid_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == could_not_start) return outage_because("could not be started behind its walls");
    return WIFSIGNALED(status) ? "was ended by signal " + std::to_string(WTERMSIG(status)) : "ended with exit code " + std::to_string(WEXITSTATUS(status));
  }

  pid_t pid_ = -1;
  int question_ = -1, answer_ = -1;
  bool outage_ = false;
};

}  // namespace

void answer_questions(int asked, int told, const std::function<void()>& become) {
  signal(SIGPIPE, SIG_IGN);
  Asked head;
  while (take_whole(asked, &head, sizeof head)) {
    if (head.question > most_asked || head.answer > most_asked) return;  // no judge of ours asks so much
    std::string question(head.question, '\0'), answer;
    if (!take_whole(asked, question.data(), question.size())) return;
    Answerer answerer(become);
    const std::string why = answerer.ask(asked, question, head.answer, answer);
    const std::string& words = why.empty() ? answer : why;
    const Told reply{why.empty() ? End::answered : answerer.machine_failed() ? End::outage : End::refused, words.size()};
    if (!give_whole(told, &reply, sizeof reply) || !give_whole(told, words.data(), words.size())) return;
  }
}

}  // namespace swarm
