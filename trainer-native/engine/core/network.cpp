#include "engine/core/network.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <limits>

#include "engine/core/inside.h"
#include "engine/core/start.h"
#include "engine/cpu/kernels.h"

namespace swarm {
namespace {

// Adds this thread's CPU seconds between its birth and its end to one place of a list, unless the list is empty.
class Stopwatch {
 public:
  Stopwatch(std::vector<double>& list, size_t at) : to_(list.empty() ? nullptr : &list[at]), start_(to_ ? now() : 0) {}
  ~Stopwatch() { if (to_) *to_ += now() - start_; }

 private:
  static double now() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
  }
  double* to_;
  double start_;
};

}  // namespace

void Network::Inside::run_shard(int shard, const Token* tokens, const Token* targets) {
  const int count = N / portions, vocab = graph.shape().vocab;
  for (int portion = 0; portion < portions; portion++)
    for (size_t i = 0; i < layout.steps.size(); i++) {
      const Stopwatch watch(seconds[shard % arenas], i);
      const Step& step = layout.steps[i];
      Frame<float>& f = (portion == 0 ? first_frames : later_frames)[shard][i];
      f.tokens = tokens + size_t(portion) * count;
      if (step.phase == Phase::Forward) layout.operations[step.node]->forward(f);
      else if (step.phase == Phase::Backward) layout.operations[step.node]->backward(f);
      else  // dlogits = (softmax - one hot) / tokens of the whole step
        cpu::kernels().cross_entropy(count, vocab, f.out, vocab, targets + size_t(portion) * count, 1.0f / float(N * shards),
                                     memory + losses_place + size_t(shard) * N + size_t(portion) * count, const_cast<float*>(f.dout), vocab);
    }
}

double Network::Inside::forward_backward(const Token* tokens, const Token* targets) {
  const auto work = [&](int worker) {
    for (int s = worker; s < shards; s += arenas) run_shard(s, tokens + size_t(s) * N, targets + size_t(s) * N);
  };
  crew->run(work);
  std::copy_n(memory + losses_place, token_losses.size(), token_losses.begin());
  double sum = 0;
  for (float loss : token_losses) sum += loss;
  return sum / double(token_losses.size());
}

void Network::Inside::sum_shards(int index) {
  const Learned& l = learned[index];
  cpu::kernels().add(long(parameters[index].rows) * parameters[index].cols, memory + l.gradient[0], memory + l.gradient[1], memory + l.gradient[0]);
}

void Network::Inside::update(int worker, const Schedule& schedule) {
  for (int index : share[worker]) {
    const Learned& l = learned[index];
    const Stopwatch watch(seconds[worker], layout.steps.size() + size_t(index));
    sum_shards(index);
    l.update->run(memory + l.place, memory + l.gradient[0], memory + l.state, memory + scratch_place[worker], steps_done, schedule);
  }
}

Network::Network(const Graph& graph, const Optimizer& optimizer, const Running& running)
    : inside_(std::make_unique<Inside>(graph, &optimizer, running)) {}
Network::Network(const Graph& graph, int rows, const Running& running)
    : inside_(std::make_unique<Inside>(with_rows(graph, rows), nullptr, running)) {}
Network::Network() = default;
Network::~Network() = default;

void Network::init(uint64_t seed) {
  Inside& in = *inside_;
  std::memset(in.memory, 0, in.memory_floats * sizeof(float));
  in.steps_done = 0;
  for (const Parameter& p : in.parameters)
    start(in.graph.nodes()[in.learned[&p - in.parameters.data()].node].init, seed, p.name, size_t(p.rows) * p.cols, p.values);
}

double Network::loss_and_gradients(const Token* tokens, const Token* targets) {
  Inside& in = *inside_;
  const double loss = in.forward_backward(tokens, targets);
  const auto sum_shards = [&](int worker) { for (int index : in.share[worker]) in.sum_shards(index); };
  in.crew->run(sum_shards);
  return loss;
}

void Network::start_step(const Token* tokens, const Token* targets, const Schedule& schedule) {
  inside_->step_loss = inside_->forward_backward(tokens, targets);
  inside_->steps_done++;
  const auto update = [&](int worker) { inside_->update(worker, schedule); };
  inside_->crew->run(update);
}

double Network::finish_step() { return inside_->step_loss; }

std::vector<Network::Floats> Network::training_state() {
  std::vector<Floats> all;
  for (const Parameter& p : inside_->parameters) all.push_back({p.values, size_t(p.rows) * p.cols});
  for (const auto& l : inside_->learned) if (l.update) all.push_back({inside_->memory + l.state, l.update->state_floats()});
  return all;
}

int Network::rows_at_once() const { return inside_->N / inside_->portions / inside_->graph.shape().T; }

void Network::go_on_after(long steps) { inside_->steps_done = steps; }

const float* Network::forward_logits(const Token* tokens) {
  if (inside_->training) refuse("this network was planned for training: build one for judging");
  inside_->run_shard(0, tokens, nullptr);
  return inside_->first_frames[0].back().out;
}

const float* Network::gradient(int parameter) const { return inside_->memory + inside_->learned[parameter].gradient[0]; }
const std::vector<float>& Network::token_losses() const { return inside_->token_losses; }
const std::vector<Parameter>& Network::parameters() const { return inside_->parameters; }
const std::vector<Cost>& Network::step_costs() const { return inside_->costs; }
std::vector<double> Network::op_seconds() const {
  std::vector<double> sum = inside_->seconds[0];
  for (size_t i = 0; i < inside_->seconds[1].size(); i++) sum[i] += inside_->seconds[1][i];
  return sum;
}
const Graph& Network::graph() const { return inside_->graph; }

void Network::poison() {
  Inside& in = *inside_;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int a = 0; a < in.arenas; a++) std::fill_n(in.memory + in.arena_place[a], in.layout.arena_bytes / sizeof(float), nan);
  for (size_t i = 0; in.training && i < in.learned.size(); i++)
    for (size_t g : in.learned[i].gradient) std::fill_n(in.memory + g, size_t(in.parameters[i].rows) * in.parameters[i].cols, nan);
}

size_t Network::parameter_count() const {
  size_t count = 0;
  for (const Parameter& p : inside_->parameters) count += size_t(p.rows) * p.cols;
  return count;
}

size_t Network::peak_bytes() const {
  size_t bytes = inside_->memory_floats * sizeof(float) + inside_->token_losses.size() * sizeof(float);
  for (const auto& op : inside_->layout.operations) if (op) bytes += op->table_bytes();
  return bytes;
}

double Network::flops_per_token() const {
  double flops = 0;
  for (const Cost& c : inside_->costs) flops += c.flops;
  const Shape& shape = inside_->graph.shape();
  return flops / (double(shape.rows) * shape.T);
}

}  // namespace swarm
