// How each op of the graph becomes launches.
// defines: Places, require_kernels(), has_norm_kernel(), scratch_bytes(), head_scratch_bytes(), record_forward(), record_backward(), record_head(), record_losses()
#pragma once
#include "engine/cuda/bf16.h"
#include "engine/cuda/plan.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

// Where everything is: addresses of a plan's arrays once they exist.
struct Places {
  const Graph& graph;
  const Plan& plan;
  char* start;                      // of the device's memory
  std::vector<const float*> tables; // by node: cos and sin of a rope, [2, T, head_dim / 2]

  template <class T>
  T* at(size_t offset) const { return reinterpret_cast<T*>(start + offset); }
  bf16* in_arena(int buffer) const { return at<bf16>(plan.arena + plan.layout.buffers[size_t(buffer)].offset); }
  const Held* parameter(int node) const { return plan.held_of[size_t(node)] < 0 ? nullptr : &plan.held[size_t(plan.held_of[size_t(node)])]; }
  bf16* value(int node) const {  // of an activation, or the bf16 copy of a parameter
    return parameter(node) ? at<bf16>(plan.rounded) + parameter(node)->place : in_arena(plan.layout.value[size_t(node)]);
  }
  float* master(int node) const { return at<float>(plan.values) + parameter(node)->place; }
  float* weight_gradient(int node) const { return at<float>(plan.gradients) + parameter(node)->place; }
  bf16* gradient(int node) const { return in_arena(plan.layout.gradient[size_t(node)]); }
  float* aux(int node) const { return reinterpret_cast<float*>(in_arena(plan.layout.aux[size_t(node)])); }
  float* scratch() const { return at<float>(plan.scratch); }
};

void require_kernels(const Graph& graph);                                        // throws Refused, naming the op
bool has_norm_kernel(const Graph& graph, const Node& expression);                // whether a rmsnorm of its rows can be made with it
size_t scratch_bytes(const Graph& graph, const Step& step, int N);
size_t head_scratch_bytes(const Graph& graph, const Plan& plan);

void record_forward(Tape& tape, const Places& places, int node);
// again: gradients of parameters already hold those of an earlier micro-step.
void record_backward(Tape& tape, const Places& places, const Step& step, bool again);
// Logits, loss and both gradients of the last linear, chunk after chunk.
void record_head(Tape& tape, const Places& places, bool again);
// Logits and loss alone, for the judge.
void record_losses(Tape& tape, const Places& places);

}  // namespace swarm::cuda
