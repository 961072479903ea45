// Forward only, on a device: the loss of every token of a batch. What the judge scores a checkpoint with.
#pragma once
#include "engine/cuda/backend.h"
#include "engine/cuda/operation.h"
#include "engine/cuda/playback.h"

namespace swarm::cuda {

class DeviceScoring : public TokenLosses {
 public:
  DeviceScoring(const Graph& graph, int rows, size_t memory_limit);
  const std::vector<Parameter>& parameters() const override { return parameters_; }
  void upload_weights() override;
  const float* of(const Token* tokens, const Token* targets) override;
  const Plan& plan() const { return plan_; }
  const Tape& tape() const { return forward_->tape(); }

 private:
  Graph graph_;
  Plan plan_;
  Memory memory_, tables_;
  Places places_;
  std::unique_ptr<Playback> forward_;
  std::vector<float> mirror_, losses_;
  std::vector<Parameter> parameters_;
};

}  // namespace swarm::cuda
