// One block a token. A row that fits into the block's registers is read once; a longer one twice, once for its maximum and sum
// together, once for the gradient that replaces it.
#include "engine/cuda/head.h"

#include "engine/cuda/launch.h"
#include "engine/cuda/vector.h"

namespace swarm::cuda {
namespace {

__device__ inline float squeezed(float x, float cap) { return cap > 0 ? cap * tanhf(x / cap) : x; }

template <int V>
__global__ void __launch_bounds__(row_threads) cross_entropy_kernel(int vocab, float cap, float scale, const uint16_t* targets, bf16* logits, float* losses) {
  float* parts = reinterpret_cast<float*>(shared_memory());  // one a warp, then the target's logit
  bf16* row = logits + long(blockIdx.x) * vocab;
  const int target = targets[blockIdx.x];
  float top = -INFINITY, sum = 0;  // of this thread: the sum is of exp(x - top)
  for (int c = threadIdx.x * V; c < vocab; c += row_threads * V) {
    float x[V], highest = top;
    load(row + c, x);
    for (int i = 0; i < V; i++) {
      x[i] = squeezed(x[i], cap);
      highest = fmaxf(highest, x[i]);
      if (c + i == target) parts[row_threads / warp] = x[i];
    }
    sum *= top == highest ? 1 : expf(top - highest);
    top = highest;
    for (int i = 0; i < V; i++) sum += expf(x[i] - top);
  }
  const float warp_top = warp_max(top);
  if (threadIdx.x % warp == 0) parts[threadIdx.x / warp] = warp_top;
  __syncthreads();
  float block_top = parts[0];
  for (int w = 1; w < row_threads / warp; w++) block_top = fmaxf(block_top, parts[w]);
  const float total = block_sum(top == -INFINITY ? sum : sum * expf(top - block_top), parts);
  const float lse = block_top + logf(total);
  if (threadIdx.x == 0) losses[blockIdx.x] = lse - parts[row_threads / warp];

  for (int c = threadIdx.x * V; c < vocab; c += row_threads * V) {
    float x[V];
    load(row + c, x);
    for (int i = 0; i < V; i++) {
      const float y = squeezed(x[i], cap), slope = cap > 0 ? 1 - y / cap * (y / cap) : 1;
      x[i] = scale * (expf(y - lse) - (c + i == target ? 1.0f : 0.0f)) * slope;
    }
    store(row + c, x);
  }
}

constexpr float log2_e = 1.44269504f;

// tanh by one exp2 and one reciprocal, 1e-7 of 1 off: what a logit's exponential and slope can show in bf16 is a thousand times that.
__device__ inline float tanh_fast(float x2) { return 1 - 2 * reciprocal_fast(1 + exp2_fast(x2)); }  // x2 = 2 log2(e) x

// The row stays in registers: Eights times eight numbers a thread, squeezed to y = tanh(logit / cap) where there is a cap. Exponents
// are of two: 2^(to_log2 y) is e^(squeezed logit).
template <int Eights, bool capped>
__global__ void __launch_bounds__(row_threads) short_cross_entropy_kernel(int vocab, float cap, float scale, const uint16_t* targets, bf16* logits, float* losses) {
  constexpr int warps = row_threads / warp;
  float* parts = reinterpret_cast<float*>(shared_memory());  // of each warp its highest exponent, then of each its sum
  bf16* row = logits + long(blockIdx.x) * vocab;
  const float squeeze = capped ? 2 * log2_e / cap : 1, to_log2 = capped ? cap * log2_e : log2_e;
  const auto squeezed = [&](float x) { return capped ? tanh_fast(x * squeeze) : x; };
  const int target = targets[blockIdx.x];
  const float at_target = squeezed(to_float(row[target]));  // before anybody writes
  Eight in[Eights];
  for (int k = 0; k < Eights; k++) {
    const int c = (k * row_threads + int(threadIdx.x)) * 8;
    in[k] = *reinterpret_cast<const Eight*>(row + (c < vocab ? c : 0));
  }
  float y[Eights][8], top = -INFINITY;
#pragma unroll
  for (int k = 0; k < Eights; k++) {
    const bool there = (k * row_threads + int(threadIdx.x)) * 8 < vocab;
    for (int i = 0; i < 8; i++) {
      y[k][i] = there ? squeezed(to_float(in[k].x[i])) : -INFINITY;
      top = fmaxf(top, y[k][i]);
    }
  }
  top = warp_max(top) * to_log2;
  const float shift = top == -INFINITY ? 0 : top;
  float sum = 0;
#pragma unroll
  for (int k = 0; k < Eights; k++)
    for (int i = 0; i < 8; i++) sum += exp2_fast(y[k][i] * to_log2 - shift);
  sum = warp_sum(sum);
  if (threadIdx.x % warp == 0) parts[threadIdx.x / warp] = top, parts[warps + threadIdx.x / warp] = sum;
  __syncthreads();
  float block_top = parts[0], total = 0;
  for (int w = 1; w < warps; w++) block_top = fmaxf(block_top, parts[w]);
  for (int w = 0; w < warps; w++) total += parts[warps + w] * exp2_fast(parts[w] - block_top);
  const float lse = block_top + log2f(total);
  const auto gradient = [&](float y, float one) {
    const float slope = capped ? scale - scale * y * y : scale;
    return (exp2_fast(y * to_log2 - lse) - one) * slope;
  };
#pragma unroll
  for (int k = 0; k < Eights; k++) {
    const int c = (k * row_threads + int(threadIdx.x)) * 8;
    if (c >= vocab) continue;
    float d[8];
    for (int i = 0; i < 8; i++) d[i] = gradient(y[k][i], 0);
    store(row + c, d);
  }
  if (int(threadIdx.x) == target / 8 % row_threads) row[target] = to_bf16(gradient(at_target, 1));  // who wrote there just now
  if (threadIdx.x == 0) losses[blockIdx.x] = (lse - at_target * to_log2) / log2_e;
}

using Kernel = void (*)(int, float, float, const uint16_t*, bf16*, float*);
Kernel kernel_for(int vocab, float cap) {
  constexpr int at_once = row_threads * 8;
  if (!is_wide(vocab) || vocab > 8 * at_once) return is_wide(vocab) ? cross_entropy_kernel<8> : cross_entropy_kernel<1>;
  const bool capped = cap > 0;
  if (vocab <= at_once) return capped ? short_cross_entropy_kernel<1, true> : short_cross_entropy_kernel<1, false>;
  if (vocab <= 4 * at_once) return capped ? short_cross_entropy_kernel<4, true> : short_cross_entropy_kernel<4, false>;
  return capped ? short_cross_entropy_kernel<8, true> : short_cross_entropy_kernel<8, false>;
}

}  // namespace

void cross_entropy(Tape& tape, int rows, int vocab, float cap, float scale, const uint16_t* targets, bf16* logits, float* losses) {
  launch(tape, "cross_entropy", {unsigned(rows)}, {row_threads}, 2 * row_threads / warp * sizeof(float), kernel_for(vocab, cap), vocab, cap, scale, targets,
         logits, losses);
}

}  // namespace swarm::cuda
