// Products against naive float64 sums, over odd shapes, forms, strides and betas, and the same bits on every instruction set.
#include "kernel_check.h"

using namespace kernel_check;
using swarm::cpu::Form;

namespace {

struct Product {
  Form form;
  int M, N, K;
  float beta;
  int slack;  // of every stride
};

bool a_transposed(Form f) { return f == Form::TN || f == Form::TT; }
bool b_transposed(Form f) { return f == Form::NT || f == Form::TT; }

uint64_t check_product(const Kernels& k, const Product& p, bool against_double) {
  Random random(p.M * 31 + p.N * 7 + p.K);
  const long lda = (a_transposed(p.form) ? p.M : p.K) + p.slack, ldb = (b_transposed(p.form) ? p.K : p.N) + p.slack, ldc = p.N + p.slack;
  Buffer A(lda * (a_transposed(p.form) ? p.K : p.M)), B(ldb * (b_transposed(p.form) ? p.N : p.K)), C(ldc * p.M), before(ldc * p.M);
  random.fill(A), random.fill(B), random.fill(before);
  if (p.beta != 0) std::memcpy(C, before, C.size() * sizeof(float));
  for (long i = 0; i < p.M; i++)
    for (long j = p.N; j < ldc; j++) C[i * ldc + j] = 77;  // between the rows: not ours to write
  k.gemm(p.form, p.M, p.N, p.K, A, lda, B, ldb, p.beta, C, ldc);
  C.check_canaries();
  for (long i = 0; i < p.M; i++) {
    for (long j = p.N; j < ldc; j++) CHECK_EQUAL(C[i * ldc + j], 77);
    for (long j = 0; against_double && j < p.N; j++) {
      double sum = p.beta == 0 ? 0 : double(p.beta) * before[i * ldc + j];
      for (long l = 0; l < p.K; l++)
        sum += double(a_transposed(p.form) ? A[l * lda + i] : A[i * lda + l]) * (b_transposed(p.form) ? B[j * ldb + l] : B[l * ldb + j]);
      // K terms of size about 1/3 with errors of 2^-24 each that add up like a random walk
      close("C", k.isa, i * ldc + j, C[i * ldc + j], sum, std::sqrt(p.K), 1e-6);
    }
  }
  return hash(C, C.size());
}

const Form kForms[] = {Form::NN, Form::NT, Form::TN, Form::TT};

}  // namespace

TEST("gemm: every form, size around a tile, stride and beta agrees with float64") {
  for (const Kernels* k : tables())
    for (Form form : kForms)
      for (int M : {1, 4, 8, 13})
        for (int N : {1, 15, 16, 33, 70})
          for (int K : {1, 16, 37})
            for (float beta : {0.0f, 1.0f, -0.5f}) check_product(*k, {form, M, N, K, beta, (M + N) % 3}, true);
}

TEST("gemm: sums longer than a block agree with float64") {
  for (const Kernels* k : tables())
    for (Form form : kForms)
      for (int K : {512, 513, 600}) check_product(*k, {form, 70, 35, K, 0.5f, 3}, true);
}

TEST("gemm: a B wider than what is copied at a time agrees with float64") {
  for (const Kernels* k : tables())
    for (Form form : kForms) check_product(*k, {form, 37, 1050, 270, 0.5f, 3}, true);
}

TEST("gemm: no terms leave beta C") {
  for (const Kernels* k : tables()) {
    Buffer C(6);
    for (int i = 0; i < 6; i++) C[i] = 2;
    k->gemm(Form::NN, 2, 3, 0, nullptr, 1, nullptr, 3, 0.5f, C, 3);
    for (int i = 0; i < 6; i++) CHECK_EQUAL(C[i], 1);
  }
}

TEST("gemm: random shapes give the same bits on every instruction set") {
  Random random(5);
  for (int round = 0; round < 60; round++) {
    const Product p{kForms[round % 4], random.whole(1, 150), random.whole(1, 120), random.whole(1, 560), round % 3 * 0.5f, random.whole(0, 5)};
    const uint64_t wanted = check_product(*tables().front(), p, false);
    for (const Kernels* k : tables()) CHECK_EQUAL(check_product(*k, p, false), wanted);
  }
}

TEST("gram: the bits of gemm, symmetric") {
  for (const Kernels* k : tables())
    for (Form form : {Form::NT, Form::TN})
      for (int M : {1, 4, 31, 32, 128, 141})
        for (int K : {1, 32, 300}) {
          Random random(M + K);
          const long lda = form == Form::NT ? K : M;
          Buffer A(static_cast<long>(M) * K), C(M * M), wanted(M * M);
          random.fill(A);
          k->gram(form, M, K, A, lda, C, M);
          k->gemm(form, M, M, K, A, lda, A, lda, 0, wanted, M);
          C.check_canaries();
          CHECK_EQUAL(hash(C, C.size()), hash(wanted, C.size()));
          for (int i = 0; i < M; i++)
            for (int j = 0; j < i; j++) CHECK_EQUAL(C[i * M + j], C[j * M + i]);
        }
}
