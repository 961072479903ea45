// One item is eight channels of a head's first half and the eight they turn with in the second. Neighbouring lanes hold a head.
#include "engine/cuda/rope_norm.h"

#include "engine/cuda/launch.h"
#include "engine/cuda/vector.h"

namespace swarm::cuda {
namespace {

struct alignas(16) Four {
  float x[4];
};
__device__ inline void load_floats(const float* from, float (&x)[8]) {
  for (int i = 0; i < 2; i++) {
    const Four four = reinterpret_cast<const Four*>(from)[i];
    for (int j = 0; j < 4; j++) x[i * 4 + j] = four.x[j];
  }
}

struct Heads {
  long items;
  int T, heads, head_dim, lanes_shift;  // 2^lanes_shift lanes a head
};

// Where this thread's item lies. Past the end it is the last one once more, for every lane takes part in sums; whole heads are.
struct Item {
  __device__ Item(const Heads& h, long which) : there(which < h.items) {
    const long item = there ? which : h.items - 1;
    const int i = (int(item) & ((1 << h.lanes_shift) - 1)) * 8;
    head = item >> h.lanes_shift;
    at = head * h.head_dim + i;
    angle = long(int(head) / h.heads % h.T) * (h.head_dim / 2) + i;
    first = i == 0;
  }
  bool there, first;  // first: of its head
  long head, at, angle;
};

__device__ inline float head_sum(float x, int lanes_shift) {
  for (int lanes = 1 << lanes_shift >> 1; lanes > 0; lanes /= 2) x += shuffle_xor(x, lanes);
  return x;
}

__global__ void __launch_bounds__(row_threads) rope_rmsnorm_kernel(Heads h, float eps, const bf16* x, const float* cos, const float* sin, bf16* y, float* rstd) {
  const int half = h.head_dim / 2;
  const Item item(h, first_item());
  float a[8], b[8], c[8], s[8], squares = 0;
  load(x + item.at, a);
  load(x + item.at + half, b);
  load_floats(cos + item.angle, c);
  load_floats(sin + item.angle, s);
  for (int j = 0; j < 8; j++) {
    const float p = a[j] * c[j] + b[j] * s[j], q = b[j] * c[j] - a[j] * s[j];
    a[j] = p, b[j] = q;
    squares += p * p + q * q;
  }
  const float r = rsqrtf(head_sum(squares, h.lanes_shift) / float(h.head_dim) + eps);
  for (int j = 0; j < 8; j++) a[j] *= r, b[j] *= r;
  if (!item.there) return;
  store(y + item.at, a);
  store(y + item.at + half, b);
  if (item.first) rstd[item.head] = r;
}

__global__ void __launch_bounds__(row_threads) rope_rmsnorm_backward_kernel(Heads h, const bf16* dy, const bf16* y, const float* rstd, const float* cos,
                                                                            const float* sin, bool add, bf16* dx) {
  const int half = h.head_dim / 2;
  const Item item(h, first_item());
  float a[8], b[8], ya[8], yb[8], c[8], s[8], sum = 0;
  load(dy + item.at, a);
  load(dy + item.at + half, b);
  load(y + item.at, ya);
  load(y + item.at + half, yb);
  load_floats(cos + item.angle, c);
  load_floats(sin + item.angle, s);
  const float r = rstd[item.head];
  for (int j = 0; j < 8; j++) sum += a[j] * ya[j] + b[j] * yb[j];
  const float mean = head_sum(sum, h.lanes_shift) / float(h.head_dim);
  for (int j = 0; j < 8; j++) {
    const float p = r * (a[j] - ya[j] * mean), q = r * (b[j] - yb[j] * mean);
    a[j] = p * c[j] - q * s[j], b[j] = q * c[j] + p * s[j];
  }
  if (!item.there) return;
  store(dx + item.at, a, add);
  store(dx + item.at + half, b, add);
}

Heads heads_of(int N, int T, int cols, int head_dim) {
  Heads h{long(N) * cols / 16, T, cols / head_dim, head_dim, 0};
  while (16 << h.lanes_shift < head_dim) h.lanes_shift++;
  return h;
}
Extent grid(const Heads& h) { return {unsigned(blocks_for(h.items, row_threads))}; }

}  // namespace

bool has_rope_rmsnorm(int head_dim) {
  for (int lanes = 1; lanes <= warp; lanes *= 2) if (head_dim == 16 * lanes) return true;
  return false;
}

void rope_rmsnorm(Tape& tape, int N, int T, int cols, int head_dim, float eps, const bf16* x, const float* cos, const float* sin, bf16* y, float* rstd) {
  const Heads h = heads_of(N, T, cols, head_dim);
  launch(tape, "rope_rmsnorm", grid(h), {unsigned(row_threads)}, 0, rope_rmsnorm_kernel, h, eps, x, cos, sin, y, rstd);
}

void rope_rmsnorm_backward(Tape& tape, int N, int T, int cols, int head_dim, const bf16* dy, const bf16* y, const float* rstd, const float* cos,
                           const float* sin, bool add, bf16* dx) {
  const Heads h = heads_of(N, T, cols, head_dim);
  launch(tape, "rope_rmsnorm_backward", grid(h), {unsigned(row_threads)}, 0, rope_rmsnorm_backward_kernel, h, dy, y, rstd, cos, sin, add, dx);
}

}  // namespace swarm::cuda
