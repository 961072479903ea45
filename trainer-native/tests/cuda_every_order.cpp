#ifdef SWARM_ON_GPU
#include "cuda_check.h"
void cuda_check::every_order(const std::function<std::string()>& work) {
  const std::string first = work();
  CHECK(work() == first);
}
#else
#include "cuda_check.h"
#include "engine/cuda/emulated/block.h"

namespace cuda_check {

using swarm::cuda::emulated::Order;
using swarm::cuda::emulated::set_order;

void every_order(const std::function<std::string()>& work) {
  set_order(Order::Forward);
  const std::string first = work();
  for (const auto& [order, seed] : {std::pair{Order::Backward, 1}, std::pair{Order::Random, 1}, std::pair{Order::Random, 2}}) {
    set_order(order, uint64_t(seed));
    const std::string again = work();
    set_order(Order::Forward);
    if (again != first) check::fail(__FILE__, __LINE__, "a race: the bits depend on the order of threads");
  }
}

}  // namespace cuda_check
#endif
