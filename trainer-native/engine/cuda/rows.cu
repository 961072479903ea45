// Kernels bound by memory: each number is read once where a row fits, and moved sixteen bytes at a time where rows are aligned.
#include "engine/cuda/rows.h"

#include "engine/cuda/launch.h"
#include "engine/cuda/vector.h"

namespace swarm::cuda {
namespace {

template <int V>
__global__ void embed_kernel(long items, int C, const bf16* table, const uint16_t* tokens, bf16* out) {
  const int per_row = C / V;
  for (long i = first_item(); i < items; i += item_step()) {
    float x[V];
    load(table + long(tokens[i / per_row]) * C + i % per_row * V, x);
    store(out + i * V, x);
  }
}

// One block a piece: its tokens' rows summed in order into sums [pieces, C].
template <int V>
__global__ void sum_pieces_kernel(int N, int vocab, int pieces_most, int C, const bf16* dy, const int32_t* sorted, float* sums) {
  const int32_t *order = sorted, *first = order + N, *piece_of = first + pieces_most + 1;
  const int piece = blockIdx.x;
  if (piece >= piece_of[vocab]) return;
  const int begin = first[piece], next = first[piece + 1], end = min(next, begin + SortedTokens::piece);
  for (int c = threadIdx.x * V; c < C; c += blockDim.x * V) {
    float sum[V] = {};
#pragma unroll 4
    for (int at = begin; at < end; at++) {
      float x[V];
      load(dy + long(order[at]) * C + c, x);
      for (int i = 0; i < V; i++) sum[i] += x[i];
    }
    for (int i = 0; i < V; i++) sums[long(piece) * C + c + i] = sum[i];
  }
}

__global__ void sum_ids_kernel(int N, int pieces_most, int C, const int32_t* sorted, const float* sums, bool add, float* dtable) {
  const int32_t* piece_of = sorted + N + pieces_most + 1;
  const int id = blockIdx.x;
  for (int c = threadIdx.x; c < C; c += blockDim.x) {
    float sum = 0;
    for (int piece = piece_of[id]; piece < piece_of[id + 1]; piece++) sum += sums[long(piece) * C + c];
    float& to = dtable[long(id) * C + c];
    to = add ? to + sum : sum;
  }
}

// One warp a group.
template <int V>
__global__ void rmsnorm_kernel(long groups, int group, float eps, const bf16* x, bf16* y, float* rstd) {
  const int lane = threadIdx.x % warp;
  for (long g = first_item() / warp; g < groups; g += item_step() / warp) {
    float squares = 0;
    for (int c = lane * V; c < group; c += warp * V) {
      float v[V];
      load(x + g * group + c, v);
      for (int i = 0; i < V; i++) squares += v[i] * v[i];
    }
    const float r = rsqrtf(warp_sum(squares) / float(group) + eps);
    if (lane == 0) rstd[g] = r;
    for (int c = lane * V; c < group; c += warp * V) {
      float v[V];
      load(x + g * group + c, v);
      for (int i = 0; i < V; i++) v[i] *= r;
      store(y + g * group + c, v);
    }
  }
}

template <int V>
__global__ void rmsnorm_backward_kernel(long groups, int group, const bf16* dy, const bf16* x, const float* rstd, bool add, bf16* dx) {
  const int lane = threadIdx.x % warp;
  for (long g = first_item() / warp; g < groups; g += item_step() / warp) {
    const float r = rstd[g];
    float sum = 0;
    for (int c = lane * V; c < group; c += warp * V) {
      float v[V], d[V];
      load(x + g * group + c, v);
      load(dy + g * group + c, d);
      for (int i = 0; i < V; i++) sum += d[i] * v[i];
    }
    const float mean = warp_sum(sum) * r / float(group);
    for (int c = lane * V; c < group; c += warp * V) {
      float v[V], d[V];
      load(x + g * group + c, v);
      load(dy + g * group + c, d);
      for (int i = 0; i < V; i++) d[i] = r * (d[i] - v[i] * r * mean);
      store(dx + g * group + c, d, add);
    }
  }
}

template <int V>
__global__ void rope_kernel(long items, int T, int cols, int head_dim, const bf16* x, const float* cos, const float* sin, float sign, bool add,
                            bf16* y) {
  const int half = head_dim / 2, per_head = half / V, per_row = cols / head_dim * per_head;
  for (long item = first_item(); item < items; item += item_step()) {
    const long n = item / per_row;
    const int in_row = int(item % per_row), i = in_row % per_head * V;
    const long at = n * cols + in_row / per_head * head_dim + i, angle = n % T * half + i;
    float a[V], b[V], p[V], q[V];
    load(x + at, a);
    load(x + at + half, b);
    for (int j = 0; j < V; j++) {
      const float c = cos[angle + j], s = sign * sin[angle + j];
      p[j] = a[j] * c + b[j] * s;
      q[j] = b[j] * c - a[j] * s;
    }
    store(y + at, p, add);
    store(y + at + half, q, add);
  }
}

template <int V>
__global__ void copy_columns_kernel(long items, int count, const bf16* from, int from_stride, bf16* to, int to_stride, bool add) {
  const int per_row = count / V;
  for (long i = first_item(); i < items; i += item_step()) {
    const long n = i / per_row;
    const int c = int(i % per_row) * V;
    float x[V];
    load(from + n * from_stride + c, x);
    store(to + n * to_stride + c, x, add);
  }
}

__device__ inline void put(bf16* to, float x) { *to = to_bf16(x); }
__device__ inline void put(float* to, float x) { *to = x; }

template <class T>
__global__ void fill_kernel(long count, float value, T* to) {
  for (long i = first_item(); i < count; i += item_step()) put(to + i, value);
}

__global__ void sum_columns_kernel(int rows, int C, const float* x, bool add, float* out) {
  const int c = int(first_item());
  if (c >= C) return;
  float sum = 0;
  for (int r = 0; r < rows; r++) sum += x[long(r) * C + c];
  out[c] = add ? out[c] + sum : sum;
}

// One block: sixteen sums a thread, so that as many loads are on their way at once.
__global__ void sum_all_kernel(long count, const float* x, bool add, float* out) {
  constexpr int lines = 16;
  float sums[lines] = {};
  for (long first = threadIdx.x; first < count; first += long(lines) * blockDim.x) {
#pragma unroll
    for (int i = 0; i < lines; i++) {
      const long at = first + long(i) * blockDim.x;
      if (at < count) sums[i] += x[at];
    }
  }
  float sum = 0;
  for (int i = 0; i < lines; i++) sum += sums[i];
  sum = block_sum(sum, reinterpret_cast<float*>(shared_memory()));
  if (threadIdx.x == 0) *out = add ? *out + sum : sum;
}

__global__ void sum_groups_kernel(long groups, int group, const float* x, bool add, bf16* out) {  // one warp a group
  const int lane = threadIdx.x % warp;
  for (long g = first_item() / warp; g < groups; g += item_step() / warp) {
    float sum = 0;
    for (int c = lane; c < group; c += warp) sum += x[g * group + c];
    float total[1] = {warp_sum(sum)};
    if (lane == 0) store(out + g, total, add);
  }
}

__global__ void round_kernel(long count, const float* from, bf16* to) {
  for (long i = first_item(); i < count; i += item_step()) to[i] = to_bf16(from[i]);
}

constexpr Extent block{unsigned(row_threads)};
constexpr int warps = row_threads / warp;

}  // namespace

void embed(Tape& tape, int N, int C, const bf16* table, const uint16_t* tokens, bf16* out) {
  const bool wide = is_wide(C);
  const long items = long(N) * C / (wide ? 8 : 1);
  launch(tape, "embed", grid_of(items), block, 0, wide ? embed_kernel<8> : embed_kernel<1>, items, C, table, tokens, out);
}

void embed_backward(Tape& tape, int N, int vocab, int C, const bf16* dy, const int32_t* sorted, bool add, float* dtable, float* scratch) {
  const int most = int(SortedTokens::most_pieces(N, vocab));
  launch(tape, "sum_pieces", {unsigned(most)}, {64}, 0, is_wide(C) ? sum_pieces_kernel<8> : sum_pieces_kernel<1>, N, vocab, most, C, dy, sorted, scratch);
  launch(tape, "sum_ids", {unsigned(vocab)}, {128}, 0, sum_ids_kernel, N, most, C, sorted, static_cast<const float*>(scratch), add, dtable);
}

void rmsnorm(Tape& tape, int N, int cols, int group, float eps, const bf16* x, bf16* y, float* rstd) {
  const long groups = long(N) * (cols / group);
  launch(tape, "rmsnorm", grid_of(groups, warps), block, 0, is_wide(group) ? rmsnorm_kernel<8> : rmsnorm_kernel<1>, groups, group, eps, x, y, rstd);
}

void rmsnorm_backward(Tape& tape, int N, int cols, int group, const bf16* dy, const bf16* x, const float* rstd, bool add, bf16* dx) {
  const long groups = long(N) * (cols / group);
  launch(tape, "rmsnorm_backward", grid_of(groups, warps), block, 0, is_wide(group) ? rmsnorm_backward_kernel<8> : rmsnorm_backward_kernel<1>, groups,
         group, dy, x, rstd, add, dx);
}

void rope(Tape& tape, int N, int T, int cols, int head_dim, const bf16* x, const float* cos, const float* sin, bool backward, bool add, bf16* y) {
  const bool wide = is_wide(head_dim / 2);
  const long items = long(N) * cols / 2 / (wide ? 8 : 1);
  launch(tape, backward ? "rope_backward" : "rope", grid_of(items), block, 0, wide ? rope_kernel<8> : rope_kernel<1>, items, T, cols, head_dim, x, cos,
         sin, backward ? -1.0f : 1.0f, add, y);
}

void copy_columns(Tape& tape, int N, int count, const bf16* from, int from_stride, bf16* to, int to_stride, bool add) {
  const auto aligned = [](const bf16* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; };  // a first channel moves the start
  const bool wide = is_wide(count, from_stride, to_stride) && aligned(from) && aligned(to);
  const long items = long(N) * count / (wide ? 8 : 1);
  launch(tape, "copy_columns", grid_of(items), block, 0, wide ? copy_columns_kernel<8> : copy_columns_kernel<1>, items, count, from, from_stride, to,
         to_stride, add);
}

void fill(Tape& tape, long count, float value, bf16* to) { launch(tape, "fill", grid_of(count), block, 0, fill_kernel<bf16>, count, value, to); }
void fill(Tape& tape, long count, float value, float* to) { launch(tape, "fill", grid_of(count), block, 0, fill_kernel<float>, count, value, to); }

void sum_columns(Tape& tape, int rows, int C, const float* x, bool add, float* out) {
  launch(tape, "sum_columns", {unsigned(blocks_for(C, row_threads))}, block, 0, sum_columns_kernel, rows, C, x, add, out);
}
void sum_all(Tape& tape, long count, const float* x, bool add, float* out) {
  launch(tape, "sum_all", {1}, {1024}, 128, sum_all_kernel, count, x, add, out);
}
void sum_groups(Tape& tape, long groups, int group, const float* x, bool add, bf16* out) {
  launch(tape, "sum_groups", grid_of(groups, warps), block, 0, sum_groups_kernel, groups, group, x, add, out);
}

void round(Tape& tape, long count, const float* from, bf16* to) {
  launch(tape, "round", grid_of(count), block, 0, round_kernel, count, from, to);
}

}  // namespace swarm::cuda
