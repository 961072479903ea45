// Products of a warpgroup (four warps, 64 rows) on Hopper's tensor cores, which read shared memory themselves. For sm_90a alone: other
// targets and the emulator do the same sums with mma of device.h. A lane holds of a result what it holds after four warps' mma.
// defines: SWARM_WARPGROUP and, where that is 1, SharedMatrix, publish_shared, warpgroup_start, warpgroup_commit, warpgroup_wait, warpgroup_product
#pragma once
#include "engine/cuda/device.h"

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define SWARM_WARPGROUP 1
#else
#define SWARM_WARPGROUP 0
#endif

#if SWARM_WARPGROUP
namespace swarm::cuda {

// A tile as tile_place() of attention_tile.h lays it out: rows of 128 bytes, their sixteen-byte chunks exchanged within eight rows.
// PTX ISA, "Matrix descriptor": address, leading and stride offset in units of 16 bytes, then the kind of exchange.
struct SharedMatrix {
  uint32_t low;
  // panel: bytes from one panel of 64 channels to the next. It counts only where channels run along the result's columns.
  __device__ SharedMatrix(const char* start, int panel) : low(shared_address(start) >> 4 | uint32_t(panel >> 4) << 16) {}
  __device__ SharedMatrix after(int bytes) const {
    SharedMatrix next = *this;
    next.low += uint32_t(bytes >> 4);  // shared memory ends below what the field of the address holds
    return next;
  }
  __device__ uint64_t bits() const {
    constexpr uint32_t high = 1024 >> 4 | 1u << 30;
    return uint64_t{high} << 32 | low;
  }
};

// After copy_async_wait and before the barrier: what this thread brought can be read by products.
__device__ inline void publish_shared() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// Products are started between these two and end in the order of their groups.
__device__ inline void warpgroup_start() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void warpgroup_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Returns when all but the newest `Left` groups have ended.
template <int Left>
__device__ inline void warpgroup_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Left) : "memory"); }

// c [64, 64] (+)= a [64, 16] b [64, 16]^T, both in shared memory, K along their rows. add: 0 starts the sum.
__device__ inline void warpgroup_product(float (&c)[8][4], SharedMatrix a, SharedMatrix b, int add) {
  asm volatile(
      "{.reg .pred p; setp.ne.b32 p, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "
      "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, %32, %33, p, 1, 1, 0, 0;}"
      : "+f"(c[0][0]), "+f"(c[0][1]), "+f"(c[0][2]), "+f"(c[0][3]), "+f"(c[1][0]), "+f"(c[1][1]), "+f"(c[1][2]), "+f"(c[1][3]), "+f"(c[2][0]),
        "+f"(c[2][1]), "+f"(c[2][2]), "+f"(c[2][3]), "+f"(c[3][0]), "+f"(c[3][1]), "+f"(c[3][2]), "+f"(c[3][3]), "+f"(c[4][0]), "+f"(c[4][1]),
        "+f"(c[4][2]), "+f"(c[4][3]), "+f"(c[5][0]), "+f"(c[5][1]), "+f"(c[5][2]), "+f"(c[5][3]), "+f"(c[6][0]), "+f"(c[6][1]), "+f"(c[6][2]),
        "+f"(c[6][3]), "+f"(c[7][0]), "+f"(c[7][1]), "+f"(c[7][2]), "+f"(c[7][3])
      : "l"(a.bits()), "l"(b.bits()), "r"(add));
}

// c [64, 64] += a [64, 16] b [16, 64]; a in registers, channels of b along its rows.
__device__ inline void warpgroup_product(float (&c)[8][4], const uint32_t (&a)[4], SharedMatrix b) {
  asm volatile(
      "{.reg .pred p; setp.eq.u32 p, 1, 1;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "
      "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, %35}, %36, p, 1, 1, 1;}"
      : "+f"(c[0][0]), "+f"(c[0][1]), "+f"(c[0][2]), "+f"(c[0][3]), "+f"(c[1][0]), "+f"(c[1][1]), "+f"(c[1][2]), "+f"(c[1][3]), "+f"(c[2][0]),
        "+f"(c[2][1]), "+f"(c[2][2]), "+f"(c[2][3]), "+f"(c[3][0]), "+f"(c[3][1]), "+f"(c[3][2]), "+f"(c[3][3]), "+f"(c[4][0]), "+f"(c[4][1]),
        "+f"(c[4][2]), "+f"(c[4][3]), "+f"(c[5][0]), "+f"(c[5][1]), "+f"(c[5][2]), "+f"(c[5][3]), "+f"(c[6][0]), "+f"(c[6][1]), "+f"(c[6][2]),
        "+f"(c[6][3]), "+f"(c[7][0]), "+f"(c[7][1]), "+f"(c[7][2]), "+f"(c[7][3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.bits()));
}

// c [64, 128] += a [64, 16] b [16, 128]; a in registers, channels of b along its rows.
__device__ inline void warpgroup_product(float (&c)[16][4], const uint32_t (&a)[4], SharedMatrix b) {
  asm volatile(
      "{.reg .pred p; setp.eq.u32 p, 1, 1;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, "
      "%18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, "
      "%45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, {%64, %65, %66, %67}, %68, p, 1, 1, 1;}"
      : "+f"(c[0][0]), "+f"(c[0][1]), "+f"(c[0][2]), "+f"(c[0][3]), "+f"(c[1][0]), "+f"(c[1][1]), "+f"(c[1][2]), "+f"(c[1][3]), "+f"(c[2][0]),
        "+f"(c[2][1]), "+f"(c[2][2]), "+f"(c[2][3]), "+f"(c[3][0]), "+f"(c[3][1]), "+f"(c[3][2]), "+f"(c[3][3]), "+f"(c[4][0]), "+f"(c[4][1]),
        "+f"(c[4][2]), "+f"(c[4][3]), "+f"(c[5][0]), "+f"(c[5][1]), "+f"(c[5][2]), "+f"(c[5][3]), "+f"(c[6][0]), "+f"(c[6][1]), "+f"(c[6][2]),
        "+f"(c[6][3]), "+f"(c[7][0]), "+f"(c[7][1]), "+f"(c[7][2]), "+f"(c[7][3]), "+f"(c[8][0]), "+f"(c[8][1]), "+f"(c[8][2]), "+f"(c[8][3]),
        "+f"(c[9][0]), "+f"(c[9][1]), "+f"(c[9][2]), "+f"(c[9][3]), "+f"(c[10][0]), "+f"(c[10][1]), "+f"(c[10][2]), "+f"(c[10][3]), "+f"(c[11][0]),
        "+f"(c[11][1]), "+f"(c[11][2]), "+f"(c[11][3]), "+f"(c[12][0]), "+f"(c[12][1]), "+f"(c[12][2]), "+f"(c[12][3]), "+f"(c[13][0]),
        "+f"(c[13][1]), "+f"(c[13][2]), "+f"(c[13][3]), "+f"(c[14][0]), "+f"(c[14][1]), "+f"(c[14][2]), "+f"(c[14][3]), "+f"(c[15][0]),
        "+f"(c[15][1]), "+f"(c[15][2]), "+f"(c[15][3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.bits()));
}

}  // namespace swarm::cuda
#endif
