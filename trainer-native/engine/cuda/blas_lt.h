// Products by cuBLASLt, where it is found. Descriptors are made once for a shape, when its product is recorded; what then runs is one
// pinned algorithm on one fixed workspace. Only algorithms that sum in one order are taken: in one sequence, or in float32 parts that a
// kernel of their own adds up. What cuBLASLt cannot do so stays with the kernels of gemm.cu, which are also what it is tested against.
// defines: LtSettings, LtProducts, library_products()
#pragma once
#include <map>
#include <memory>
#include <string>

#include "engine/cuda/blas_lt_choices.h"
#include "engine/cuda/blas_lt_library.h"
#include "engine/cuda/gemm.h"

namespace swarm::cuda {

struct LtSettings {
  std::string folder;   // of the library; empty: the usual places; "none": not to be used
  std::string choices;  // the file that pins algorithms; empty: none is timed, the library's first suggestion is taken
  std::string machine = "";  // the GPU; pins of another one are not used
};
LtSettings lt_settings_of_environment();  // SWARM_CUBLAS=FOLDER or none, SWARM_CUBLAS_CHOICES=FILE

class LtProducts {
 public:
  // Null: `why` says in words why there is no cuBLASLt.
  static std::unique_ptr<LtProducts> open(const LtSettings& settings, std::string& why);

  // False: there is no algorithm for it, and account() says why. A shape that no file pins yet may be run some times on these
  // addresses to time its candidates, so C is lost: record before there is anything in it.
  bool record(Tape& tape, const Product& product);

  std::string account() const;  // one line: which library, how many shapes, pinned how, and which are left to our own kernels
  static constexpr size_t workspace_bytes = size_t{32} << 20;  // NVIDIA's advice for Hopper (cuBLAS documentation, cublasSetWorkspace)

 private:
  struct Session;  // the library's handle and the workspace
  struct Plan;     // descriptors and the pinned algorithm of one shape
  enum class Origin { Pinned, Timed, First };
  LtProducts(std::shared_ptr<Session> session, const LtSettings& settings);
  std::shared_ptr<Plan> plan_of(const Product& product, const std::string& shape, std::string& why);
  bool choose(Plan& plan, const Product& product, const std::string& shape, std::string& why);
  bool take_pinned(Plan& plan, const std::string& shape);

  std::shared_ptr<Session> session_;
  std::unique_ptr<LtChoices> choices_;
  std::map<std::string, std::shared_ptr<Plan>> plans_;  // by shape; null: left to our own kernels
  std::map<Origin, int> origins_;
  std::string left_;  // shapes left to our own kernels, and why
};

// cuBLASLt for this device as the environment asks, or null and why.
std::unique_ptr<LtProducts> library_products(std::string& why);

}  // namespace swarm::cuda
