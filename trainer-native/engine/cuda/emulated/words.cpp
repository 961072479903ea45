// The words that let threads wait or exchange.
#include "engine/cuda/emulated/kernel.h"
#include "engine/cuda/emulated/threads.h"

namespace swarm::cuda {

using emulated::the_block;

void __syncthreads() {
  auto& b = the_block();
  b.meet(b.barrier, b.alive);
}
char* shared_memory() { return the_block().shared; }

void __syncwarp() {
  the_block().gather("__syncwarp", "", 1, [](auto&, int) {});
}

float shuffle_xor(float x, int distance) {
  auto& b = the_block();
  const int set = b.gather("shuffle_xor", &x, sizeof x, [](auto&, int) {});
  float other;
  std::memcpy(&other, b.my_warp().slots[set][b.my_lane() ^ distance], sizeof other);
  return other;
}

static void copy_async(void* to, const void* from, bool valid, size_t bytes) {
  auto& b = the_block();
  const emulated::Copy copy{to, valid ? from : nullptr, b.now->groups, bytes};
  if (reinterpret_cast<uintptr_t>(to) % bytes || (valid && reinterpret_cast<uintptr_t>(from) % bytes))
    throw std::runtime_error("copy_async" + std::to_string(bytes) + " is not aligned");
  const bool at_once = emulated::the_order() == emulated::Order::Forward || (emulated::the_order() == emulated::Order::Random && b.random->next() % 2);
  if (at_once) b.perform(copy);
  else b.now->copies.push_back(copy);
}
void copy_async16(void* to, const void* from, bool valid) { copy_async(to, from, valid, 16); }
void copy_async8(void* to, const void* from, bool valid) { copy_async(to, from, valid, 8); }
void copy_async_commit() { the_block().now->groups++; }
void copy_async_wait_for(int left) {
  auto& b = the_block();
  auto& copies = b.now->copies;
  const int done = b.now->groups - left;
  size_t count = 0;
  for (; count < copies.size() && copies[count].group < done; count++) b.perform(copies[count]);
  copies.erase(copies.begin(), copies.begin() + long(count));
}

// Rows are read when a lane arrives: all are there before any lane goes on.
void load_matrices(uint32_t (&r)[4], const void* row) {
  auto& b = the_block();
  if (reinterpret_cast<uintptr_t>(row) % 16) throw std::runtime_error("load_matrices is not aligned");
  const int set = b.gather("load_matrices", row, 16, [](auto&, int) {}), lane = b.my_lane();
  for (int i = 0; i < 4; i++) std::memcpy(&r[i], b.my_warp().slots[set][i * 8 + lane / 4] + lane % 4 * 4, 4);
}
void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  auto& b = the_block();
  if (reinterpret_cast<uintptr_t>(row) % 16) throw std::runtime_error("load_matrices is not aligned");
  const int set = b.gather("load_matrices_transposed", row, 16, [](auto&, int) {}), lane = b.my_lane();
  for (int i = 0; i < 4; i++)
    for (int half = 0; half < 2; half++) {
      const char* from = b.my_warp().slots[set][i * 8 + lane % 4 * 2 + half] + lane / 4 * 2;
      std::memcpy(reinterpret_cast<char*>(&r[i]) + 2 * half, from, 2);
    }
}

namespace {

float half_of(uint32_t pair, int half) { return to_float({uint16_t(pair >> (16 * half))}); }

// Fragments of all lanes to their product; the layout is PTX's for m16n8k16.
void multiply(emulated::Warp& w, int set) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < emulated::lanes; lane++) {
    uint32_t r[6];
    std::memcpy(r, w.slots[set][lane], sizeof r);
    const int row = lane / 4, k = lane % 4 * 2;
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 4; i++) a[row + i % 2 * 8][k + i / 2 * 8 + half] = half_of(r[i], half);
      for (int i = 0; i < 2; i++) b[k + i * 8 + half][row] = half_of(r[4 + i], half);
    }
  }
  for (int m = 0; m < 16; m++) {
    float sum[8] = {};
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 8; n++) sum[n] += a[m][k] * b[k][n];
    std::memcpy(w.product[set][m], sum, sizeof sum);
  }
}

}  // namespace

void mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  auto& b = the_block();
  const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
  const int set = b.gather("mma", mine, sizeof mine, multiply), lane = b.my_lane();
  for (int i = 0; i < 4; i++) c[i] += b.my_warp().product[set][lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
}

}  // namespace swarm::cuda
