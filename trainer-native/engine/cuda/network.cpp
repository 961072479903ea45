#include "engine/cuda/network.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "engine/core/start.h"
#include "engine/cpu/fmath.h"
#include "engine/cuda/backend.h"
#include "engine/cuda/optim.h"
#include "engine/cuda/rows.h"
#include "engine/cuda/tables.h"

namespace swarm::cuda {

DeviceNetwork::DeviceNetwork(const Graph& graph, const Optimizer& optimizer, const Options& options)
    : PlannedNetwork(graph, optimizer, options), products_(options.products), memory_(plan_.bytes), tables_(table_bytes(graph_)),
      places_{graph_, plan_, memory_.at(0), fill_tables(graph_, tables_)}, feed_(memory_.at(plan_.tokens), plan_.input_bytes()) {
  mirror_.resize(plan_.numbers);
  for (size_t n = 0; n < graph_.nodes().size(); n++)
    if (const Held* held = places_.parameter(int(n))) {
      const Node& node = graph_.nodes()[n];
      parameters_.push_back({node.name, node.rows, node.cols, mirror_.data() + held->place});
    }
  fill_bytes(memory_.at(0), 0, plan_.scratch);
  first_ = std::make_unique<Playback>(record_micro_step(false));
  again_ = std::make_unique<Playback>(record_micro_step(true));
  update_ = std::make_unique<Playback>(record_update());
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

// Rows of one micro-step on their way to the device, with where each id occurs among them.
void DeviceNetwork::send(const Token* tokens, const Token* targets) {
  char* input = feed_.next();
  std::memcpy(input, tokens, size_t(plan_.N) * sizeof(Token));
  std::memcpy(input + (plan_.targets - plan_.tokens), targets, size_t(plan_.N) * sizeof(Token));
  SortedTokens::sort(tokens, plan_.N, graph_.shape().vocab, reinterpret_cast<int32_t*>(input + (plan_.sorted - plan_.tokens)));
  feed_.send();
}

// Each micro-step's rows are made ready while the one before it runs.
void DeviceNetwork::run_micro_steps(const Token* tokens, const Token* targets) {
  if (expected_ && expected_ != tokens) throw std::logic_error("other rows were expected");
  if (!expected_) send(tokens, targets);
  expected_ = nullptr;
  for (int micro = 0; micro < plan_.micro_steps; micro++) {
    feed_.arrive();
    (micro == 0 ? first_ : again_)->run();
    const size_t next = size_t(micro + 1) * plan_.N;
    if (micro + 1 < plan_.micro_steps) send(tokens + next, targets + next);
  }
}

void DeviceNetwork::expect(const Token* tokens, const Token* targets) {
  send(tokens, targets);
  expected_ = tokens;
}

double DeviceNetwork::loss_and_gradients(const Token* tokens, const Token* targets) {
  run_micro_steps(tokens, targets);
  return finish_step();
}

void DeviceNetwork::start_step(const Token* tokens, const Token* targets, const Schedule& schedule) {
  steps_done_++;
  send_update_numbers(schedule);
  run_micro_steps(tokens, targets);
  update_->run();
  mirror_is_old_ = true;
}

double DeviceNetwork::finish_step() {
  float total = 0;
  download(&total, memory_.at(plan_.total_loss), sizeof total);
  return double(total) / (double(plan_.N) * plan_.micro_steps);
}

void DeviceNetwork::rehearse() {
  const std::vector<Token> zeros(size_t(plan_.N) * plan_.micro_steps, 0);
  start_step(zeros.data(), zeros.data(), {});
  finish_step();
  parameters();  // large downloads too
  wait();
}

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

std::unique_ptr<Network> make_network(const Graph& graph, const Optimizer& optimizer, int most_rows, size_t memory_limit) {
  Options options = fitting(graph, optimizer, most_rows, memory_limit);
  std::string why;
  options.products = library_products(why);
  auto network = std::make_unique<DeviceNetwork>(graph, optimizer, options);
  std::fprintf(stderr, "%s\n", options.products ? options.products->account().c_str() : ("products by our own kernels: " + why).c_str());
  network->rehearse();
  return network;
}

}  // namespace swarm::cuda
