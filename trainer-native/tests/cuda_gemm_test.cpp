// The product kernel: every form, odd shapes, batches, sums in parts, against float64 and a naive bf16 kernel.
#include "cuda_check.h"
#include "engine/cuda/gemm.h"

using namespace cuda_check;
using swarm::cuda::Form;
using swarm::cuda::gemm;
using swarm::cuda::gemm_workspace_floats;
using swarm::cuda::Product;

namespace {

struct Case {
  Form form;
  int M, N, K;
  float alpha = 1, beta = 0;
  int batches = 1, slack = 0;  // slack: of every row
};

size_t at_a(const Case& c, size_t ld, size_t m, size_t k) { return c.form == Form::TN ? k * ld + m : m * ld + k; }
size_t at_b(const Case& c, size_t ld, size_t n, size_t k) { return c.form == Form::NT ? n * ld + k : k * ld + n; }

template <class Out>
std::string check_product(const Case& c) {
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
  if (c.beta != 0 || c.slack) C.put(before);
  On<float> workspace(gemm_workspace_floats(c.M, c.N, c.K));

  Product p;
  p.form = c.form;
  p.M = c.M, p.N = c.N, p.K = c.K;
  p.A = A, p.lda = long(lda), p.a_step = long(a_step);
  p.B = B, p.ldb = long(ldb), p.b_step = long(b_step);
  p.ldc = long(ldc), p.c_step = long(c_step);
  p.alpha = c.alpha, p.beta = c.beta, p.batches = c.batches;
  if constexpr (std::is_same_v<Out, float>) p.C32 = C;
  else p.C = C, p.D = C;
  Tape tape;
  gemm(tape, p, workspace);
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

const Form forms[] = {Form::NT, Form::NN, Form::TN};

}  // namespace

TEST("cuda gemm: every form at sizes around a tile agrees with float64") {
  for (Form form : forms)
    for (auto [M, N, K] : {std::array{1, 1, 1}, std::array{4, 32, 70}, std::array{16, 8, 16}, std::array{128, 128, 32}, std::array{129, 136, 40},
                           std::array{64, 200, 104}, std::array{37, 53, 91}})
      check_product<bf16>({form, M, N, K});
}

TEST("cuda gemm: alpha, beta, batches, rows with slack that nobody writes") {
  for (Form form : forms) {
    check_product<bf16>({form, 48, 40, 64, 0.5f, 2.0f, 3, 0});
    check_product<bf16>({form, 48, 40, 64, 1, -1, 2, 8});
    check_product<bf16>({form, 19, 23, 33, 1, 1, 2, 3});
  }
}

TEST("cuda gemm: gradients of weights, in float32, summed in parts and added to") {
  for (float beta : {0.0f, 1.0f}) {
    check_product<float>({Form::TN, 32, 64, 96, 1, beta});
    check_product<float>({Form::TN, 40, 24, 1031, 1, beta});
    check_product<float>({Form::TN, 4, 33, 2100, 1, beta, 1, 2});
  }
  CHECK(gemm_workspace_floats(4, 33, 2100) > 0);
}

TEST("cuda gemm: the same bits in every order of threads") {
  every_order([] { return check_product<bf16>({Form::NT, 70, 90, 200, 1, 1}); });
  every_order([] { return check_product<bf16>({Form::NN, 130, 72, 96}); });
  every_order([] { return check_product<float>({Form::TN, 72, 40, 600}); });
  every_order([] { return check_product<float>({Form::TN, 7, 9, 300, 1, 1}); });
}
