#include "engine/cuda/scoring.h"

#include <algorithm>

#include "engine/cuda/tables.h"

namespace swarm::cuda {

DeviceScoring::DeviceScoring(const Graph& graph, int rows, size_t memory_limit)
    : graph_(with_rows(graph, rows)), plan_((require_causal(graph_), Plan(graph_, memory_limit))), memory_(plan_.bytes), tables_(table_bytes(graph_)),
      places_{graph_, plan_, memory_.at(0), fill_tables(graph_, tables_)}, mirror_(plan_.numbers), losses_(size_t(plan_.N)) {
  for (size_t n = 0; n < graph_.nodes().size(); n++)
    if (const Held* held = places_.parameter(int(n))) {
      const Node& node = graph_.nodes()[n];
      parameters_.push_back({node.name, node.rows, node.cols, mirror_.data() + held->place});
    }
  Tape tape;
  for (const Step& step : plan_.layout.steps)
    if (step.node != plan_.head.linear && step.node != plan_.head.squeeze) record_forward(tape, places_, step.node);
  record_losses(tape, places_);
  forward_ = std::make_unique<Playback>(std::move(tape));
}

void DeviceScoring::upload_weights() {
  upload(memory_.at(plan_.values), mirror_.data(), mirror_.size() * sizeof(float));
  std::vector<bf16> rounded(mirror_.size());
  std::transform(mirror_.begin(), mirror_.end(), rounded.begin(), to_bf16);
  upload(memory_.at(plan_.rounded), rounded.data(), rounded.size() * sizeof(bf16));
}

const float* DeviceScoring::of(const Token* tokens, const Token* targets) {
  upload(memory_.at(plan_.tokens), tokens, size_t(plan_.N) * sizeof(Token));
  upload(memory_.at(plan_.targets), targets, size_t(plan_.N) * sizeof(Token));
  forward_->run();
  download(losses_.data(), memory_.at(plan_.losses), losses_.size() * sizeof(float));
  return losses_.data();
}

std::unique_ptr<TokenLosses> make_token_losses(const Graph& graph, int rows, size_t memory_limit) {
  return std::make_unique<DeviceScoring>(graph, rows, memory_limit);
}

}  // namespace swarm::cuda
