// One block a token. The row is read twice, once for its maximum and sum together, once for the gradient that replaces it.
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

}  // namespace

void cross_entropy(Tape& tape, int rows, int vocab, float cap, float scale, const uint16_t* targets, bf16* logits, float* losses) {
  launch(tape, "cross_entropy", {unsigned(rows)}, {row_threads}, (row_threads / warp + 1) * sizeof(float),
         is_wide(vocab) ? cross_entropy_kernel<8> : cross_entropy_kernel<1>, vocab, cap, scale, targets, logits, losses);
}

}  // namespace swarm::cuda
