// Single-precision products of other libraries, where they are installed: opened at run time, never linked, yardsticks only.
// All compute C [M, N] = op(A) op(B), row-major, on the caller's thread alone.
// defines: Blas, open_openblas, open_onednn
#pragma once
#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>

namespace bench {

using Product = void (*)(bool a_transposed, bool b_transposed, int M, int N, int K, const float* A, int lda, const float* B, int ldb, float* C, int ldc);

struct Blas {
  Product product = nullptr;  // null: not installed
  const char* detail = "";    // what the library says of itself
};

namespace inside {

using Sgemm = void (*)(int order, int ta, int tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                       float* c, int ldc);
inline Sgemm openblas = nullptr;
using DnnlSgemm = int (*)(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b, int64_t ldb,
                          float beta, float* c, int64_t ldc);
inline DnnlSgemm onednn = nullptr;

inline void* open(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW)) return library;
  return nullptr;
}

}  // namespace inside

// OPENBLAS_CORETYPE in the environment chooses its kernels, once for the process.
inline Blas open_openblas() {
  void* library = inside::open({"libopenblas.so.0", "libopenblas.so"});
  if (!library) return {};
  inside::openblas = reinterpret_cast<inside::Sgemm>(dlsym(library, "cblas_sgemm"));
  if (!inside::openblas) return {};
  if (auto threads = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"))) threads(1);
  Blas blas;
  if (auto name = reinterpret_cast<const char* (*)()>(dlsym(library, "openblas_get_corename"))) blas.detail = name();
  blas.product = [](bool at, bool bt, int M, int N, int K, const float* A, int lda, const float* B, int ldb, float* C, int ldc) {
    constexpr int row_major = 101, plain = 111, transposed = 112;  // of the CBLAS interface
    inside::openblas(row_major, at ? transposed : plain, bt ? transposed : plain, M, N, K, 1, A, lda, B, ldb, 0, C, ldc);
  };
  return blas;
}

inline Blas open_onednn() {
  setenv("OMP_NUM_THREADS", "1", 1);  // read when its OpenMP is loaded
  void* library = inside::open({"libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"});
  if (!library) return {};
  inside::onednn = reinterpret_cast<inside::DnnlSgemm>(dlsym(library, "dnnl_sgemm"));
  if (!inside::onednn) return {};
  Blas blas;
  blas.product = [](bool at, bool bt, int M, int N, int K, const float* A, int lda, const float* B, int ldb, float* C, int ldc) {
    inside::onednn(at ? 'T' : 'N', bt ? 'T' : 'N', M, N, K, 1, A, lda, B, ldb, 0, C, ldc);
  };
  return blas;
}

}  // namespace bench
