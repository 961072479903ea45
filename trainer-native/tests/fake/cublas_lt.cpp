// A cuBLASLt for machines that have none: it computes on the host what NVIDIA documents, column-major, and misbehaves on order.
#include "cublas_lt.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "engine/cuda/bf16.h"
#include "engine/cuda/blas_lt_names.h"

using namespace swarm::cuda;

namespace {

struct MatmulParts { int op_a = 0, op_b = 0; };
struct LayoutParts {
  int type;
  size_t rows, cols;
  long ld, step = 0;
  int batches = 1;
};
struct WishParts { size_t workspace = 0; };

float get(const void* from, const LayoutParts& l, long at) {
  if (l.type == lt::type_f32) return static_cast<const float*>(from)[at];
  return to_float(static_cast<const bf16*>(from)[at]);
}
lt::Algorithm algorithm(int number) { return {{uint64_t(number) + 100, 7, 0, 0, 0, 0, 0, 0}}; }

}  // namespace

extern "C" {

FakeOrders fake_orders{130101, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, nullptr};

size_t cublasLtGetVersion() { return fake_orders.version; }
const char* cublasLtGetStatusString(int status) { return status == 1 ? "the library was not initialized" : status == 15 ? "not supported" : "some failure"; }
int cublasLtCreate(void** handle) {
  if (fake_orders.create_status) return fake_orders.create_status;
  *handle = &fake_orders;
  fake_orders.created++;
  return 0;
}
int cublasLtDestroy(void* handle) { return handle == &fake_orders ? (fake_orders.destroyed++, 0) : 7; }

int cublasLtMatmulDescCreate(void** to, int compute, int scale) {
  if (compute != lt::compute_f32 || scale != lt::type_f32) return 7;
  *to = new MatmulParts;
  fake_orders.descriptors++;
  return 0;
}
int cublasLtMatmulDescDestroy(void* d) { return delete static_cast<MatmulParts*>(d), fake_orders.descriptors--, 0; }
int cublasLtMatmulDescSetAttribute(void* d, int attribute, const void* value, size_t bytes) {
  auto* parts = static_cast<MatmulParts*>(d);
  if (bytes != 4) return 7;
  if (attribute == lt::matmul_transa) std::memcpy(&parts->op_a, value, 4);
  else if (attribute == lt::matmul_transb) std::memcpy(&parts->op_b, value, 4);
  else return 7;
  return 0;
}
int cublasLtMatrixLayoutCreate(void** to, int type, uint64_t rows, uint64_t cols, int64_t ld) {
  if (fake_orders.layout_status) return fake_orders.layout_status;
  if (ld < long(rows)) return 7;
  *to = new LayoutParts{type, rows, cols, ld};
  fake_orders.descriptors++;
  return 0;
}
int cublasLtMatrixLayoutDestroy(void* l) { return delete static_cast<LayoutParts*>(l), fake_orders.descriptors--, 0; }
int cublasLtMatrixLayoutSetAttribute(void* l, int attribute, const void* value, size_t bytes) {
  auto* parts = static_cast<LayoutParts*>(l);
  if (attribute == lt::layout_batch_count && bytes == 4) std::memcpy(&parts->batches, value, 4);
  else if (attribute == lt::layout_batch_step && bytes == 8) std::memcpy(&parts->step, value, 8);
  else return 7;
  return 0;
}
int cublasLtMatmulPreferenceCreate(void** to) { return *to = new WishParts, fake_orders.descriptors++, 0; }
int cublasLtMatmulPreferenceDestroy(void* w) { return delete static_cast<WishParts*>(w), fake_orders.descriptors--, 0; }
int cublasLtMatmulPreferenceSetAttribute(void* w, int attribute, const void* value, size_t bytes) {
  if (attribute == lt::wish_workspace && bytes == 8) return std::memcpy(&static_cast<WishParts*>(w)->workspace, value, 8), 0;
  unsigned* to = attribute == lt::wish_reductions    ? &fake_orders.reductions
                 : attribute == lt::wish_alignment_a ? &fake_orders.alignment_a
                 : attribute == lt::wish_alignment_b ? &fake_orders.alignment_b
                 : attribute == lt::wish_alignment_c ? &fake_orders.alignment_c
                 : attribute == lt::wish_alignment_d ? &fake_orders.alignment_d
                                                     : nullptr;
  if (!to || bytes != 4) return 7;
  std::memcpy(to, value, 4);
  return 0;
}
int cublasLtMatmulAlgoGetHeuristic(void*, void*, void*, void*, void*, void*, void* wishes, int wanted, lt::Heuristic* results, int* given) {
  fake_orders.asked++;
  *given = 0;
  if (fake_orders.heuristics_status) return fake_orders.heuristics_status;
  const int first = fake_orders.changes_its_mind && fake_orders.asked % 2 == 0 ? 1 : 0;
  for (; *given < std::min(wanted, fake_orders.algorithms); ++*given)
    results[*given] = {algorithm(*given + first), *given < fake_orders.hungry ? static_cast<WishParts*>(wishes)->workspace + 1 : 64, 0, 1, {}};
  return 0;
}
int cublasLtMatmulAlgoCheck(void*, void*, void*, void*, void*, void*, const lt::Algorithm*, lt::Heuristic* result) {
  result->workspace = 64;
  return fake_orders.check_status;
}
int cublasLtMatmulAlgoConfigGetAttribute(const lt::Algorithm* a, int attribute, void* value, size_t bytes, size_t* written) {
  if (attribute != lt::config_reduction || bytes != 4) return 7;
  const uint32_t reduction = int(a->data[0]) - 100 < fake_orders.adds_by_counters ? lt::reduction_in_place : lt::reduction_apart;
  std::memcpy(value, &reduction, 4);
  *written = 4;
  return 0;
}
#ifndef FAKE_WITHOUT_MATMUL
int cublasLtMatmul(void* handle, void* matmul, const void* alpha, const void* A, void* a, const void* B, void* b, const void* beta, const void* C,
                         void* c, void* D, void* d, const lt::Algorithm* with, void* workspace, size_t workspace_bytes, void* stream) {
  const int number = int(with->data[0]) - 100;
  if (handle != &fake_orders || !workspace || with->data[1] != 7) return 7;
  if (number < fake_orders.broken) return 13;
  if (fake_orders.matmul_status) return fake_orders.matmul_status;
  fake_orders.ran++, fake_orders.last_algorithm = number, fake_orders.stream = stream, fake_orders.workspace = workspace_bytes;
  if (fake_orders.fast >= 0 && number != fake_orders.fast) usleep(4000);
  const MatmulParts& op = *static_cast<MatmulParts*>(matmul);
  const LayoutParts &la = *static_cast<LayoutParts*>(a), &lb = *static_cast<LayoutParts*>(b), &lc = *static_cast<LayoutParts*>(c), &ld = *static_cast<LayoutParts*>(d);
  const float x = *static_cast<const float*>(alpha), y = *static_cast<const float*>(beta);
  const size_t K = op.op_a == lt::op_transposed ? la.rows : la.cols, K_of_b = op.op_b == lt::op_transposed ? lb.cols : lb.rows;
  const size_t rows = op.op_a == lt::op_transposed ? la.cols : la.rows, cols = op.op_b == lt::op_transposed ? lb.rows : lb.cols;
  if (K != K_of_b || ld.rows != rows || ld.cols != cols || lc.rows != rows || lc.cols != cols || lc.type != ld.type || la.batches != ld.batches) return 7;
  if ((C == D) != (c == d)) return 7;  // in place means one layout
  for (long batch = 0; batch < ld.batches; batch++)
    for (size_t j = 0; j < cols; j++)
      for (size_t i = 0; i < rows; i++) {
        float sum = 0;
        for (size_t k = 0; k < K; k++)
          sum += get(A, la, batch * la.step + long(op.op_a == lt::op_transposed ? i * la.ld + k : k * la.ld + i)) *
                 get(B, lb, batch * lb.step + long(op.op_b == lt::op_transposed ? k * lb.ld + j : j * lb.ld + k));
        const long at = batch * ld.step + long(j) * ld.ld + long(i);
        const float value = x * sum + (y == 0 ? 0 : y * get(C, lc, batch * lc.step + long(j) * lc.ld + long(i)));
        if (ld.type == lt::type_f32) static_cast<float*>(D)[at] = value;
        else static_cast<bf16*>(D)[at] = to_bf16(value);
      }
  return 0;
}
#endif

}  // extern "C"
