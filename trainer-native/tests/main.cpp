// Runs every registered case, or those whose name contains the first argument. Linked with what nvcc made (make cuda-test) it needs a GPU.
#include "check.h"

#ifdef SWARM_ON_GPU
#include "engine/cuda/backend.h"

constexpr int not_run = 77;  // neither passed nor failed

int main(int argc, char** argv) {
  const std::string why = swarm::cuda::unusable();
  if (!why.empty()) {
    std::printf("NOT RUN: no GPU here (%s): nothing of the CUDA backend was tested on a device\n", why.c_str());
    return not_run;
  }
  const swarm::cuda::Device device = swarm::cuda::the_device();
  std::printf("on %s, compute capability %s, driver %s, runtime %s\n", device.name.c_str(), device.compute.c_str(), device.driver.c_str(), device.runtime.c_str());
  return check::run(argc > 1 ? argv[1] : "");
}
#elif defined(__SANITIZE_THREAD__)
// ThreadSanitizer is for the CPU backend's workers: the emulator of CUDA is one thread, and takes more than half an hour under it.
int main(int argc, char** argv) {
  std::printf("NOT TESTED under ThreadSanitizer: the CUDA backend in its emulator, which is one thread; AddressSanitizer runs those cases\n");
  return check::run(argc > 1 ? argv[1] : "", "cuda ");
}
#else
int main(int argc, char** argv) { return check::run(argc > 1 ? argv[1] : ""); }
#endif
