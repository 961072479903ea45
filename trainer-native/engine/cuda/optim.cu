// Adam in one pass; Muon as one pass, fifteen batched products, and three passes. All matrices of one shape go together.
#include "engine/cuda/optim.h"

#include <cmath>

#include "engine/cuda/gemm.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/vector.h"
#include "engine/optim/polar.h"

namespace swarm::cuda {
namespace {

constexpr int norm_blocks = 64;  // of one matrix: parts of its squared length
constexpr int warps = row_threads / warp;
constexpr Extent block{unsigned(row_threads)};

__global__ void adam_kernel(long n, const UpdateNumbers* numbers, float* p, const float* g, float* m, float* v, bf16* rounded) {
  const UpdateNumbers k = *numbers;
  for (long i = first_item(); i < n; i += item_step()) {
    m[i] = k.momentum * m[i] + (1 - k.momentum) * g[i];
    v[i] = k.beta2 * v[i] + (1 - k.beta2) * g[i] * g[i];
    p[i] = p[i] * k.weight_decay - k.lr * m[i] / (sqrtf(v[i] * k.correction2) + k.eps);
    rounded[i] = to_bf16(p[i]);
  }
}

// grid: (norm_blocks, count). u = bf16 of Nesterov's step; parts [count, norm_blocks] of its squared length.
__global__ void nesterov_kernel(long all, const UpdateNumbers* numbers, const float* g, float* momentum, bf16* u, float* parts) {
  const float mu = numbers->momentum;
  const long start = blockIdx.y * all;
  float squares = 0;
  for (long i = first_item(); i < all; i += item_step()) {
    const float grad = g[start + i], now = momentum[start + i] + (grad - momentum[start + i]) * (1 - mu);
    momentum[start + i] = now;
    u[start + i] = to_bf16(grad + (now - grad) * mu);
    const float x = to_float(u[start + i]);
    squares += x * x;
  }
  squares = block_sum(squares, reinterpret_cast<float*>(shared_memory()));
  if (threadIdx.x == 0) parts[blockIdx.y * norm_blocks + blockIdx.x] = squares;
}

// Each matrix to a length just below one.
__global__ void shorten_kernel(long all, const float* parts, bf16* x) {
  float squares = 0;
  for (int i = 0; i < norm_blocks; i++) squares += parts[blockIdx.y * norm_blocks + i];
  const float factor = 1 / (1.02f * sqrtf(squares) + 1e-6f);
  x += blockIdx.y * all;
  for (long i = first_item(); i < all; i += item_step()) x[i] = to_bf16(to_float(x[i]) * factor);
}

// mean [count, rows]: one warp a row, matrices one behind the other.
__global__ void mean_square_rows_kernel(long rows, int cols, const bf16* x, float* mean) {
  for (long r = first_item() / warp; r < rows; r += item_step() / warp) {
    float squares = 0;
    for (int c = threadIdx.x % warp; c < cols; c += warp) squares += to_float(x[r * cols + c]) * to_float(x[r * cols + c]);
    squares = warp_sum(squares);
    if (threadIdx.x % warp == 0) mean[r] = squares / float(cols);
  }
}

// mean [count, cols]: one thread a column, grid.y the matrix.
__global__ void mean_square_columns_kernel(int rows, int cols, const bf16* x, float* mean) {
  const int c = int(first_item());
  if (c >= cols) return;
  x += long(blockIdx.y) * rows * cols;
  float squares = 0;
  for (int r = 0; r < rows; r++) squares += to_float(x[long(r) * cols + c]) * to_float(x[long(r) * cols + c]);
  mean[blockIdx.y * cols + c] = squares / float(rows);
}

// One block a matrix. NorMuon: rows (or columns) to like size by their running mean square, the whole to the length it had.
// factor [count, reduced] takes the place of mean.
__global__ void factors_kernel(int reduced, float over, const UpdateNumbers* numbers, float* second, float* mean) {
  float* parts = reinterpret_cast<float*>(shared_memory());
  second += long(blockIdx.x) * reduced, mean += long(blockIdx.x) * reduced;
  const float beta2 = numbers->beta2;
  float squares = 0, scaled = 0;
  for (int i = threadIdx.x; i < reduced; i += blockDim.x) {
    second[i] += (mean[i] - second[i]) * (1 - beta2);
    const float factor = rsqrtf(fmaxf(second[i], 1e-10f));
    squares += mean[i] * over;
    scaled += mean[i] * over * factor * factor;
  }
  const float length = sqrtf(block_sum(squares, parts)), scaled_length = sqrtf(block_sum(scaled, parts));
  const float level = length / fmaxf(scaled_length, 1e-10f);
  for (int i = threadIdx.x; i < reduced; i += blockDim.x) mean[i] = level * rsqrtf(fmaxf(second[i], 1e-10f));
}

// p -= lr u + lr wd p [u p >= 0], u = x times its row's (or column's) factor.
__global__ void cautious_kernel(int rows, int cols, long items, float lr_factor, const UpdateNumbers* numbers, const bf16* x, const float* factor, float* p,
                                bf16* rounded) {
  const float lr = numbers->lr * lr_factor, decay = numbers->weight_decay;
  const bool by_row = rows >= cols;
  const long all = long(rows) * cols;
  for (long i = first_item(); i < items; i += item_step()) {
    const long which = by_row ? i / cols : i / all * cols + i % cols;
    const float u = to_float(x[i]) * factor[which], old = p[i];
    p[i] = old - (lr * u + (u * old >= 0 ? lr * decay * old : 0));
    rounded[i] = to_bf16(p[i]);
  }
}

// Scratch of a batch: two copies of the matrices, two Gram matrices each, parts of lengths, means.
struct Scratch {
  bf16 *x, *spare, *gram, *square;
  float *parts, *mean;
};
size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }
size_t lay_out(const MuonBatch& b, char* at, Scratch* s) {
  const char* const start = at;
  const auto take = [&](size_t bytes) {
    char* here = at;
    at += aligned(bytes);
    return here;
  };
  const size_t matrices = size_t(b.count) * b.all() * sizeof(bf16), grams = size_t(b.count) * b.small() * b.small() * sizeof(bf16);
  s->x = reinterpret_cast<bf16*>(take(matrices));
  s->spare = reinterpret_cast<bf16*>(take(matrices));
  s->gram = reinterpret_cast<bf16*>(take(grams));
  s->square = reinterpret_cast<bf16*>(take(grams));
  s->parts = reinterpret_cast<float*>(take(size_t(b.count) * norm_blocks * sizeof(float)));
  s->mean = reinterpret_cast<float*>(take(size_t(b.count) * b.reduced() * sizeof(float)));
  return size_t(at - start);
}

}  // namespace

void adam(Tape& tape, long n, const UpdateNumbers* numbers, float* p, const float* g, float* m, float* v, bf16* rounded) {
  launch(tape, "adam", grid_of(n), block, 0, adam_kernel, n, numbers, p, g, m, v, rounded);
}

size_t muon_scratch_bytes(const MuonBatch& batch) {
  Scratch s;
  return lay_out(batch, nullptr, &s);
}

bf16* polar_express(Tape& tape, const MuonBatch& b, bf16* x, bf16* spare, bf16* gram, bf16* square) {
  const bool tall = b.rows > b.cols;
  const int n = b.small();
  for (int step = 0; step < b.polar_steps; step++) {
    const double* c = optim::polar_row(step);
    Product p;  // A = X^T X or X X^T
    p.batches = b.count;
    p.form = tall ? Form::TN : Form::NT;
    p.M = p.N = n, p.K = b.reduced();
    p.A = p.B = x, p.lda = p.ldb = b.cols, p.a_step = p.b_step = b.all();
    p.C = gram, p.ldc = n, p.c_step = long(n) * n;
    gemm(tape, p);
    p.form = Form::NT;  // B = b A + c A A; A is its own transpose
    p.K = n;
    p.A = p.B = p.D = gram, p.lda = p.ldb = n, p.a_step = p.b_step = long(n) * n;
    p.C = square;
    p.alpha = float(c[2]), p.beta = float(c[1]);
    gemm(tape, p);
    p.form = Form::NN;  // X = a X + X B or a X + B X
    p.M = b.rows, p.N = b.cols;
    p.A = tall ? x : square, p.lda = tall ? b.cols : n, p.a_step = tall ? b.all() : long(n) * n;
    p.B = tall ? square : x, p.ldb = tall ? n : b.cols, p.b_step = tall ? long(n) * n : b.all();
    p.C = spare, p.D = x, p.ldc = b.cols, p.c_step = b.all();
    p.alpha = 1, p.beta = float(c[0]);
    gemm(tape, p);
    std::swap(x, spare);
  }
  return x;
}

void muon(Tape& tape, const MuonBatch& b, const UpdateNumbers* numbers, float* p, const float* g, float* momentum, float* second, bf16* rounded,
          void* scratch) {
  Scratch s;
  lay_out(b, static_cast<char*>(scratch), &s);
  const Extent parts{norm_blocks, unsigned(b.count)};
  launch(tape, "nesterov", parts, block, warps * sizeof(float), nesterov_kernel, b.all(), numbers, g, momentum, s.x, s.parts);
  launch(tape, "shorten", parts, block, 0, shorten_kernel, b.all(), static_cast<const float*>(s.parts), s.x);
  const bf16* x = polar_express(tape, b, s.x, s.spare, s.gram, s.square);
  const bool by_row = b.rows >= b.cols;
  if (by_row) launch(tape, "mean_square_rows", grid_of(long(b.count) * b.rows, warps), block, 0, mean_square_rows_kernel, long(b.count) * b.rows, b.cols, x, s.mean);
  else launch(tape, "mean_square_columns", {unsigned(blocks_for(b.cols, row_threads)), unsigned(b.count)}, block, 0, mean_square_columns_kernel, b.rows, b.cols, x, s.mean);
  launch(tape, "factors", {unsigned(b.count)}, {1024}, 32 * sizeof(float), factors_kernel, b.reduced(), float(by_row ? b.cols : b.rows), numbers, second, s.mean);
  const float lr_factor = std::sqrt(std::max(1.0f, float(b.rows) / float(b.cols)));
  launch(tape, "cautious", grid_of(b.count * b.all()), block, 0, cautious_kernel, b.rows, b.cols, b.count * b.all(), lr_factor, numbers, x,
         static_cast<const float*>(s.mean), p, rounded);
}

}  // namespace swarm::cuda
