// Muon: Nesterov momentum, nearly orthogonalised by Polar Express, scaled by NorMuon's second moment, cautious weight decay.
#include "engine/cpu/kernels.h"
#include "engine/optim/optim.h"
#include "engine/optim/polar.h"

#include <algorithm>
#include <cmath>

namespace swarm::optim {

namespace {

// Scratch: two matrices [rows, cols], then two Gram matrices of the short side, then one float a row or column.
struct Scratch {
  float *x, *next, *gram, *square, *share;
};
Scratch layout(int rows, int cols, float* scratch) {
  const long all = static_cast<long>(rows) * cols, small = std::min(rows, cols);
  Scratch s;
  s.x = scratch;
  s.next = s.x + all;
  s.gram = s.next + all;
  s.square = s.gram + small * small;
  s.share = s.square + small * small;
  return s;
}

// v [max(rows, cols)] = mean square of each row when rows >= cols, else of each column. squares [rows, cols] is scratch.
void mean_squares(int rows, int cols, const float* x, float* squares, float* v) {
  const cpu::Kernels& k = cpu::kernels();
  if (rows >= cols) {
    for (long i = 0; i < rows; i++) v[i] = k.sum_squares(cols, x + i * cols) / static_cast<float>(cols);
    return;
  }
  k.square(static_cast<long>(rows) * cols, x, squares);
  k.fill(cols, 0.0f, v);
  k.sum_columns(rows, cols, squares, cols, v);
  k.scale(cols, 1.0f / static_cast<float>(rows), v, v);
}

}  // namespace

long muon_second_floats(int rows, int cols) { return std::max(rows, cols); }

long muon_scratch_floats(int rows, int cols) {
  const long all = static_cast<long>(rows) * cols, small = std::min(rows, cols);
  return 2 * all + 2 * small * small + 2 * std::max(rows, cols);
}

float* polar_express(int rows, int cols, int steps, float* x, float* scratch) {
  const cpu::Kernels& k = cpu::kernels();
  const Scratch s = layout(rows, cols, scratch);
  const bool tall = rows > cols;
  const int small = std::min(rows, cols);
  const long small_squared = static_cast<long>(small) * small;
  float *now = x, *next = s.next;
  for (int step = 0; step < steps; step++) {
    const double* c = polar_row(step);
    const float c0 = static_cast<float>(c[0]), c1 = static_cast<float>(c[1]), c2 = static_cast<float>(c[2]);
    k.gram(tall ? cpu::Form::TN : cpu::Form::NT, small, tall ? rows : cols, now, cols, s.gram, small);
    k.gram(cpu::Form::NT, small, small, s.gram, small, s.square, small);  // a Gram matrix is its own transpose
    k.axpby(small_squared, c1, s.gram, c2, s.square, s.gram);
    for (long i = 0; i < small; i++) s.gram[i * small + i] += c0;  // a X + B X = (a I + B) X
    if (tall) k.gemm(cpu::Form::NN, rows, cols, cols, now, cols, s.gram, cols, 0.0f, next, cols);
    else k.gemm(cpu::Form::NN, rows, cols, rows, s.gram, rows, now, cols, 0.0f, next, cols);
    std::swap(now, next);
  }
  return now;
}

void muon(int rows, int cols, float* p, const float* g, float* momentum, float* second, float* scratch, const MuonStep& step) {
  const cpu::Kernels& k = cpu::kernels();
  const Scratch s = layout(rows, cols, scratch);
  const long all = static_cast<long>(rows) * cols;
  k.nesterov(all, step.momentum, g, momentum, s.x);
  k.scale(all, 1.0f / (1.02f * std::sqrt(k.sum_squares(all, s.x)) + 1e-6f), s.x, s.x);
  float* x = polar_express(rows, cols, step.polar_steps, s.x, scratch);
  float* spare = x == s.x ? s.next : s.x;

  // NorMuon: rows (or columns) to like size by their running mean square, the whole to the norm it had.
  const bool by_row = rows >= cols;
  const int count = by_row ? rows : cols;
  const float reduced = static_cast<float>(by_row ? cols : rows);
  float *mean = s.share, *factor = s.share + count;
  mean_squares(rows, cols, x, spare, mean);
  double norm = 0, scaled_norm = 0;
  for (int i = 0; i < count; i++) {
    second[i] += (mean[i] - second[i]) * (1.0f - step.beta2);
    factor[i] = 1.0f / std::sqrt(std::max(second[i], 1e-10f));
    norm += static_cast<double>(mean[i]) * reduced;
    scaled_norm += static_cast<double>(mean[i]) * reduced * factor[i] * factor[i];
  }
  const float level = static_cast<float>(std::sqrt(norm) / std::max(std::sqrt(scaled_norm), 1e-10));
  k.scale(count, level, factor, factor);
  for (long i = 0; i < rows; i++) {
    if (by_row) k.scale(cols, factor[i], x + i * cols, x + i * cols);
    else k.multiply(cols, x + i * cols, factor, x + i * cols);
  }

  const float lr = step.lr * std::sqrt(std::max(1.0f, static_cast<float>(rows) / static_cast<float>(cols)));
  k.cautious(all, lr, step.weight_decay, x, p);
}

// Both Gram matrices cost half a product: only one triangle is computed.
Work muon_work(int rows, int cols, int polar_steps) {
  const double all = static_cast<double>(rows) * cols, small = std::min(rows, cols);
  const double flops_a_step = all * small + small * small * small + 2 * all * small + 3 * small * small + all;
  const double bytes_a_step = sizeof(float) * (5 * all + 6 * small * small);  // x thrice, its copy written and read; the two small ones
  return {polar_steps * flops_a_step + 20 * all, polar_steps * bytes_a_step + 15 * sizeof(float) * all};
}

}  // namespace swarm::optim
