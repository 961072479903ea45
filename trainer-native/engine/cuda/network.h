// A network that trains on the device: the plan's memory, three tapes over it, and the numbers that change from step to step.
#pragma once
#include "engine/core/network.h"
#include "engine/cuda/blas_lt.h"
#include "engine/cuda/memory.h"
#include "engine/cuda/operation.h"
#include "engine/cuda/playback.h"

namespace swarm::cuda {

class DeviceNetwork : public Network {
 public:
  DeviceNetwork(const Graph& graph, const Optimizer& optimizer, const Options& options);

  void init(uint64_t seed) override;
  double train_step(const Token* tokens, const Token* targets, const Schedule& schedule) override;
  double loss_and_gradients(const Token* tokens, const Token* targets) override;
  const float* forward_logits(const Token* tokens) override;  // refuses: the judge works on the CPU

  std::vector<Floats> training_state() override;
  void go_on_after(long steps) override;
  const std::vector<Parameter>& parameters() const override;  // as the device has them now
  const float* gradient(int parameter) const override;        // of the last step; until the next call
  size_t parameter_count() const override;
  size_t peak_bytes() const override { return plan_.bytes + tables_.bytes() + (products_ ? LtProducts::workspace_bytes : 0); }
  const std::vector<Cost>& step_costs() const override { return costs_; }
  double flops_per_token() const override;
  const Graph& graph() const override { return graph_; }

  void upload_weights();  // after parameters() were written to
  void poison();          // everything but the weights to NaN
  const Plan& plan() const { return plan_; }
  const Tape& first_micro_step() const { return first_->tape(); }
  const Tape& later_micro_step() const { return again_->tape(); }
  const Tape& update() const { return update_->tape(); }

 private:
  void make_tables();
  Tape record_micro_step(bool again) const;
  Tape record_update() const;
  void count_costs(const Optimizer& optimizer);
  void send_update_numbers(const Schedule& schedule);

  Graph graph_;
  Plan plan_;
  std::shared_ptr<LtProducts> products_;  // null: our own kernels
  Memory memory_, tables_;
  Places places_;
  std::unique_ptr<Playback> first_, again_, update_;
  std::vector<Cost> costs_;
  std::vector<int32_t> sorted_;
  long steps_done_ = 0;
  mutable bool mirror_is_old_ = true;
  mutable std::vector<float> mirror_, gradient_;  // host copies
  std::vector<float> first_moments_, second_moments_;
  std::vector<Parameter> parameters_;
};

}  // namespace swarm::cuda
