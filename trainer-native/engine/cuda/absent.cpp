// The CUDA backend of a trainer that was built without nvcc: there is none.
#include "engine/core/refused.h"
#include "engine/cuda/backend.h"

namespace swarm::cuda {
namespace {
const char* const why = "this trainer was built without nvcc, so it has no CUDA backend: build it where nvcc is on PATH";
}  // namespace

std::string unusable() { return why; }
std::string device_name() { refuse(why); }
size_t free_bytes() { refuse(why); }
std::unique_ptr<Network> make_network(const Graph&, const Optimizer&, int, size_t) { refuse(why); }

}  // namespace swarm::cuda
