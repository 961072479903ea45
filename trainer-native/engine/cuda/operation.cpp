#include "engine/cuda/operation.h"

#include <algorithm>

#include "engine/cuda/attention.h"
#include "engine/cuda/ew.h"
#include "engine/cuda/gemm.h"
#include "engine/cuda/rope_norm.h"
#include "engine/cuda/rows.h"
#include "engine/ops/ew.h"
#include "engine/ops/rmsnorm.h"

namespace swarm::cuda {
namespace {

const Node& input_of(const Graph& graph, const Node& node, size_t i) { return graph.nodes()[size_t(node.inputs[i])]; }

Attention attention_of(const Graph& graph, const Node& node, int N) {
  Attention a;
  a.T = graph.shape().T, a.rows = N / a.T;
  a.heads = node.ints[0], a.kv_heads = node.ints[1], a.window = node.ints[2];
  a.head_dim = node.cols / a.heads, a.scale = node.floats[0];
  return a;
}

EwOperand operand(const Node& in, int C) {
  switch (broadcast_of(in, C)) {
    case Broadcast::Full: return {Spread::Full, in.cols};
    case Broadcast::Head: return {Spread::Head, in.cols};
    case Broadcast::Channel: return {Spread::Channel, in.cols};
    default: return {Spread::Single, 1};
  }
}
std::vector<EwOperand> operands(const Graph& graph, const Node& node) {
  std::vector<EwOperand> all;
  for (size_t i = 0; i < node.inputs.size(); i++) all.push_back(operand(input_of(graph, node, i), node.cols));
  return all;
}
EwPlan forward_plan(const Graph& graph, const Node& node) {
  return EwPlan(simplified(node.program), node.cols, operands(graph, node), {{Spread::Full, node.cols}});
}
EwPlan backward_plan(const Graph& graph, const Node& node) {
  std::vector<EwOperand> inputs = operands(graph, node), outputs = inputs;
  inputs.push_back({Spread::Full, node.cols});
  return EwPlan(simplified(derivative(node.program)), node.cols, inputs, outputs);
}

const void* number(const Places& p, int node) {
  if (p.parameter(node)) return p.master(node);
  return p.value(node);
}

// y [N, out] = x [N, in] weight^T
void record_linear(Tape& tape, int N, int in, int out, const bf16* x, const bf16* weight, bf16* y) {
  Product p;
  p.form = Form::NT, p.M = N, p.N = out, p.K = in;
  p.A = x, p.lda = in, p.B = weight, p.ldb = in, p.C = y, p.ldc = out;
  gemm(tape, p);
}
// dx [N, in] (+)= dy [N, out] weight; dweight [out, in] (+)= dy^T x
void record_linear_backward(Tape& tape, int N, int in, int out, const bf16* x, const bf16* weight, const bf16* dy, bool add_x, bf16* dx, bool add_weight,
                            float* dweight, float* workspace) {
  Product p;
  p.form = Form::NN, p.M = N, p.N = in, p.K = out;
  p.A = dy, p.lda = out, p.B = weight, p.ldb = in, p.C = dx, p.D = dx, p.ldc = in, p.beta = add_x;
  gemm(tape, p);
  Product w;
  w.form = Form::TN, w.M = out, w.N = in, w.K = N;
  w.A = dy, w.lda = out, w.B = x, w.ldb = in, w.C32 = dweight, w.ldc = in, w.beta = add_weight;
  gemm(tape, w, workspace);
}

}  // namespace

void require_kernels(const Graph& graph) {
  const std::vector<bool> live = live_nodes(graph);
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    const Node& node = graph.nodes()[n];
    if (!live[n]) continue;
    switch (node.op) {
      case Op::Tokens: case Op::Param: case Op::Embed: case Op::Linear: case Op::RmsNorm: case Op::Rope: case Op::Slice: case Op::Concat: break;
      case Op::Ew: forward_plan(graph, node), backward_plan(graph, node); break;
      case Op::Attention:
        if (!has_attention_kernel(node.cols / node.ints[0]))
          refuse("attention: head dim " + std::to_string(node.cols / node.ints[0]) + " has no CUDA kernel: take 32, 64 or 128");
        if (node.floats[1] != 0) refuse("attention: a softcap of scores has no CUDA kernel yet: leave it out, or train on the CPU");
        break;
      default: refuse(std::string(rule(node.op).name) + " has no CUDA kernel yet: leave it out, or train on the CPU");
    }
  }
}

bool has_norm_kernel(const Graph& graph, const Node& expression) { return forward_plan(graph, expression).has_norm(); }

size_t scratch_bytes(const Graph& graph, const Step& step, int N) {
  const Node& node = graph.nodes()[size_t(step.node)];
  const bool backward = step.phase == Phase::Backward;
  if (step.phase == Phase::Loss) return 0;
  switch (node.op) {
    case Op::Embed: return backward ? SortedTokens::most_pieces(N, graph.shape().vocab) * size_t(node.cols) * sizeof(float) : 0;
    case Op::Linear: return backward ? gemm_workspace_floats(node.cols, input_of(graph, node, 0).cols, N) * sizeof(float) : 0;
    case Op::Attention: return backward ? 2 * size_t(N) * node.ints[0] * sizeof(float) : 0;
    case Op::Ew: return (backward ? backward_plan(graph, node) : forward_plan(graph, node)).scratch_floats(N) * sizeof(float);
    default: return 0;
  }
}

void record_forward(Tape& tape, const Places& p, int n) {
  const Node& node = p.graph.nodes()[size_t(n)];
  const int N = p.plan.N, T = p.graph.shape().T;
  const auto in = [&](size_t i) { return p.value(node.inputs[i]); };
  bf16* out = p.value(n);
  switch (node.op) {
    case Op::Embed: embed(tape, N, node.cols, in(1), p.at<uint16_t>(p.plan.tokens), out); break;
    case Op::Linear: record_linear(tape, N, input_of(p.graph, node, 0).cols, node.cols, in(0), in(1), out); break;
    case Op::RmsNorm: {
      if (p.plan.normed_ew[size_t(n)] >= 0) break;
      const int r = p.plan.normed_rope[size_t(n)];
      if (r < 0) {
        rmsnorm(tape, N, node.cols, node.ints[0], rmsnorm_eps, in(0), out, p.aux(n));
        break;
      }
      const Node& turned = p.graph.nodes()[size_t(r)];
      const float* cos = p.tables[size_t(r)];
      rope_rmsnorm(tape, N, T, node.cols, turned.ints[0], rmsnorm_eps, p.value(turned.inputs[0]), cos, cos + size_t(T) * turned.ints[0] / 2, out, p.aux(n));
      break;
    }
    case Op::Rope: {
      if (p.plan.normed_rope[size_t(n)] >= 0) break;
      const float* cos = p.tables[size_t(n)];
      rope(tape, N, T, node.cols, node.ints[0], in(0), cos, cos + size_t(T) * node.ints[0] / 2, false, false, out);
      break;
    }
    case Op::Attention: attention(tape, attention_of(p.graph, node, N), in(0), in(1), in(2), out, p.aux(n)); break;
    case Op::Slice: copy_columns(tape, N, node.cols, in(0) + node.ints[0], input_of(p.graph, node, 0).cols, out, node.cols, false); break;
    case Op::Concat:
      for (size_t i = 0; i < node.inputs.size(); i++) {
        const int cols = input_of(p.graph, node, i).cols;
        copy_columns(tape, N, cols, in(i), cols, out, node.cols, false);
        out += cols;
      }
      break;
    case Op::Ew: {
      std::vector<const void*> numbers;
      for (int i : node.inputs) numbers.push_back(number(p, i));
      const EwPlan made = forward_plan(p.graph, node);
      const int norm = p.plan.normed_ew[size_t(n)];
      if (norm < 0) made.record(tape, N, numbers, {out}, {false}, p.scratch());
      else made.record_with_norm(tape, N, numbers, out, rmsnorm_eps, p.value(norm), p.aux(norm));
      break;
    }
    default: break;
  }
}

void record_backward(Tape& tape, const Places& p, const Step& step, bool again) {
  const int n = step.node, N = p.plan.N, T = p.graph.shape().T;
  const Node& node = p.graph.nodes()[size_t(n)];
  const auto in = [&](size_t i) { return p.value(node.inputs[i]); };
  const auto din = [&](size_t i) { return p.gradient(node.inputs[i]); };
  const bf16* d = p.gradient(n);
  switch (node.op) {
    case Op::Embed:
      embed_backward(tape, N, p.graph.shape().vocab, node.cols, d, p.at<int32_t>(p.plan.sorted), step.add[1] || again, p.weight_gradient(node.inputs[1]), p.scratch());
      break;
    case Op::Linear:
      record_linear_backward(tape, N, input_of(p.graph, node, 0).cols, node.cols, in(0), in(1), d, step.add[0], din(0), step.add[1] || again,
                             p.weight_gradient(node.inputs[1]), p.scratch());
      break;
    case Op::RmsNorm:
      if (p.plan.normed_rope[size_t(n)] < 0) rmsnorm_backward(tape, N, node.cols, node.ints[0], d, in(0), p.aux(n), step.add[0], din(0));
      break;
    case Op::Rope: {
      const int norm = p.plan.normed_rope[size_t(n)];
      const float* cos = p.tables[size_t(n)];
      if (norm >= 0) {
        rope_rmsnorm_backward(tape, N, T, node.cols, node.ints[0], p.gradient(norm), p.value(norm), p.aux(norm), cos,
                              cos + size_t(T) * node.ints[0] / 2, step.add[0], din(0));
        break;
      }
      rope(tape, N, T, node.cols, node.ints[0], d, cos, cos + size_t(T) * node.ints[0] / 2, true, step.add[0], din(0));
      break;
    }
    case Op::Attention: {
      const bool add[3] = {step.add[0], step.add[1], step.add[2]};
      attention_backward(tape, attention_of(p.graph, node, N), in(0), in(1), in(2), p.value(n), d, p.aux(n), add, din(0), din(1), din(2), p.scratch());
      break;
    }
    case Op::Slice: {
      const int width = input_of(p.graph, node, 0).cols;
      if (!step.add[0]) fill(tape, long(N) * width, 0.0f, din(0));
      copy_columns(tape, N, node.cols, d, node.cols, din(0) + node.ints[0], width, step.add[0]);
      break;
    }
    case Op::Concat:
      for (size_t i = 0; i < node.inputs.size(); i++) {
        const int cols = input_of(p.graph, node, i).cols;
        copy_columns(tape, N, cols, d, node.cols, din(i), cols, step.add[i]);
        d += cols;
      }
      break;
    case Op::Ew: {
      std::vector<const void*> numbers;
      std::vector<void*> gradients;
      std::vector<bool> add;
      bool passed_on = true;  // whole: every gradient is d, where it lies
      for (size_t i = 0; i < node.inputs.size(); i++) {
        const bool is_parameter = p.parameter(node.inputs[i]) != nullptr;
        numbers.push_back(number(p, node.inputs[i]));
        gradients.push_back(is_parameter ? static_cast<void*>(p.weight_gradient(node.inputs[i])) : din(i));
        add.push_back(step.add[i] || (is_parameter && again));
        passed_on &= gradients.back() == d && !add.back();
      }
      if (passed_on) break;
      numbers.push_back(d);
      backward_plan(p.graph, node).record(tape, N, numbers, gradients, add, p.scratch());
      break;
    }
    default: break;
  }
}

}  // namespace swarm::cuda
