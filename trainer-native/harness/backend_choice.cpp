#include "harness/backend_choice.h"

#include "engine/cuda/backend.h"
#include "harness/failure.h"

namespace swarm {

BackendChoice choose_backend(const std::string& asked, const Scale& scale) {
  if (asked == "cpu") return {false, "it was asked for"};
  if (asked.empty() && &scale == &cpu_scale) return {false, "the CPU's scale runs there unless --backend says otherwise"};
  if (!asked.empty() && asked != "auto" && asked != "cuda") throw Failure(Exit::usage, "--backend is '" + asked + "', expected auto, cpu or cuda");
  const std::string unusable = cuda::unusable();
  if (asked == "cuda" && !unusable.empty())
    throw Failure(Exit::device, "--backend cuda: " + unusable + "; see what nvidia-smi says, or take --backend cpu");
  if (asked == "cuda") return {true, "it was asked for"};
  return unusable.empty() ? BackendChoice{true, "there is a device"} : BackendChoice{false, unusable};
}

std::string BackendChoice::line() const { return std::string("backend: ") + (cuda ? "cuda, " + cuda::the_device().name : "cpu") + " (" + why + ")"; }

std::string BackendChoice::bits() const {
  if (!cuda) return "";
  const cuda::Device device = cuda::the_device();
  return device.name + ", compute capability " + device.compute;
}

void BackendChoice::state(JsonObject& json) const {
  json.text("backend", cuda ? "cuda" : "cpu").text("backendReason", why);
  if (!cuda) {
    json.text("machineClass", "cpu");  // any of them: the bits are the same
    return;
  }
  if (!cuda::unusable().empty()) return;  // described for a device that is elsewhere
  const cuda::Device device = cuda::the_device();
  json.text("machineClass", bits()).text("device", device.name);
  json.integer("deviceMiB", device.memory_bytes >> 20).text("cudaDriver", device.driver).text("cudaRuntime", device.runtime);
}

}  // namespace swarm
