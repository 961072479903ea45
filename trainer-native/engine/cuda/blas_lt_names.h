// What we call of cuBLASLt, written down by hand because machines that build this have no header of it: handles are opaque, enums
// are ints. Every value and every signature is asserted against the real header by bench/gpu/lt_names.cpp where one is installed
// (`make lt-names CUBLAS_INCLUDE=FOLDER`); last done against cublasLt.h and cublas_api.h of 13.1.1.
// defines: lt::Functions, lt::Algorithm, lt::Heuristic and the enum values
#pragma once
#include <cstddef>
#include <cstdint>

namespace swarm::cuda::lt {

using Status = int;                                           // cublasStatus_t, cublas_api.h
constexpr Status success = 0, not_initialized = 1, invalid_value = 7, execution_failed = 13, not_supported = 15;

constexpr int type_f32 = 0, type_bf16 = 14;                   // cudaDataType: CUDA_R_32F, CUDA_R_16BF, library_types.h
constexpr int compute_f32 = 68;                               // cublasComputeType_t: CUBLAS_COMPUTE_32F, cublas_api.h
constexpr int op_none = 0, op_transposed = 1;                 // cublasOperation_t: CUBLAS_OP_N, CUBLAS_OP_T, cublas_api.h

// The rest is of cublasLt.h.
constexpr int matmul_transa = 3, matmul_transb = 4;           // CUBLASLT_MATMUL_DESC_TRANSA, _TRANSB: int32
constexpr int layout_batch_count = 5;                         // CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: int32
constexpr int layout_batch_step = 6;                          // CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: int64, in numbers
constexpr int wish_workspace = 1;                             // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: uint64
constexpr int wish_reductions = 3;                            // CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: uint32
constexpr int wish_alignment_a = 5, wish_alignment_b = 6, wish_alignment_c = 7, wish_alignment_d = 8;  // ..._MIN_ALIGNMENT_x_BYTES: uint32
constexpr uint32_t reduction_none = 0;                        // CUBLASLT_REDUCTION_SCHEME_NONE: one sequence
constexpr uint32_t reduction_in_place = 1;                    // CUBLASLT_REDUCTION_SCHEME_INPLACE: by counters, in the output
constexpr uint32_t reduction_apart = 2;                       // CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE: float32 parts, summed by a kernel of their own
constexpr int config_parts = 2, config_reduction = 3;         // CUBLASLT_ALGO_CONFIG_SPLITK_NUM: int32, _REDUCTION_SCHEME: uint32

struct Algorithm {                                            // cublasLtMatmulAlgo_t
  uint64_t data[8];
};
struct Heuristic {                                            // cublasLtMatmulHeuristicResult_t
  Algorithm algorithm;
  size_t workspace;
  Status state;  // the rest means something only when this is success
  float waves;
  int reserved[4];
};

using Handle = void*;
using Matmul = void*;   // cublasLtMatmulDesc_t
using Layout = void*;   // cublasLtMatrixLayout_t
using Wishes = void*;   // cublasLtMatmulPreference_t

struct Functions {
  size_t (*version)();
  const char* (*status_words)(Status);
  Status (*create)(Handle*);
  Status (*destroy)(Handle);
  Status (*matmul_create)(Matmul*, int compute, int scale_type);
  Status (*matmul_destroy)(Matmul);
  Status (*matmul_set)(Matmul, int attribute, const void* value, size_t bytes);
  Status (*layout_create)(Layout*, int type, uint64_t rows, uint64_t cols, int64_t ld);
  Status (*layout_destroy)(Layout);
  Status (*layout_set)(Layout, int attribute, const void* value, size_t bytes);
  Status (*wishes_create)(Wishes*);
  Status (*wishes_destroy)(Wishes);
  Status (*wishes_set)(Wishes, int attribute, const void* value, size_t bytes);
  Status (*heuristics)(Handle, Matmul, Layout a, Layout b, Layout c, Layout d, Wishes, int wanted, Heuristic* results, int* given);
  Status (*check)(Handle, Matmul, Layout a, Layout b, Layout c, Layout d, const Algorithm*, Heuristic* result);
  Status (*config)(const Algorithm*, int attribute, void* value, size_t bytes, size_t* written);
  // D = alpha op(A) op(B) + beta C, column-major.
  Status (*matmul)(Handle, Matmul, const void* alpha, const void* A, Layout a, const void* B, Layout b, const void* beta, const void* C, Layout c, void* D,
                   Layout d, const Algorithm*, void* workspace, size_t workspace_bytes, void* stream);
};

}  // namespace swarm::cuda::lt
