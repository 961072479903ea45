#include "judge/own_code.h"

#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <ctime>

#include "harness/failure.h"
#include "harness/question.h"
#include "harness/whole.h"

namespace swarm {
namespace {

constexpr double most_seconds = 300;  // of all questions about one checkpoint; whoever waits for a judge waits longer

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

[[noreturn]] void broken() { throw Failure(Exit::internal, "the launcher that runs the experiment's own code is gone; judge it again"); }

void say(const void* from, size_t bytes) {
  if (!give_whole(asked_descriptor, from, bytes)) broken();
}

void hear(void* to, size_t bytes) {
  if (!take_whole(told_descriptor, to, bytes)) broken();
}

}  // namespace

OwnCode::OwnCode() {
  if (fcntl(asked_descriptor, F_GETFD) < 0 || fcntl(told_descriptor, F_GETFD) < 0)
    throw Failure(Exit::internal, "code of an experiment's own runs behind walls only: start the judge as `jail judge JUDGE … --own-code TRAINER`");
  std::signal(SIGPIPE, SIG_IGN);
}

Graph OwnCode::answered(const Graph& graph) {
  Graph again(graph.shape());
  const Shape shape = graph.shape();
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    Node node = graph.nodes()[n];
    if (node.op == Op::Custom) {
      std::vector<uint64_t> floats;  // of a parameter in all, of an activation for one token
      std::vector<bool> per_token;
      for (int i : node.inputs) {
        const Node& in = graph.nodes()[size_t(i)];
        per_token.push_back(in.op != Op::Param);
        floats.push_back(uint64_t(in.op == Op::Param ? in.rows : 1) * uint64_t(in.cols));
      }
      node.answered = [this, shape, n, name = node.name, floats, per_token, cols = node.cols](const Frame<float>& f) {
        std::vector<uint64_t> all = floats;
        for (size_t i = 0; i < all.size(); ++i)
          if (per_token[i]) all[i] *= uint64_t(f.N);
        ask(shape, int(n), name, all, cols, f);
      };
    }
    again.append(node);
  }
  again.output({graph.output_node()});
  return again;
}

void OwnCode::ask(const Shape& shape, int node, const std::string& name, const std::vector<uint64_t>& floats, int cols, const Frame<float>& f) {
  const auto refused = [&](const std::string& why) { return Failure(Exit::checkpoint, "custom_op " + name + ": its code " + why); };
  if (began_ == 0) began_ = now();
  if (now() - began_ > most_seconds) throw refused("took more than " + std::to_string(int(most_seconds)) + " s for one checkpoint");
  Question question{shape.rows, shape.T, shape.vocab, node, f.N, int32_t(floats.size()), {}};
  uint64_t sum = 0;
  for (size_t i = 0; i < floats.size(); ++i) sum += question.floats[i] = floats[i];
  const uint64_t wanted = uint64_t(f.N) * uint64_t(cols) * sizeof(float);
  const Asked head{sizeof question + sum * sizeof(float), wanted};
  if (head.question > most_asked || head.answer > most_asked)
    throw refused("would read or write more than " + std::to_string(most_asked >> 20) + " MiB at once, more than a judge asks for");
  say(&head, sizeof head);
  say(&question, sizeof question);
  for (size_t i = 0; i < floats.size(); ++i) say(f.in[i], floats[i] * sizeof(float));

  Told told;
  hear(&told, sizeof told);
  if (told.end != End::answered) {
    std::string why(std::min<uint64_t>(told.bytes, 1000), '\0');
    hear(why.data(), why.size());
    if (told.end == End::outage) throw Failure(Exit::internal, "custom_op " + name + ": its code " + why);
    throw refused(why);
  }
  if (told.bytes != wanted) broken();
  hear(f.out, wanted);
  for (uint64_t i = 0; i < wanted / sizeof(float); ++i)
    if (!std::isfinite(f.out[i])) throw refused("answered a value that is not a finite number");
}

}  // namespace swarm
