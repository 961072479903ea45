// The cuBLASLt of the device the kernels run on. The emulator has none, and never looks: it would hand host memory to a GPU.
#include "engine/cuda/blas_lt.h"

#ifdef __CUDACC__
#include "engine/cuda/runtime.h"
#endif

namespace swarm::cuda {

std::unique_ptr<LtProducts> library_products(std::string& why) {
#ifdef __CUDACC__
  cudaDeviceProp device;
  require(cudaGetDeviceProperties(&device, 0), "device");
  LtSettings settings = lt_settings_of_environment();
  settings.machine = std::string(device.name) + " with " + std::to_string(device.multiProcessorCount) + " multiprocessors";
  return LtProducts::open(settings, why);
#else
  why = "the emulator has no cuBLASLt";
  return nullptr;
#endif
}

}  // namespace swarm::cuda
