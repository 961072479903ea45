// A network that trains on the device: the plan's memory, three tapes over it, and the numbers that change from step to step.
// The host only ever waits in finish_step: everything before it is put on one stream, and inputs go beside it on another.
#pragma once
#include "engine/cuda/blas_lt.h"
#include "engine/cuda/feed.h"
#include "engine/cuda/memory.h"
#include "engine/cuda/operation.h"
#include "engine/cuda/planned.h"
#include "engine/cuda/playback.h"

namespace swarm::cuda {

class DeviceNetwork : public PlannedNetwork {
 public:
  DeviceNetwork(const Graph& graph, const Optimizer& optimizer, const Options& options);

  void init(uint64_t seed) override;
  void start_step(const Token* tokens, const Token* targets, const Schedule& schedule) override;
  double finish_step() override;
  void expect(const Token* tokens, const Token* targets) override;
  double loss_and_gradients(const Token* tokens, const Token* targets) override;

  std::vector<Floats> training_state() override;
  void go_on_after(long steps) override;
  const std::vector<Parameter>& parameters() const override;  // as the device has them now
  const float* gradient(int parameter) const override;        // of the last step; until the next call
  size_t peak_bytes() const override { return PlannedNetwork::peak_bytes() + (products_ ? LtProducts::workspace_bytes : 0); }

  void rehearse();        // one step on nothing, before init: a driver loads kernels and starts its threads when they are first asked for
  void upload_weights();  // after parameters() were written to
  void poison();          // everything but the weights to NaN
  const Tape& first_micro_step() const { return first_->tape(); }
  const Tape& later_micro_step() const { return again_->tape(); }
  const Tape& update() const { return update_->tape(); }

 private:
  Tape record_micro_step(bool again) const;
  Tape record_update() const;
  void send(const Token* tokens, const Token* targets);
  void run_micro_steps(const Token* tokens, const Token* targets);
  void send_update_numbers(const Schedule& schedule);

  std::shared_ptr<LtProducts> products_;  // null: our own kernels
  Memory memory_, tables_;
  Places places_;
  std::unique_ptr<Playback> first_, again_, update_;
  Feed feed_;
  const Token* expected_ = nullptr;  // rows that are on their way already
  long steps_done_ = 0;
  mutable bool mirror_is_old_ = true;
  mutable std::vector<float> mirror_, gradient_;  // host copies
  std::vector<float> first_moments_, second_moments_;
  std::vector<Parameter> parameters_;
};

}  // namespace swarm::cuda
