#include "engine/cuda/network.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "engine/core/start.h"
#include "engine/core/update.h"
#include "engine/cpu/fmath.h"
#include "engine/cpu/kernels.h"
#include "engine/cuda/backend.h"
#include "engine/cuda/optim.h"
#include "engine/cuda/rows.h"

namespace swarm::cuda {
namespace {

size_t table_floats(const Graph& graph) {
  size_t floats = 0;
  for (const Node& node : graph.nodes())
    if (node.op == Op::Rope) floats += size_t(graph.shape().T) * node.ints[0];
  return std::max<size_t>(floats, 1);
}

}  // namespace

DeviceNetwork::DeviceNetwork(const Graph& graph, const Optimizer& optimizer, const Options& options)
    : graph_(graph), plan_((require_causal(graph), Plan(graph, optimizer, options))), products_(options.products), memory_(plan_.bytes), tables_(table_floats(graph) * sizeof(float)),
      places_{graph_, plan_, memory_.at(0), {}}, sorted_(SortedTokens::ints(plan_.N, graph.shape().vocab)) {
  make_tables();
  mirror_.resize(plan_.numbers);
  for (size_t n = 0; n < graph_.nodes().size(); n++)
    if (const Held* held = places_.parameter(int(n))) {
      const Node& node = graph_.nodes()[n];
      parameters_.push_back({node.name, node.rows, node.cols, mirror_.data() + held->place});
    }
  count_costs(optimizer);
  fill_bytes(memory_.at(0), 0, plan_.scratch);
  first_ = std::make_unique<Playback>(record_micro_step(false));
  again_ = std::make_unique<Playback>(record_micro_step(true));
  update_ = std::make_unique<Playback>(record_update());
}

// Ropes of one shape share a table.
void DeviceNetwork::make_tables() {
  places_.tables.assign(graph_.nodes().size(), nullptr);
  std::map<std::pair<int, float>, const float*> known;
  const int T = graph_.shape().T;
  size_t at = 0;
  for (size_t n = 0; n < graph_.nodes().size(); n++) {
    const Node& node = graph_.nodes()[n];
    if (node.op != Op::Rope) continue;
    const float*& table = known[{node.ints[0], node.floats[0]}];
    if (!table) {
      std::vector<float> numbers(size_t(T) * node.ints[0]);
      cpu::rope_table(T, node.ints[0], node.floats[0], numbers.data(), numbers.data() + numbers.size() / 2);
      upload(tables_.at(at), numbers.data(), numbers.size() * sizeof(float));
      table = reinterpret_cast<const float*>(tables_.at(at));
      at += numbers.size() * sizeof(float);
    }
    places_.tables[n] = table;
  }
}

Tape DeviceNetwork::record_micro_step(bool again) const {
  Tape tape(products_.get());
  for (const Step& step : plan_.layout.steps) {
    const bool is_head = step.node == plan_.head.linear, is_squeeze = step.node == plan_.head.squeeze;
    if (step.phase == Phase::Forward && !is_head && !is_squeeze) record_forward(tape, places_, step.node);
    if (step.phase != Phase::Backward || is_squeeze) continue;
    if (is_head) record_head(tape, places_, again);  // here, where the gradient of its input begins to exist
    else record_backward(tape, places_, step, again);
  }
  sum_all(tape, plan_.N, places_.at<float>(plan_.losses), again, places_.at<float>(plan_.total_loss));
  return tape;
}

Tape DeviceNetwork::record_update() const {
  Tape tape(products_.get());
  for (size_t i = 0; i < plan_.batches.size(); i++) {
    const Batch& b = plan_.batches[i];
    const Held& held = plan_.held[size_t(b.first)];
    const auto floats = [&](size_t array) { return places_.at<float>(array) + held.place; };
    const auto* numbers = places_.at<UpdateNumbers>(plan_.update_numbers) + i;
    bf16* rounded = places_.at<bf16>(plan_.rounded) + held.place;
    if (b.rule.is_muon) {
      MuonBatch batch;
      batch.count = b.count, batch.rows = b.rows, batch.cols = b.cols, batch.polar_steps = b.rule.muon.polar_steps;
      muon(tape, batch, numbers, floats(plan_.values), floats(plan_.gradients), floats(plan_.first), floats(plan_.second), rounded, places_.scratch());
    } else {
      adam(tape, long(held.count), numbers, floats(plan_.values), floats(plan_.gradients), floats(plan_.first), floats(plan_.second), rounded);
    }
  }
  return tape;
}

void DeviceNetwork::send_update_numbers(const Schedule& schedule) {
  std::vector<UpdateNumbers> all;
  for (const Batch& b : plan_.batches) {
    const Muon& m = b.rule.muon;
    const Adam& a = b.rule.adam;
    if (b.rule.is_muon) {
      all.push_back({m.lr * schedule.lr, schedule.momentum, m.beta2, 0, 0, m.weight_decay * schedule.weight_decay});
      continue;
    }
    const double first = 1.0 - fmath::power(a.beta1, steps_done_), second = 1.0 - fmath::power(a.beta2, steps_done_), lr = a.lr * schedule.lr;
    all.push_back({float(lr / first), a.beta1, a.beta2, a.eps, float(1 / second), 1 - float(lr) * a.weight_decay * schedule.weight_decay});
  }
  upload(places_.at<UpdateNumbers>(plan_.update_numbers), all.data(), all.size() * sizeof(UpdateNumbers));
}

void DeviceNetwork::init(uint64_t seed) {
  for (size_t n = 0, i = 0; n < graph_.nodes().size(); n++)
    if (places_.parameter(int(n))) {
      const Parameter& p = parameters_[i++];
      start(graph_.nodes()[n].init, seed, p.name, size_t(p.rows) * p.cols, p.values);
    }
  upload_weights();
  for (size_t array : {plan_.first, plan_.second}) fill_bytes(memory_.at(array), 0, plan_.numbers * sizeof(float));
  steps_done_ = 0;
}

void DeviceNetwork::upload_weights() {
  upload(memory_.at(plan_.values), mirror_.data(), mirror_.size() * sizeof(float));
  std::vector<bf16> rounded(mirror_.size());
  std::transform(mirror_.begin(), mirror_.end(), rounded.begin(), to_bf16);
  upload(memory_.at(plan_.rounded), rounded.data(), rounded.size() * sizeof(bf16));
  mirror_is_old_ = false;
}

double DeviceNetwork::loss_and_gradients(const Token* tokens, const Token* targets) {
  for (int micro = 0; micro < plan_.micro_steps; micro++) {
    const size_t at = size_t(micro) * plan_.N;
    SortedTokens::sort(tokens + at, plan_.N, graph_.shape().vocab, sorted_.data());
    upload(memory_.at(plan_.tokens), tokens + at, size_t(plan_.N) * sizeof(Token));
    upload(memory_.at(plan_.targets), targets + at, size_t(plan_.N) * sizeof(Token));
    upload(memory_.at(plan_.sorted), sorted_.data(), sorted_.size() * sizeof(int32_t));
    (micro == 0 ? first_ : again_)->run();
  }
  float total = 0;
  download(&total, memory_.at(plan_.total_loss), sizeof total);
  return double(total) / (double(plan_.N) * plan_.micro_steps);
}

double DeviceNetwork::train_step(const Token* tokens, const Token* targets, const Schedule& schedule) {
  const double loss = loss_and_gradients(tokens, targets);
  steps_done_++;
  send_update_numbers(schedule);
  update_->run();
  mirror_is_old_ = true;
  return loss;
}

const float* DeviceNetwork::forward_logits(const Token*) { refuse("the CUDA backend trains; logits for the judge are computed on the CPU"); }

const std::vector<Parameter>& DeviceNetwork::parameters() const {
  if (mirror_is_old_) download(mirror_.data(), memory_.at(plan_.values), mirror_.size() * sizeof(float));
  mirror_is_old_ = false;
  return parameters_;
}

const float* DeviceNetwork::gradient(int parameter) const {
  gradient_.resize(plan_.numbers);
  download(gradient_.data(), memory_.at(plan_.gradients), gradient_.size() * sizeof(float));
  return gradient_.data() + (parameters_[size_t(parameter)].values - mirror_.data());
}

std::vector<Network::Floats> DeviceNetwork::training_state() {
  parameters();
  std::vector<Floats> all{{mirror_.data(), mirror_.size()}};
  for (auto [moments, array] : {std::pair{&first_moments_, plan_.first}, std::pair{&second_moments_, plan_.second}}) {
    moments->resize(plan_.numbers);
    download(moments->data(), memory_.at(array), moments->size() * sizeof(float));
    all.push_back({moments->data(), moments->size()});
  }
  return all;
}

void DeviceNetwork::go_on_after(long steps) {
  upload_weights();
  upload(memory_.at(plan_.first), first_moments_.data(), first_moments_.size() * sizeof(float));
  upload(memory_.at(plan_.second), second_moments_.data(), second_moments_.size() * sizeof(float));
  steps_done_ = steps;
}

void DeviceNetwork::poison() {
  for (auto [from, to] : {std::pair{plan_.gradients, plan_.first}, std::pair{plan_.update_numbers, plan_.bytes}}) fill_bytes(memory_.at(from), 0xff, to - from);
}

void DeviceNetwork::count_costs(const Optimizer& optimizer) {
  const double logits = double(plan_.N) * graph_.shape().vocab;
  for (const Step& step : plan_.layout.steps) {
    const Operation& op = *plan_.layout.operations[size_t(step.node)];
    const Work w = step.phase == Phase::Loss      ? Work{logits * (special_flops + 4), 8 * logits}
                   : step.phase == Phase::Forward ? op.forward_work(plan_.N)
                                                  : op.backward_work(plan_.N);
    costs_.push_back({step.phase == Phase::Loss ? "cross_entropy" : rule(graph_.nodes()[size_t(step.node)].op).name, plan_.micro_steps * w.flops, plan_.micro_steps * w.bytes});
  }
  for (const Held& held : plan_.held) {
    const Node& node = graph_.nodes()[size_t(held.node)];
    const Work w = Update(node, optimizer.group_of(node.name)).work();
    costs_.push_back({"update", w.flops, w.bytes});
  }
}

size_t DeviceNetwork::parameter_count() const {
  size_t count = 0;
  for (const Held& held : plan_.held) count += held.count;
  return count;
}

double DeviceNetwork::flops_per_token() const {
  double flops = 0;
  for (const Cost& c : costs_) flops += c.flops;
  return flops / (double(plan_.N) * plan_.micro_steps);
}

std::unique_ptr<Network> make_network(const Graph& graph, const Optimizer& optimizer, int micro_steps, size_t memory_limit) {
  Options options;
  options.micro_steps = micro_steps;
  options.memory_limit = std::min(memory_limit, free_bytes());
  std::string why;
  options.products = library_products(why);
  auto network = std::make_unique<DeviceNetwork>(graph, optimizer, options);
  std::fprintf(stderr, "%s\n", options.products ? options.products->account().c_str() : ("products by our own kernels: " + why).c_str());
  return network;
}

}  // namespace swarm::cuda
