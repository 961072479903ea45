// The device itself through CUDA's runtime, which is linked in and finds the driver when it is first asked.
#include <vector>

#include "engine/cuda/backend.h"
#include "engine/cuda/feed.h"
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

namespace {
std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }
}  // namespace

Device the_device() {
  cudaDeviceProp device;
  require(cudaGetDeviceProperties(&device, 0), "device");
  int driver = 0, runtime = 0;
  require(cudaDriverGetVersion(&driver), "driver");
  require(cudaRuntimeGetVersion(&runtime), "runtime");
  const bool is_ampere = device.major == 8 && device.minor == 0;
  return {device.name, device.totalGlobalMem, std::to_string(device.major) + "." + std::to_string(device.minor), version(driver), version(runtime),
          is_ampere ? 312e12 : 989.5e12};
}

Memory::Memory(size_t bytes) : bytes_(bytes) { require(cudaMalloc(&start_, bytes), "device memory"); }
Memory::~Memory() { cudaFree(start_); }

void upload(void* device, const void* host, size_t bytes) { require(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "upload"); }
void download(void* host, const void* device, size_t bytes) { require(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost), "download"); }
void fill_bytes(void* device, unsigned char value, size_t bytes) { require(cudaMemset(device, value, bytes), "fill"); }
void wait() { require(cudaDeviceSynchronize(), "the device"); }

namespace {

// Where every tape runs, in the order they are started. An ordinary stream: it and the default stream, where uploads and downloads
// go, wait for each other.
cudaStream_t work_stream() {
  static const cudaStream_t stream = [] {
    cudaStream_t made = nullptr;
    require(cudaStreamCreate(&made), "stream");
    return made;
  }();
  return stream;
}

}  // namespace

struct Playback::Captured {
  cudaGraphExec_t graph = nullptr;
};

Playback::Playback(Tape tape) : tape_(std::move(tape)), captured_(std::make_unique<Captured>()) {
  require(cudaStreamBeginCapture(work_stream(), cudaStreamCaptureModeThreadLocal), "capture");
  tape_.run(work_stream());
  cudaGraph_t graph = nullptr;
  require(cudaStreamEndCapture(work_stream(), &graph), "capture");
  require(cudaGraphInstantiate(&captured_->graph, graph, 0), "graph");
  require(cudaGraphDestroy(graph), "graph");
}

Playback::~Playback() {
  if (captured_->graph) cudaGraphExecDestroy(captured_->graph);
}

void Playback::run() { require(cudaGraphLaunch(captured_->graph, work_stream()), "graph"); }

// Waits for nothing but what its events say.
struct Feed::Lane {
  char *place, *host[slots], *device[slots];
  size_t bytes;
  cudaStream_t stream;
  cudaEvent_t left[slots], taken[slots];  // copied off the host; copied to its place
};

Feed::Feed(char* place, size_t bytes) : lane_(std::make_unique<Lane>()) {
  lane_->place = place;
  lane_->bytes = bytes;
  require(cudaStreamCreateWithFlags(&lane_->stream, cudaStreamNonBlocking), "stream");
  for (int s = 0; s < slots; s++) {
    require(cudaMallocHost(&lane_->host[s], bytes), "pinned memory");
    require(cudaMalloc(&lane_->device[s], bytes), "device memory");
    require(cudaEventCreateWithFlags(&lane_->left[s], cudaEventDisableTiming), "event");
    require(cudaEventCreateWithFlags(&lane_->taken[s], cudaEventDisableTiming), "event");
  }
}

Feed::~Feed() {
  cudaStreamSynchronize(lane_->stream);
  for (int s = 0; s < slots; s++) {
    cudaFreeHost(lane_->host[s]);
    cudaFree(lane_->device[s]);
    cudaEventDestroy(lane_->left[s]);
    cudaEventDestroy(lane_->taken[s]);
  }
  cudaStreamDestroy(lane_->stream);
}

char* Feed::next() {
  const int s = free_slot();
  require(cudaEventSynchronize(lane_->left[s]), "upload");  // at once when nothing was ever there
  return lane_->host[s];
}

void Feed::send() {
  const int s = free_slot();
  require(cudaStreamWaitEvent(lane_->stream, lane_->taken[s], 0), "upload");
  require(cudaMemcpyAsync(lane_->device[s], lane_->host[s], lane_->bytes, cudaMemcpyHostToDevice, lane_->stream), "upload");
  require(cudaEventRecord(lane_->left[s], lane_->stream), "upload");
  sent_++;
}

void Feed::arrive() {
  const int s = oldest_slot();
  require(cudaStreamWaitEvent(work_stream(), lane_->left[s], 0), "upload");
  require(cudaMemcpyAsync(lane_->place, lane_->device[s], lane_->bytes, cudaMemcpyDeviceToDevice, work_stream()), "upload");
  require(cudaEventRecord(lane_->taken[s], work_stream()), "upload");
  arrived_++;
}

}  // namespace swarm::cuda
