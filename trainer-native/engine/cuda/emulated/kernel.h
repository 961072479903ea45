// The device words of engine/cuda/device.h on a CPU: a block's threads are fibers of one thread, and every word that lets
// threads wait or exchange is a place where another fiber goes on.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"

#define __global__
#define __device__
#define __launch_bounds__(...)

namespace swarm::cuda {

extern Extent threadIdx, blockIdx, blockDim, gridDim;  // of the fiber that runs

void __syncthreads();
void __syncwarp();
char* shared_memory();
void copy_async16(void* to, const void* from, bool valid);
void copy_async8(void* to, const void* from, bool valid);
void copy_async_commit();
void copy_async_wait_for(int left);
template <int Left>
inline void copy_async_wait() { copy_async_wait_for(Left); }
void load_matrices(uint32_t (&r)[4], const void* row);
void load_matrices_transposed(uint32_t (&r)[4], const void* row);
void mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
float shuffle_xor(float x, int lanes);
using std::max;
using std::min;
inline float exp2_fast(float x) { return std::exp2(x); }
inline float reciprocal_fast(float x) { return 1 / x; }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }

}  // namespace swarm::cuda
