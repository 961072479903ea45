// Products of bf16 matrices with float32 sums, on the tensor cores.
// defines: Form, Product, gemm(), gemm_workspace_floats()
#pragma once
#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

// Which operand is stored transposed. op(A) is [M, K], op(B) is [K, N].
enum class Form {
  NT,  // A [M, K], B [N, K]   a linear: Y = X W^T
  NN,  // A [M, K], B [K, N]   gradient of its input: dX = dY W
  TN   // A [K, M], B [K, N]   gradient of its weight: dW = dY^T X
};

// C = alpha op(A) op(B) + beta D, `batches` times. Strides in numbers. C is bf16 or float32; a float32 C needs form TN, D = C and one batch.
struct Product {
  Form form = Form::NT;
  int M = 0, N = 0, K = 0;
  const bf16* A = nullptr;
  long lda = 0;
  const bf16* B = nullptr;
  long ldb = 0;
  bf16* C = nullptr;
  float* C32 = nullptr;      // instead of C
  long ldc = 0;
  float alpha = 1, beta = 0;
  const bf16* D = nullptr;   // [M, N] with stride ldc; may be C; read only when beta is not 0
  int batches = 1;
  long a_step = 0, b_step = 0, c_step = 0;  // from one batch to the next, D moves with C
};

// By cuBLASLt where the tape has it and it has an algorithm, else by our own kernel. workspace: gemm_workspace_floats of a float32 product,
// for our own. Every sum has one order: the same bits every time.
void gemm(Tape& tape, const Product& product, float* workspace = nullptr);

// A weight's gradient is a small matrix summed over all tokens: K is cut into parts so that every multiprocessor has work.
size_t gemm_workspace_floats(int M, int N, int K);

}  // namespace swarm::cuda
