// The head on the tape: logits of a chunk of tokens, their loss, and the gradients they leave, so that N x vocab logits never exist.
#include <algorithm>

#include "engine/cuda/ew.h"
#include "engine/cuda/gemm.h"
#include "engine/cuda/head.h"
#include "engine/cuda/operation.h"
#include "engine/cuda/rows.h"

namespace swarm::cuda {
namespace {

size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }

struct HeadScratch {  // bytes
  size_t logits, squeezed, products, expression;
};
EwPlan squeeze_plan(const Graph& graph, const Plan& plan, bool backward) {
  const Node& node = graph.nodes()[size_t(plan.head.squeeze)];
  const EwOperand full{Spread::Full, node.cols};
  if (!backward) return EwPlan(simplified(node.program), node.cols, {full}, {full});
  return EwPlan(simplified(derivative(node.program)), node.cols, {full, full}, {full});
}
bool runs_squeeze(const Plan& plan) { return plan.head.squeeze >= 0 && plan.head.cap == 0; }

HeadScratch sizes(const Graph& graph, const Plan& plan) {
  const Node& linear = graph.nodes()[size_t(plan.head.linear)];
  const int in = graph.nodes()[size_t(linear.inputs[0])].cols;
  const size_t chunk = size_t(plan.head.chunk) * linear.cols * sizeof(bf16);
  size_t workspace = gemm_workspace_floats(linear.cols, in, plan.head.chunk);
  if (plan.N % plan.head.chunk) workspace = std::max(workspace, gemm_workspace_floats(linear.cols, in, plan.N % plan.head.chunk));
  HeadScratch s{aligned(chunk), 0, aligned(workspace * sizeof(float)), 0};
  if (runs_squeeze(plan)) {
    s.squeezed = aligned(chunk);
    for (bool backward : {false, true})
      s.expression = std::max(s.expression, squeeze_plan(graph, plan, backward).scratch_floats(plan.head.chunk) * sizeof(float));
  }
  return s;
}

// Where a chunk is worked on, in scratch.
struct Bench {
  Bench(const Places& p, const HeadScratch& s) {
    char* scratch = reinterpret_cast<char*>(p.scratch());
    logits = reinterpret_cast<bf16*>(scratch), squeezed = reinterpret_cast<bf16*>(scratch + s.logits);
    products = reinterpret_cast<float*>(scratch + s.logits + s.squeezed), expression = reinterpret_cast<float*>(scratch + s.logits + s.squeezed + s.products);
  }
  bf16 *logits, *squeezed;
  float *products, *expression;
};

// Logits and losses of a chunk of tokens; the logits become `scale` times their gradient.
void record_chunk(Tape& tape, const Places& p, const Bench& on, int first, int rows, float scale) {
  const Plan& plan = p.plan;
  const Node& linear = p.graph.nodes()[size_t(plan.head.linear)];
  const int C = p.graph.nodes()[size_t(linear.inputs[0])].cols, V = linear.cols;
  Product forward;
  forward.form = Form::NT, forward.M = rows, forward.N = V, forward.K = C;
  forward.A = p.value(linear.inputs[0]) + size_t(first) * C, forward.lda = C;
  forward.B = p.value(linear.inputs[1]), forward.ldb = C, forward.C = on.logits, forward.ldc = V;
  gemm(tape, forward);
  const uint16_t* targets = p.at<uint16_t>(plan.targets) + first;
  float* losses = p.at<float>(plan.losses) + first;
  if (!runs_squeeze(plan)) return cross_entropy(tape, rows, V, plan.head.cap, scale, targets, on.logits, losses);
  squeeze_plan(p.graph, plan, false).record(tape, rows, {on.logits}, {on.squeezed}, {false}, on.expression);
  cross_entropy(tape, rows, V, 0, scale, targets, on.squeezed, losses);
  if (scale != 0) squeeze_plan(p.graph, plan, true).record(tape, rows, {on.logits, on.squeezed}, {on.logits}, {false}, on.expression);
}

}  // namespace

size_t head_scratch_bytes(const Graph& graph, const Plan& plan) {
  const HeadScratch s = sizes(graph, plan);
  return s.logits + s.squeezed + s.products + s.expression;
}

void record_losses(Tape& tape, const Places& p) {
  const Bench on(p, sizes(p.graph, p.plan));
  for (int first = 0; first < p.plan.N; first += p.plan.head.chunk) record_chunk(tape, p, on, first, std::min(p.plan.head.chunk, p.plan.N - first), 0);
}

void record_head(Tape& tape, const Places& p, bool again) {
  const Plan& plan = p.plan;
  const Node& linear = p.graph.nodes()[size_t(plan.head.linear)];
  const int x_node = linear.inputs[0], weight_node = linear.inputs[1], C = p.graph.nodes()[size_t(x_node)].cols, V = linear.cols;
  const Step* step = nullptr;  // the linear's backward: whether its input's gradient has a part already
  for (const Step& s : plan.layout.steps)
    if (s.phase == Phase::Backward && s.node == plan.head.linear) step = &s;
  const Bench on(p, sizes(p.graph, plan));
  const float scale = 1.0f / (float(plan.N) * float(plan.micro_steps));
  for (int first = 0; first < plan.N; first += plan.head.chunk) {
    const int rows = std::min(plan.head.chunk, plan.N - first);
    record_chunk(tape, p, on, first, rows, scale);
    Product dx;
    dx.form = Form::NN, dx.M = rows, dx.N = C, dx.K = V;
    dx.A = on.logits, dx.lda = V, dx.B = p.value(weight_node), dx.ldb = C;
    dx.C = p.gradient(x_node) + size_t(first) * C, dx.D = dx.C, dx.ldc = C, dx.beta = step->add[0];
    gemm(tape, dx);
    Product dw;
    dw.form = Form::TN, dw.M = V, dw.N = C, dw.K = rows;
    dw.A = on.logits, dw.lda = V, dw.B = p.value(x_node) + size_t(first) * C, dw.ldb = C, dw.C32 = p.weight_gradient(weight_node), dw.ldc = C;
    dw.beta = step->add[1] || again || first > 0;
    gemm(tape, dw, on.products);
  }
}

}  // namespace swarm::cuda
