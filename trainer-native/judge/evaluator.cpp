#include "judge/evaluator.h"

#include <cmath>
#include <cstring>

#include "engine/core/philox.h"
#include "engine/cuda/backend.h"
#include "harness/failure.h"
#include "harness/scale.h"

namespace swarm {
namespace {

constexpr uint64_t target_stream = uint64_t{3} << 32;

void require_for(const Graph& graph, int T, int vocab) {
  if (graph.shape().T != T || graph.shape().vocab != vocab)
    refuse("its graph is for rows of " + std::to_string(graph.shape().T) + " tokens and a vocabulary of " + std::to_string(graph.shape().vocab));
  require_causal(graph);
}

void fill(const std::vector<Parameter>& parameters, const Checkpoint& checkpoint) {
  if (parameters.size() != checkpoint.tensors.size()) refuse("it holds another number of tensors than its graph");
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& to = parameters[i];
    const CheckpointTensor& from = checkpoint.tensors[i];
    if (to.name != from.name || uint32_t(to.rows) != from.rows || uint32_t(to.cols) != from.cols)
      refuse("tensor " + from.name + " is not the graph's " + to.name);
    for (float value : from.values)
      if (!std::isfinite(value)) refuse("tensor " + from.name + " holds a value that is not a finite number");
    std::memcpy(to.values, from.values.data(), from.values.size() * sizeof(float));
  }
}

}  // namespace

void refuse_network(const std::string& why) { throw Failure(Exit::checkpoint, "the checkpoint's network is refused: " + why); }

Graph graph_of(const Checkpoint& checkpoint) {
  try {
    return deserialize(checkpoint.graph.data(), checkpoint.graph.size());
  } catch (const Refused& refused) {
    refuse_network(refused.what());
  }
}

std::unique_ptr<Network> network_of(const Checkpoint& checkpoint, int rows, int T, int vocab, OwnCode* own_code) {
  Graph graph = graph_of(checkpoint);
  if (own_code) graph = own_code->answered(graph);
  try {
    require_for(graph, T, vocab);
    Running running;
    running.memory_limit = (T == gpu_scale.T ? gpu_scale : cpu_scale).memory_limit;
    auto network = std::make_unique<Network>(graph, rows, running);
    fill(network->parameters(), checkpoint);
    return network;
  } catch (const Refused& refused) {
    refuse_network(refused.what());
  }
}

Evaluator::Evaluator(const Checkpoint& checkpoint, int rows, int T, int vocab, bool on_device, OwnCode* own_code) : count_(rows * T), vocab_(vocab) {
  if (!on_device) {
    network_ = network_of(checkpoint, rows, T, vocab, own_code);
    return;
  }
  const Graph graph = graph_of(checkpoint);
  try {
    require_for(graph, T, vocab);
    losses_ = cuda::make_token_losses(graph, rows, cuda::the_device().memory_bytes / 16 * 15);
    fill(losses_->parameters(), checkpoint);
    losses_->upload_weights();
  } catch (const Refused& refused) {
    refuse_network(refused.what());
  }
  for (int i = 0; i < count_; ++i) probe_targets_.push_back(uint16_t(philox(target_stream, 0, uint64_t(i % T))[0] % uint32_t(vocab)));
}

Evaluator::~Evaluator() = default;

Forward Evaluator::forward() {
  if (losses_) return {[this](const uint16_t* tokens) { return losses_->of(tokens, probe_targets_.data()); }, 1};
  return {[this](const uint16_t* tokens) { return network_->forward_logits(tokens); }, vocab_};
}

void Evaluator::add(Score& score, const uint16_t* tokens, const uint16_t* targets, const uint16_t* token_bytes) {
  if (losses_) add_to(score, losses_->of(tokens, targets), targets, count_, token_bytes);
  else add_to(score, network_->forward_logits(tokens), vocab_, targets, count_, token_bytes);
}

}  // namespace swarm
