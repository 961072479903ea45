// Memory of the device and the ways in and out of it. Two definitions: nvidia.cu, and emulated/memory.cpp.
// defines: DeviceError, Memory, upload, download, wait
#pragma once
#include <cstddef>
#include <stdexcept>
#include <string>

namespace swarm::cuda {

struct DeviceError : std::runtime_error {  // the device or its driver failed: an outage, never the experiment's fault
  using std::runtime_error::runtime_error;
};

// One allocation, freed at its end. Its bytes are undefined at first.
class Memory {
 public:
  explicit Memory(size_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  char* at(size_t offset) const { return static_cast<char*>(start_) + offset; }
  size_t bytes() const { return bytes_; }

 private:
  void* start_ = nullptr;
  size_t bytes_;
};

void upload(void* device, const void* host, size_t bytes);    // returns when done
void download(void* host, const void* device, size_t bytes);  // after everything launched before it
void fill_bytes(void* device, unsigned char value, size_t bytes);
void wait();                                                  // until everything launched is done; throws DeviceError for what went wrong

}  // namespace swarm::cuda
