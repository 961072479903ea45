// Finds cuBLASLt at run time. It is never linked: a trainer runs the same without it, on the products of gemm.cu.
// defines: lt::Library, lt::load()
#pragma once
#include <memory>
#include <string>

#include "engine/cuda/blas_lt_names.h"

namespace swarm::cuda::lt {

struct Library {
  Functions call;
  std::string path;
  size_t version;  // 130101 is 13.1.1
  std::string name() const;  // "cuBLASLt 13.1.1"
};

constexpr size_t least_version = 120000;

// libcublasLt.so.13, else .12, from `folder`; an empty one: where the loader looks, then where CUDA installs it. Null: `why` says why not.
std::shared_ptr<const Library> load(const std::string& folder, std::string& why);

}  // namespace swarm::cuda::lt
