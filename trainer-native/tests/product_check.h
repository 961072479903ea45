// One product on the device against float64 and a naive bf16 kernel: by our own kernels, or by a cuBLASLt.
// defines: Case, check_product()
#pragma once
#include "cuda_check.h"
#include "engine/cuda/blas_lt.h"
#include "engine/cuda/gemm.h"

namespace product_check {

using namespace cuda_check;
using swarm::cuda::Form;
using swarm::cuda::LtProducts;
using swarm::cuda::Product;

struct Case {
  Form form;
  int M, N, K;
  float alpha = 1, beta = 0;
  int batches = 1, slack = 0;  // slack: of every row
};

inline size_t at_a(const Case& c, size_t ld, size_t m, size_t k) { return c.form == Form::TN ? k * ld + m : m * ld + k; }
inline size_t at_b(const Case& c, size_t ld, size_t n, size_t k) { return c.form == Form::NT ? n * ld + k : k * ld + n; }

template <class Out>
std::string check_product(const Case& c, LtProducts* products = nullptr) {
  support::Random random(uint64_t(c.M * 31 + c.N * 7 + c.K));
  const size_t lda = size_t(c.form == Form::TN ? c.M : c.K) + c.slack, ldb = size_t(c.form == Form::NT ? c.K : c.N) + c.slack, ldc = size_t(c.N) + c.slack;
  const size_t a_step = lda * size_t(c.form == Form::TN ? c.K : c.M), b_step = ldb * size_t(c.form == Form::NT ? c.N : c.K), c_step = ldc * size_t(c.M);
  const auto a = numbers(random, a_step * c.batches), b = numbers(random, b_step * c.batches);
  std::vector<Out> before;
  for (bf16 x : numbers(random, c_step * c.batches)) {
    if constexpr (std::is_same_v<Out, float>) before.push_back(to_float(x));
    else before.push_back(x);
  }
  const On<bf16> A(a), B(b);
  On<Out> C(before.size());
  On<float> workspace(swarm::cuda::gemm_workspace_floats(c.M, c.N, c.K));

  Product p;
  p.form = c.form;
  p.M = c.M, p.N = c.N, p.K = c.K;
  p.A = A, p.lda = long(lda), p.a_step = long(a_step);
  p.B = B, p.ldb = long(ldb), p.b_step = long(b_step);
  p.ldc = long(ldc), p.c_step = long(c_step);
  p.alpha = c.alpha, p.beta = c.beta, p.batches = c.batches;
  if constexpr (std::is_same_v<Out, float>) p.C32 = C;
  else p.C = C, p.D = C;
  Tape tape(products);
  gemm(tape, p, workspace);
  if (c.beta != 0 || c.slack) C.put(before);  // only now: a cuBLASLt may have timed itself on it
  else C.poison();
  tape.run();
  const std::vector<Out> got = C.get();

  std::vector<double> wanted;
  std::vector<Out> kept, naive;
  for (size_t batch = 0; batch < size_t(c.batches); batch++)
    for (size_t m = 0; m < size_t(c.M); m++) {
      for (size_t n = 0; n < size_t(c.N); n++) {
        double sum = 0;
        float sum32 = 0;
        for (size_t k = 0; k < size_t(c.K); k++) {
          const float x = to_float(a[batch * a_step + at_a(c, lda, m, k)]), y = to_float(b[batch * b_step + at_b(c, ldb, n, k)]);
          sum += double(x) * y;
          sum32 += x * y;
        }
        const size_t at = batch * c_step + m * ldc + n;
        const double old = c.beta == 0 ? 0 : as_float(before[at]);
        wanted.push_back(c.alpha * sum + c.beta * old);
        const float plain = c.alpha * sum32 + c.beta * float(old);
        if constexpr (std::is_same_v<Out, float>) naive.push_back(plain);
        else naive.push_back(to_bf16(plain));
        kept.push_back(got[at]);
      }
      for (size_t n = size_t(c.N); n < ldc; n++) CHECK_EQUAL(as_float(got[batch * c_step + m * ldc + n]), as_float(before[batch * c_step + m * ldc + n]));
    }
  check_close("C", kept, wanted, naive);
  return bits_of(got);
}

}  // namespace product_check
