// Puts a kernel on a tape. For .cu files only.
#pragma once
#include "engine/cuda/tape.h"

#ifdef __CUDACC__
#include "engine/cuda/runtime.h"
#else
#include "engine/cuda/emulated/block.h"
#endif

namespace swarm::cuda {

template <class... Takes, class... Gives>
void launch(Tape& tape, const char* name, Extent grid, Extent block, size_t shared, void (*kernel)(Takes...), Gives... args) {
#ifdef __CUDACC__
  constexpr size_t without_asking = 48 << 10;
  if (shared > without_asking)
    require(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared)), name);
  tape.add({name, grid, block, shared, [=](Stream stream) {
              kernel<<<dim3(grid.x, grid.y, grid.z), dim3(block.x, block.y, block.z), shared, static_cast<cudaStream_t>(stream)>>>(args...);
              require(cudaGetLastError(), name);
            }});
#else
  tape.add({name, grid, block, shared, [=](Stream) { emulated::run(name, grid, block, shared, [=] { kernel(args...); }); }});
#endif
}

}  // namespace swarm::cuda
