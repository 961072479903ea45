// From a graph and its optimizer to every byte the device will hold: one arena, known before anything is allocated.
// defines: Options, Held, Batch, Head, Plan
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/layout.h"
#include "engine/cuda/known_rule.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

struct Options {
  int micro_steps = 1;                          // parts of a step that go through the network one after the other
  size_t memory_limit = size_t{130} << 30;      // bytes; a larger plan is refused before anything is allocated
  size_t logits_limit = size_t{256} << 20;      // bytes of logits that exist at once
  std::shared_ptr<LtProducts> products;         // cuBLASLt; null: every product by our own kernels
};

// One parameter: `place` counts numbers from the start of each of the arrays of Plan.
struct Held {
  int node;
  size_t place, count;
};

// Parameters that one rule updates together: matrices of one shape under Muon, or a single one under Adam. They lie one behind the other.
struct Batch {
  KnownRule rule;
  int first, count;  // of Plan::held
  int rows, cols;
};

// The last linear and what follows it up to the loss. Its logits exist for `chunk` tokens at a time.
struct Head {
  int linear = -1;
  int squeeze = -1;   // an expression of the logits, -1: none
  float cap = 0;      // of cap * tanh(logit / cap), which cross_entropy does itself; 0: run `squeeze`
  int chunk = 0;      // tokens
};

struct Plan {
  Plan(const Graph& graph, const Optimizer& optimizer, const Options& options) : Plan(graph, &optimizer, options) {}
  Plan(const Graph& graph, size_t memory_limit);  // forward only: no gradients, and nothing that an update rule keeps

  int N, micro_steps;            // tokens of a micro-step
  Layout layout;                 // its buffers hold bf16 activations and float32 statistics
  Head head;
  std::vector<int> normed_rope;  // by rmsnorm: the rope whose heads it norms in the same kernel, -1; and by that rope: the rmsnorm
  std::vector<int> normed_ew;    // by rmsnorm of whole rows: the expression whose kernel does it too, -1; and by that expression: the rmsnorm
  std::vector<Held> held;        // by batch
  std::vector<int> held_of;      // by node, -1
  std::vector<Batch> batches;
  size_t numbers = 0;            // of all parameters, padding included

  // Offsets in bytes: float32 arrays [numbers]; their bf16 copies; what comes and goes with a step; the activations.
  size_t values, gradients, first, second, rounded, update_numbers, tokens, targets, sorted, losses, total_loss, scratch, arena, bytes;

  size_t input_bytes() const { return losses - tokens; }  // tokens, targets and sorted follow each other: what a micro-step is given

 private:
  Plan(const Graph& graph, const Optimizer* optimizer, const Options& options);
  void hold_alone(const Graph& graph);
  void hold(const Graph& graph, const Optimizer& optimizer);
  void find_head(const Graph& graph, size_t logits_limit);
  int uses(const Graph& graph, int node) const;  // by ops that reach the output
  void join_ropes(const Graph& graph);
  void join_norms(const Graph& graph);
  void shrink_buffers(const Graph& graph);
  size_t most_scratch(const Graph& graph) const;
};

}  // namespace swarm::cuda
