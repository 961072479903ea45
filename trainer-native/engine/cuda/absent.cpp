// The CUDA backend of a program that was built without it: there is none.
#include "engine/core/refused.h"
#include "engine/cuda/backend.h"

namespace swarm::cuda {
namespace {
const char* const why = "this program was built without its CUDA backend: build it where nvcc is on PATH, with CUDA=yes";
}  // namespace

std::string unusable() { return why; }
Device the_device() { throw DeviceError(why); }
std::unique_ptr<Network> make_network(const Graph&, const Optimizer&, int, size_t) { throw DeviceError(why); }
std::unique_ptr<Network> plan_network(const Graph&, const Optimizer&, int, size_t) { throw DeviceError(why); }

std::unique_ptr<TokenLosses> make_token_losses(const Graph&, int, size_t) { throw DeviceError(why); }

}  // namespace swarm::cuda
