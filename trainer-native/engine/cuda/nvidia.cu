// The device itself through CUDA's runtime, which is linked in and finds the driver when it is first asked.
#include <vector>

#include "engine/cuda/backend.h"
#include "engine/cuda/playback.h"
#include "engine/cuda/runtime.h"

namespace swarm::cuda {

std::string unusable() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) return std::string("CUDA finds no device: ") + cudaGetErrorString(status);
  if (count == 0) return "CUDA finds no device";
  cudaDeviceProp device;
  if (const cudaError_t asked = cudaGetDeviceProperties(&device, 0)) return std::string("CUDA cannot ask the device: ") + cudaGetErrorString(asked);
  if (device.major < 8) return std::string(device.name) + " is older than the kernels: they need compute capability 8.0";
  return "";
}

std::string device_name() {
  cudaDeviceProp device;
  require(cudaGetDeviceProperties(&device, 0), "device");
  int driver = 0;
  require(cudaDriverGetVersion(&driver), "driver");
  return std::string(device.name) + ", " + std::to_string(device.totalGlobalMem >> 20) + " MiB, CUDA " + std::to_string(driver / 1000) + "." +
         std::to_string(driver % 1000 / 10);
}

size_t free_bytes() {
  size_t free = 0, total = 0;
  require(cudaMemGetInfo(&free, &total), "device memory");
  return free;
}

Memory::Memory(size_t bytes) : bytes_(bytes) { require(cudaMalloc(&start_, bytes), "device memory"); }
Memory::~Memory() { cudaFree(start_); }

void upload(void* device, const void* host, size_t bytes) { require(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "upload"); }
void download(void* host, const void* device, size_t bytes) { require(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost), "download"); }
void fill_bytes(void* device, unsigned char value, size_t bytes) { require(cudaMemset(device, value, bytes), "fill"); }
void wait() { require(cudaDeviceSynchronize(), "the device"); }

// An ordinary stream: it and the default stream, where copies go, wait for each other.
struct Playback::Captured {
  cudaStream_t stream = nullptr;
  cudaGraphExec_t graph = nullptr;
};

Playback::Playback(Tape tape) : tape_(std::move(tape)), captured_(std::make_unique<Captured>()) {
  require(cudaStreamCreate(&captured_->stream), "stream");
  require(cudaStreamBeginCapture(captured_->stream, cudaStreamCaptureModeThreadLocal), "capture");
  tape_.run(captured_->stream);
  cudaGraph_t graph = nullptr;
  require(cudaStreamEndCapture(captured_->stream, &graph), "capture");
  require(cudaGraphInstantiate(&captured_->graph, graph, 0), "graph");
  require(cudaGraphDestroy(graph), "graph");
}

Playback::~Playback() {
  if (captured_->graph) cudaGraphExecDestroy(captured_->graph);
  if (captured_->stream) cudaStreamDestroy(captured_->stream);
}

void Playback::run() { require(cudaGraphLaunch(captured_->graph, captured_->stream), "graph"); }

}  // namespace swarm::cuda
