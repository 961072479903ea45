#include "engine/optim/polar.h"

#include <algorithm>
#include <cmath>

#include "engine/cpu/kernels.h"

namespace swarm::optim {

long polar_scratch_floats(int rows, int cols) {
  const long all = static_cast<long>(rows) * cols, small = std::min(rows, cols);
  return all + 2 * small * small;
}

// Scratch: one matrix [rows, cols], then two Gram matrices of the short side. The iterate goes to and fro between that matrix and
// `out`, starting where it will end in `out`.
void polar(int rows, int cols, int steps, const float* x, float* out, float* scratch) {
  const cpu::Kernels& k = cpu::kernels();
  const long all = static_cast<long>(rows) * cols;
  const bool tall = rows > cols;
  const int small = std::min(rows, cols);
  const long small_squared = static_cast<long>(small) * small;
  float *gram = scratch + all, *square = gram + small_squared;
  float *now = steps % 2 ? scratch : out, *next = steps % 2 ? out : scratch;
  k.scale(all, 1.0f / (1.02f * std::sqrt(k.sum_squares(all, x)) + 1e-6f), x, now);  // no singular value above 1
  for (int step = 0; step < steps; step++) {
    const double* c = polar_row(step);
    const float c0 = static_cast<float>(c[0]), c1 = static_cast<float>(c[1]), c2 = static_cast<float>(c[2]);
    k.gram(tall ? cpu::Form::TN : cpu::Form::NT, small, tall ? rows : cols, now, cols, gram, small);
    k.gram(cpu::Form::NT, small, small, gram, small, square, small);  // a Gram matrix is its own transpose
    k.axpby(small_squared, c1, gram, c2, square, gram);
    for (long i = 0; i < small; i++) gram[i * small + i] += c0;  // a X + B X = (a I + B) X
    if (tall) k.gemm(cpu::Form::NN, rows, cols, cols, now, cols, gram, cols, 0.0f, next, cols);
    else k.gemm(cpu::Form::NN, rows, cols, rows, gram, rows, now, cols, 0.0f, next, cols);
    std::swap(now, next);
  }
}

// Both Gram matrices cost half a product: only one triangle is computed.
Work polar_work(int rows, int cols, int steps) {
  const double all = static_cast<double>(rows) * cols, small = std::min(rows, cols);
  const double flops_a_step = all * small + small * small * small + 2 * all * small + 3 * small * small + all;
  const double bytes_a_step = sizeof(float) * (5 * all + 6 * small * small);  // x thrice, its copy written and read; the two small ones
  return {steps * flops_a_step + 3 * all, steps * bytes_a_step + 3 * sizeof(float) * all};
}

}  // namespace swarm::optim
