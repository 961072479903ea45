#include "engine/cuda/blas_lt_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <vector>

namespace swarm::cuda::lt {
namespace {

const char* const names[] = {"libcublasLt.so.13", "libcublasLt.so.12"};
const char* const usual[] = {"/usr/local/cuda/lib64", "/usr/local/cuda/targets/x86_64-linux/lib", "/usr/local/cuda/targets/sbsa-linux/lib",
                             "/usr/lib/x86_64-linux-gnu"};

std::vector<std::string> places(const std::string& folder) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& in) {
    for (const char* name : names) all.push_back(in + name);
  };
  if (!folder.empty()) {
    add(folder + "/");
    return all;
  }
  add("");
  for (const char* in : usual) add(std::string(in) + "/");
  return all;
}

// Once opened it stays open: CUDA's libraries do not like to be unloaded.
void* open_first(const std::string& folder, std::string& path, std::string& why) {
  for (const std::string& place : places(folder)) {
    if (void* opened = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      path = place;
      return opened;
    }
    const char* said = dlerror();
    if (why.empty() && place[0] == '/' && access(place.c_str(), F_OK) == 0) why = std::string("it cannot be opened: ") + (said ? said : place.c_str());
  }
  if (why.empty())
    why = folder.empty() ? "there is no libcublasLt.so.13 or .12 where the loader and CUDA keep libraries" : "there is no libcublasLt.so.13 or .12 in " + folder;
  return nullptr;
}

template <class Function>
bool find(void* opened, const char* symbol, Function& function, const std::string& path, std::string& why) {
  function = reinterpret_cast<Function>(dlsym(opened, symbol));
  if (!function) why = path + " has no " + symbol;
  return function != nullptr;
}

std::string dotted(size_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version % 10000 / 100) + "." + std::to_string(version % 100);
}

}  // namespace

std::string Library::name() const { return "cuBLASLt " + dotted(version); }

std::shared_ptr<const Library> load(const std::string& folder, std::string& why) {
  auto library = std::make_shared<Library>();
  why.clear();
  void* opened = open_first(folder, library->path, why);
  if (!opened) return nullptr;
  Functions& f = library->call;
  const auto found = [&](const char* symbol, auto& function) { return find(opened, symbol, function, library->path, why); };
  if (!found("cublasLtGetVersion", f.version)) return nullptr;
  library->version = f.version();
  if (library->version < least_version) {
    why = library->path + " is version " + dotted(library->version) + ", the least we use is " + dotted(least_version);
    return nullptr;
  }
  const bool whole = found("cublasLtGetStatusString", f.status_words) && found("cublasLtCreate", f.create) && found("cublasLtDestroy", f.destroy) &&
                     found("cublasLtMatmulDescCreate", f.matmul_create) && found("cublasLtMatmulDescDestroy", f.matmul_destroy) &&
                     found("cublasLtMatmulDescSetAttribute", f.matmul_set) && found("cublasLtMatrixLayoutCreate", f.layout_create) &&
                     found("cublasLtMatrixLayoutDestroy", f.layout_destroy) && found("cublasLtMatrixLayoutSetAttribute", f.layout_set) &&
                     found("cublasLtMatmulPreferenceCreate", f.wishes_create) && found("cublasLtMatmulPreferenceDestroy", f.wishes_destroy) &&
                     found("cublasLtMatmulPreferenceSetAttribute", f.wishes_set) && found("cublasLtMatmulAlgoGetHeuristic", f.heuristics) &&
                     found("cublasLtMatmulAlgoCheck", f.check) && found("cublasLtMatmulAlgoConfigGetAttribute", f.config) &&
                     found("cublasLtMatmul", f.matmul);
  return whole ? library : nullptr;
}

}  // namespace swarm::cuda::lt
