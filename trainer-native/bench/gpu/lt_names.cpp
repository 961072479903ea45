// Compiles only where every value and signature of engine/cuda/blas_lt_names.h is that of the real cublasLt.h: `make lt-names`.
#include <cublasLt.h>

#include <type_traits>

#include "engine/cuda/blas_lt_names.h"

namespace lt = swarm::cuda::lt;

// A type as it is passed: every pointer alike, every enum an int.
template <class T>
using Passed = std::conditional_t<std::is_pointer_v<T>, void*, typename std::conditional_t<std::is_enum_v<T>, std::common_type<int>, std::common_type<T>>::type>;
template <class Function>
struct Shape;
template <class Out, class... In>
struct Shape<Out(In...)> {
  using type = Passed<Out>(Passed<In>...);
};
template <class Out, class... In>
struct Shape<Out (*)(In...)> : Shape<Out(In...)> {};
template <class Ours, class Theirs>
constexpr bool alike = std::is_same_v<typename Shape<Ours>::type, typename Shape<Theirs>::type>;

#define SAME(ours, theirs) static_assert((ours) == (theirs), #theirs)
SAME(lt::success, CUBLAS_STATUS_SUCCESS);
SAME(lt::not_initialized, CUBLAS_STATUS_NOT_INITIALIZED);
SAME(lt::invalid_value, CUBLAS_STATUS_INVALID_VALUE);
SAME(lt::execution_failed, CUBLAS_STATUS_EXECUTION_FAILED);
SAME(lt::not_supported, CUBLAS_STATUS_NOT_SUPPORTED);
SAME(lt::type_f32, CUDA_R_32F);
SAME(lt::type_bf16, CUDA_R_16BF);
SAME(lt::compute_f32, CUBLAS_COMPUTE_32F);
SAME(lt::op_none, CUBLAS_OP_N);
SAME(lt::op_transposed, CUBLAS_OP_T);
SAME(lt::matmul_transa, CUBLASLT_MATMUL_DESC_TRANSA);
SAME(lt::matmul_transb, CUBLASLT_MATMUL_DESC_TRANSB);
SAME(lt::layout_batch_count, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
SAME(lt::layout_batch_step, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
SAME(lt::wish_workspace, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(lt::wish_reductions, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
SAME(lt::wish_alignment_a, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME(lt::wish_alignment_b, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
SAME(lt::wish_alignment_c, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
SAME(lt::wish_alignment_d, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
SAME(lt::reduction_none, CUBLASLT_REDUCTION_SCHEME_NONE);
SAME(lt::reduction_in_place, CUBLASLT_REDUCTION_SCHEME_INPLACE);
SAME(lt::reduction_apart, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
SAME(lt::config_parts, CUBLASLT_ALGO_CONFIG_SPLITK_NUM);
SAME(lt::config_reduction, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME);

SAME(sizeof(lt::Algorithm), sizeof(cublasLtMatmulAlgo_t));
SAME(sizeof(lt::Heuristic), sizeof(cublasLtMatmulHeuristicResult_t));
SAME(offsetof(lt::Heuristic, algorithm), offsetof(cublasLtMatmulHeuristicResult_t, algo));
SAME(offsetof(lt::Heuristic, workspace), offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
SAME(offsetof(lt::Heuristic, state), offsetof(cublasLtMatmulHeuristicResult_t, state));
SAME(sizeof(cublasStatus_t), sizeof(int));

#define ALIKE(ours, theirs) static_assert(alike<decltype(lt::Functions::ours), decltype(theirs)>, #theirs)
ALIKE(version, cublasLtGetVersion);
ALIKE(status_words, cublasLtGetStatusString);
ALIKE(create, cublasLtCreate);
ALIKE(destroy, cublasLtDestroy);
ALIKE(matmul_create, cublasLtMatmulDescCreate);
ALIKE(matmul_destroy, cublasLtMatmulDescDestroy);
ALIKE(matmul_set, cublasLtMatmulDescSetAttribute);
ALIKE(layout_create, cublasLtMatrixLayoutCreate);
ALIKE(layout_destroy, cublasLtMatrixLayoutDestroy);
ALIKE(layout_set, cublasLtMatrixLayoutSetAttribute);
ALIKE(wishes_create, cublasLtMatmulPreferenceCreate);
ALIKE(wishes_destroy, cublasLtMatmulPreferenceDestroy);
ALIKE(wishes_set, cublasLtMatmulPreferenceSetAttribute);
ALIKE(heuristics, cublasLtMatmulAlgoGetHeuristic);
ALIKE(check, cublasLtMatmulAlgoCheck);
ALIKE(config, cublasLtMatmulAlgoConfigGetAttribute);
ALIKE(matmul, cublasLtMatmul);
