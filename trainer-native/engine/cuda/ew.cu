// The interpreter of elementwise expressions: each thread runs the whole program on eight neighbouring channels, its values in
// shared memory, so one decoded instruction does eight numbers' work. Sums over parameters are kept per thread and reduced in
// a fixed order.
#include "engine/cuda/ew.h"

#include "engine/cuda/ew_known.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/rows.h"
#include "engine/cuda/vector.h"

#ifndef __CUDACC__
#define __grid_constant__
#endif

namespace swarm::cuda {
namespace {

constexpr int threads = 128, most_operands = max_ew_inputs + 1;
constexpr size_t most_shared = 96 << 10;  // bytes; narrow programs never need more than 140 KiB, which sm_80 has

struct Operand {
  void* at;
  int slot;       // -1: an input nobody reads, an output that is zero
  int width;
  int sum;        // of outputs Channel and Single: which of the running sums
  Spread spread;
  bool add;
};

struct Work {
  int N, C, lanes;  // lanes: threads side by side in a row; threads / lanes rows at once
  int inputs, outputs, slots, sums, codes;
  float* partial;   // [sums][row blocks][C]; of a Single sum one number a block
  Operand in[most_operands], out[most_operands];
  EwPlan::Code code[EwPlan::most_code];
};
static_assert(sizeof(Work) <= 4096, "a kernel's arguments");

__device__ inline float calculate(Calc calc, float a, float b, float constant) {
  switch (calc) {
    case Calc::Constant: return constant;
    case Calc::Add: return a + b;
    case Calc::Subtract: return a - b;
    case Calc::Multiply: return a * b;
    case Calc::Divide: return a / b;
    case Calc::Maximum: return a > b || a != a ? a : b;  // NaN stays NaN
    case Calc::Minimum: return a < b || a != a ? a : b;
    case Calc::Relu: return a > 0 || a != a ? a : 0;
    case Calc::Square: return a * a;
    case Calc::Exp: return expf(a);
    case Calc::Log: return logf(a);
    case Calc::Tanh: return tanhf(a);
    case Calc::Sigmoid: return 1 / (1 + expf(-a));
    case Calc::Sqrt: return sqrtf(a);
    case Calc::IsPositive: return a > 0 ? 1 : 0;
    case Calc::IsAtLeast: return a >= b ? 1 : 0;
    default: return 0;
  }
}

template <int V>
__device__ inline void read(const Operand& o, long n, int c, int C, float (&x)[V]) {
  switch (o.spread) {
    case Spread::Full: load(static_cast<const bf16*>(o.at) + n * C + c, x); break;
    case Spread::Head:
      for (int i = 0; i < V; i++) x[i] = to_float(static_cast<const bf16*>(o.at)[n * o.width + (c + i) / (C / o.width)]);
      break;
    case Spread::Channel:
      for (int i = 0; i < V; i++) x[i] = static_cast<const float*>(o.at)[c + i];
      break;
    case Spread::Single:
      for (int i = 0; i < V; i++) x[i] = *static_cast<const float*>(o.at);
  }
}

// Value v of a slot and a running sum: [slot][v][thread], so that neighbouring threads meet different banks.
template <int V>
__global__ void __launch_bounds__(threads) ew_kernel(const __grid_constant__ Work w) {
  float* parts = reinterpret_cast<float*>(shared_memory());
  float* slots = parts + threads / warp + threadIdx.x;
  float* sums = slots + w.slots * V * threads;
  const auto value = [&](int slot, int v) -> float& { return slots[(slot * V + v) * threads]; };
  const int lane = threadIdx.x % w.lanes, row = threadIdx.x / w.lanes, rows = threads / w.lanes;
  const int c = (blockIdx.x * w.lanes + lane) * V;
  for (int s = 0; s < w.sums * V; s++) sums[s * threads] = 0;
  if (c < w.C)
    for (long n = long(blockIdx.y) * rows + row; n < w.N; n += long(gridDim.y) * rows) {
      for (int i = 0; i < w.inputs; i++) {
        if (w.in[i].slot < 0) continue;
        float x[V] = {};
        read(w.in[i], n, c, w.C, x);
        for (int v = 0; v < V; v++) value(w.in[i].slot, v) = x[v];
      }
      for (int k = 0; k < w.codes; k++) {
        const EwPlan::Code code = w.code[k];
        if (Calc(code.calc) == Calc::MultiplyAdd)
          for (int v = 0; v < V; v++) value(code.to, v) = fmaf(value(code.a, v), value(code.b, v), value(code.c, v));
        else
          for (int v = 0; v < V; v++) value(code.to, v) = calculate(Calc(code.calc), value(code.a, v), value(code.b, v), code.constant);
      }
      for (int o = 0; o < w.outputs; o++) {
        const Operand& to = w.out[o];
        float x[V];
        for (int v = 0; v < V; v++) x[v] = to.slot < 0 ? 0 : value(to.slot, v);
        if (to.spread == Spread::Full) store(static_cast<bf16*>(to.at) + n * w.C + c, x, to.add);
        else if (to.spread == Spread::Head) for (int v = 0; v < V; v++) static_cast<float*>(to.at)[n * w.C + c + v] = x[v];
        else for (int v = 0; v < V; v++) sums[(to.sum * V + v) * threads] += x[v];
      }
    }
  for (int o = 0; o < w.outputs; o++) {
    const Operand& to = w.out[o];
    float* partial = w.partial + long(to.sum) * gridDim.y * w.C;
    if (to.spread == Spread::Single) {
      float sum = 0;
      for (int v = 0; v < V; v++) sum += sums[(to.sum * V + v) * threads];
      sum = block_sum(sum, parts);
      if (threadIdx.x == 0) partial[blockIdx.y * gridDim.x + blockIdx.x] = sum;
    }
    if (to.spread != Spread::Channel) continue;
    __syncthreads();
    if (row > 0 || c >= w.C) continue;
    for (int v = 0; v < V; v++) {
      float sum = 0;
      for (int r = 0; r < rows; r++) sum += sums[(to.sum * V + v) * threads + r * w.lanes];
      partial[long(blockIdx.y) * w.C + c + v] = sum;
    }
  }
}

bool is_sum(Spread s) { return s == Spread::Channel || s == Spread::Single; }

}  // namespace

int EwPlan::width() const {
  size_t sums = 0;
  for (const EwOperand& o : outputs_) sums += is_sum(o.spread);
  return is_wide(C_) && (size_t(slots_) + sums) * 8 * threads * sizeof(float) <= most_shared ? 8 : 1;
}

int EwPlan::row_blocks(int N) const {
  int lanes = 1;
  while (lanes < threads && lanes * width() < C_) lanes *= 2;
  const long wanted = blocks_for(2112, blocks_for(C_, long(lanes) * width()));  // sixteen blocks a multiprocessor in all
  return int(std::max(1L, std::min(wanted, blocks_for(N, threads / lanes))));
}

// Sums first, [sums][row blocks][C], then one [N, C] for every sum over heads.
size_t EwPlan::scratch_floats(int N) const {
  size_t floats = 0;
  if (is_known()) {
    for (const EwOperand& o : outputs_) floats += o.spread == Spread::Single ? size_t(known_blocks(form_, long(N) * (C_ / 8))) : 0;
    return floats;
  }
  for (const EwOperand& o : outputs_)
    floats += is_sum(o.spread) ? size_t(row_blocks(N)) * C_ : o.spread == Spread::Head ? size_t(N) * C_ : 0;
  return floats;
}

void EwPlan::record(Tape& tape, int N, const std::vector<const void*>& in, const std::vector<void*>& out, const std::vector<bool>& add,
                    float* scratch) const {
  if (is_known()) return record_known(tape, N, in, out, add, scratch);
  const int V = width(), blocks = row_blocks(N);
  Work w{};
  w.N = N, w.C = C_, w.lanes = 1;
  while (w.lanes < threads && w.lanes * V < C_) w.lanes *= 2;
  w.inputs = int(inputs_.size()), w.outputs = int(outputs_.size()), w.slots = std::max(slots_, 1), w.codes = int(code_.size());
  std::copy(code_.begin(), code_.end(), w.code);
  for (size_t i = 0; i < inputs_.size(); i++) w.in[i] = {const_cast<void*>(in[i]), input_slot_[i], inputs_[i].width, 0, inputs_[i].spread, false};
  for (const EwOperand& o : outputs_) w.sums += is_sum(o.spread);
  w.partial = scratch;
  float* apart = scratch + size_t(w.sums) * blocks * C_;
  for (size_t o = 0, sum = 0; o < outputs_.size(); o++) {
    w.out[o] = {out[o], output_slot_[o], outputs_[o].width, 0, outputs_[o].spread, add[o]};
    if (is_sum(outputs_[o].spread)) w.out[o].sum = int(sum++);
    if (outputs_[o].spread == Spread::Head) w.out[o].at = apart, apart += size_t(N) * C_;
  }
  const Extent grid{unsigned(blocks_for(C_, long(w.lanes) * V)), unsigned(blocks)};
  const size_t shared = (size_t(w.slots + w.sums) * V * threads + threads / warp) * sizeof(float);
  launch(tape, "ew", grid, {threads}, shared, V == 8 ? ew_kernel<8> : ew_kernel<1>, w);
  for (size_t o = 0; o < outputs_.size(); o++) {
    const float* partial = scratch + size_t(w.out[o].sum) * blocks * C_;
    float* const to = static_cast<float*>(out[o]);
    if (outputs_[o].spread == Spread::Channel) sum_columns(tape, blocks, C_, partial, add[o], to);
    if (outputs_[o].spread == Spread::Single) sum_all(tape, long(grid.x) * grid.y, partial, add[o], to);
    if (outputs_[o].spread == Spread::Head)
      sum_groups(tape, long(N) * outputs_[o].width, C_ / outputs_[o].width, static_cast<const float*>(w.out[o].at), add[o], static_cast<bf16*>(out[o]));
  }
}

}  // namespace swarm::cuda
