// The emulator tells apart kernels that are right from kernels that only look right: races, missing waits, barriers that not all
// reach, writes past shared memory, lanes that part. What it passes, the other tests may trust.
#ifndef SWARM_ON_GPU
#include "cuda_check.h"
#include "engine/cuda/device.h"
#include "engine/cuda/emulated/block.h"
#include "engine/cuda/launch.h"

using namespace swarm::cuda;
using cuda_check::every_order;
using cuda_check::On;

namespace {

template <class Kernel>
void run_once(Kernel kernel, float* out, size_t shared = 1024) {
  Tape tape;
  launch(tape, "probe", {2}, {64}, shared, kernel, out);
  tape.run();
}

// Each thread takes what its neighbour of the next warp left in shared memory.
template <bool WithBarrier>
void swap_neighbours(float* out) {
  float* shared = reinterpret_cast<float*>(shared_memory());
  shared[threadIdx.x] = float(threadIdx.x);
  if (WithBarrier) __syncthreads();
  out[blockIdx.x * 64 + threadIdx.x] = shared[(threadIdx.x + 32) % 64];
}

template <int Left>
void copy_and_read(float* out) {
  char* shared = shared_memory() + threadIdx.x * 16;
  copy_async16(shared, out + threadIdx.x * 4, true);
  copy_async_commit();
  copy_async_wait<Left>();
  out[256 + threadIdx.x] = *reinterpret_cast<float*>(shared);
}

// Every block adds to one number, as float atomics would.
void sum_of_all(float* out) {
  if (threadIdx.x == 0) out[0] = out[0] * 0.5f + float(blockIdx.x) + 1;
}

std::string bits_after(void (*kernel)(float*), size_t count) {
  const On<float> out(std::vector<float>(count, 1.5f));
  run_once(kernel, out, 2048);
  return cuda_check::bits_of(out.get());
}

}  // namespace

TEST("cuda emulator: a missing barrier, a copy not waited for and blocks that share a number are races") {
  every_order([] { return bits_after(swap_neighbours<true>, 128); });
  every_order([] { return bits_after(copy_and_read<0>, 320); });
  CHECK_THROWS(every_order([] { return bits_after(swap_neighbours<false>, 128); }), std::runtime_error, "a race");
  CHECK_THROWS(every_order([] { return bits_after(copy_and_read<1>, 320); }), std::runtime_error, "a race");
  CHECK_THROWS(every_order([] { return bits_after(sum_of_all, 1); }), std::runtime_error, "a race");
}

TEST("cuda emulator: what a GPU would hang on or spoil in silence is an error with the kernel's name") {
  const On<float> out(512);
  CHECK_THROWS(run_once(+[](float*) { if (threadIdx.x < 48) shuffle_xor(0, 1); else __syncthreads(); }, out), std::runtime_error,
               "probe: its threads wait for each other");
  CHECK_THROWS(run_once(+[](float*) { if (threadIdx.x % 2) __syncwarp(); else shuffle_xor(0, 1); }, out), std::runtime_error, "one lane is in");
  CHECK_THROWS(run_once(+[](float*) { reinterpret_cast<float*>(shared_memory())[256] = 1; }, out), std::runtime_error, "outside the 1024 bytes");
}

TEST("cuda emulator: shared memory starts as NaN, and a thread that has ended is not waited for") {
  const On<float> out(128);
  run_once(+[](float* out) {
    if (threadIdx.x >= 32) return;
    __syncthreads();
    out[threadIdx.x] = reinterpret_cast<float*>(shared_memory())[threadIdx.x];
  }, out);
  const auto got = out.get();
  for (int i = 0; i < 32; i++) CHECK(std::isnan(got[size_t(i)]));
}

TEST("cuda emulator: sums over lanes and warps are the same in every thread") {
  const On<float> out(256);
  run_once(+[](float* out) {
    out[blockIdx.x * 64 + threadIdx.x] = block_sum(float(threadIdx.x), reinterpret_cast<float*>(shared_memory()));
    out[128 + blockIdx.x * 64 + threadIdx.x] = warp_max(float(threadIdx.x % 32 * 7 % 32));
  }, out);
  const auto got = out.get();
  for (size_t i = 0; i < 128; i++) {
    CHECK_EQUAL(got[i], 63 * 64 / 2);
    CHECK_EQUAL(got[128 + i], 31);
  }
}

TEST("cuda bf16: rounds to nearest even, keeps NaN and infinity, packs the first number low") {
  const auto bits = [](float x) { return to_bf16(x).bits; };
  CHECK_EQUAL(bits(1.0f), 0x3f80);
  CHECK_EQUAL(bits(1.00390625f), 0x3f80);   // half a unit: to even, down
  CHECK_EQUAL(bits(1.01171875f), 0x3f82);   // half a unit: to even, up
  CHECK_EQUAL(bits(1.00390637f), 0x3f81);
  CHECK_EQUAL(bits(-INFINITY), 0xff80);
  CHECK_EQUAL(bits(3.4e38f), 0x7f80);
  CHECK(std::isnan(to_float(to_bf16(NAN))));
  CHECK_EQUAL(pack(1.0f, 2.0f), 0x40003f80u);
}
#endif
