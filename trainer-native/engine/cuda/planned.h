// A network of which everything is known and that runs nowhere: what `train --describe` says of a device that is not in this machine,
// and what the network on a device has in common with it.
#pragma once
#include "engine/core/network.h"
#include "engine/cuda/plan.h"

namespace swarm::cuda {

class PlannedNetwork : public Network {
 public:
  PlannedNetwork(const Graph& graph, const Optimizer& optimizer, const Options& options);

  size_t parameter_count() const override;
  size_t peak_bytes() const override;
  const std::vector<Cost>& step_costs() const override { return costs_; }
  double flops_per_token() const override;
  const Graph& graph() const override { return graph_; }
  int micro_steps() const override { return plan_.micro_steps; }
  const Plan& plan() const { return plan_; }

  // Needs a device.
  void init(uint64_t) override;
  void start_step(const Token*, const Token*, const Schedule&) override;
  double finish_step() override;
  const float* forward_logits(const Token*) override;
  std::vector<Floats> training_state() override;
  void go_on_after(long) override;
  double loss_and_gradients(const Token*, const Token*) override;
  const float* gradient(int) const override;
  const std::vector<Parameter>& parameters() const override;

 protected:
  Graph graph_;
  Plan plan_;

 private:
  std::vector<Cost> costs_;
};

// As make_network of backend.h chooses.
Options fitting(const Graph& graph, const Optimizer& optimizer, int most_rows, size_t memory_limit);

}  // namespace swarm::cuda
