// What this GPU does at most, and what our kernels make of it: products, attention, a copy. One JSON line each.
// Linked with the emulator it runs all of it at tiny sizes and says null for every rate: nothing was measured.
//   bench-gpu-rates [--tiny]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/philox.h"
#include "engine/cuda/attention.h"
#include "engine/cuda/blas_lt.h"
#include "engine/cuda/gemm.h"
#include "engine/cuda/memory.h"
#include "engine/cuda/playback.h"

#ifdef __CUDACC__
#include "engine/cuda/runtime.h"
#endif

using namespace swarm::cuda;

namespace {

#ifdef __CUDACC__
constexpr bool measures = true;
void copy(void* to, const void* from, size_t bytes, Stream stream) {
  require(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, static_cast<cudaStream_t>(stream)), "copy");
}
#else
constexpr bool measures = false;
void copy(void* to, const void* from, size_t bytes, Stream) { std::memcpy(to, from, bytes); }
#endif

// [-1, 1) at random: a GPU that multiplies zeros draws less power and clocks higher.
std::unique_ptr<Memory> numbers(size_t count) {
  constexpr size_t different = size_t{1} << 20;
  std::vector<bf16> block(std::min(count, different));
  for (size_t i = 0; i < block.size(); i++) block[i] = to_bf16(float(swarm::philox(1, 5, i)[0]) * 0x1p-31f - 1);
  auto memory = std::make_unique<Memory>(count * sizeof(bf16));
  for (size_t at = 0; at < count; at += different) upload(memory->at(at * sizeof(bf16)), block.data(), std::min(different, count - at) * sizeof(bf16));
  return memory;
}
template <class T>
T* in(const std::unique_ptr<Memory>& memory) { return reinterpret_cast<T*>(memory->at(0)); }

// Seconds of one run of what `record` puts on a tape, the best of three rounds.
template <class Record>
double seconds(LtProducts* products, const Record& record, double* spread) {
  const int repeats = measures ? 20 : 1, rounds = measures ? 3 : 1;
  Tape tape(products);
  for (int i = 0; i < repeats; i++) record(tape);
  Playback playback(std::move(tape));
  playback.run();
  wait();
  double best = 0, worst = 0;
  for (int round = 0; round < rounds; round++) {
    const auto start = std::chrono::steady_clock::now();
    playback.run();
    wait();
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats;
    best = best == 0 ? took : std::min(best, took), worst = std::max(worst, took);
  }
  *spread = worst / best - 1;
  return best;
}

// `work` floating point operations, or bytes, of one run.
template <class Record>
void report(const std::string& what, const char* unit, double work, LtProducts* products, const Record& record) {
  double spread = 0;
  const double took = seconds(products, record, &spread);
  if (measures) std::printf("{\"what\":\"%s\",\"unit\":\"%s\",\"rate\":%.6g,\"seconds\":%.6g,\"spread\":%.3g}\n", what.c_str(), unit, work / took / 1e12, took, spread);
  else std::printf("{\"what\":\"%s\",\"unit\":\"%s\",\"rate\":null}\n", what.c_str(), unit);
  std::fflush(stdout);
}

void product(const std::string& name, Form form, int M, int N, int K, bool is_weight_gradient, LtProducts* products) {
  const auto A = numbers(size_t(M) * K), B = numbers(size_t(N) * K);
  const Memory C(size_t(M) * N * sizeof(float)), workspace(std::max<size_t>(gemm_workspace_floats(M, N, K), 1) * sizeof(float));
  Product p;
  p.form = form, p.M = M, p.N = N, p.K = K;
  p.A = in<bf16>(A), p.lda = form == Form::TN ? M : K, p.B = in<bf16>(B), p.ldb = form == Form::NT ? K : N, p.ldc = N;
  if (is_weight_gradient) p.C32 = reinterpret_cast<float*>(C.at(0)), p.beta = 1;
  else p.C = reinterpret_cast<bf16*>(C.at(0));
  fill_bytes(C.at(0), 0, C.bytes());
  static const char* const forms[] = {"NT", "NN", "TN"};
  const std::string shape = name + " " + forms[int(form)] + " " + std::to_string(M) + "x" + std::to_string(N) + "x" + std::to_string(K);
  const auto record = [&](Tape& tape) { gemm(tape, p, reinterpret_cast<float*>(workspace.at(0))); };
  const double flops = 2.0 * M * N * K;
  if (products) {
    Tape tried(products);
    record(tried);
    if (std::string(tried.launches()[0].kernel) != "gemm") report("product, cuBLASLt: " + shape, "TFLOP/s", flops, products, record);
    fill_bytes(C.at(0), 0, C.bytes());
  }
  report("product, ours: " + shape, "TFLOP/s", flops, nullptr, record);
}

void attend(int rows, int T, int heads, int head_dim, int window) {
  const size_t count = size_t(rows) * T * heads * head_dim, sums = size_t(rows) * T * heads * sizeof(float);
  const auto q = numbers(count), k = numbers(count), v = numbers(count), o = numbers(count), dout = numbers(count), dq = numbers(count), dk = numbers(count), dv = numbers(count);
  const Memory lse(sums), scratch(2 * sums);
  Attention a;
  a.rows = rows, a.T = T, a.heads = a.kv_heads = heads, a.head_dim = head_dim, a.window = window, a.scale = 1 / std::sqrt(float(head_dim));
  double keys = 0;  // that the queries of one row see: only those count
  for (int i = 0; i < T; i++) keys += std::min(i, window) + 1;
  const double forward = 4.0 * rows * heads * head_dim * keys;
  const std::string shape = std::to_string(rows) + "x" + std::to_string(T) + ", " + std::to_string(heads) + " heads of " + std::to_string(head_dim) + ", window " + std::to_string(window);
  float* const sum = reinterpret_cast<float*>(lse.at(0));
  const bool add[3] = {false, false, false};
  report("attention forward: " + shape, "TFLOP/s", forward, nullptr, [&](Tape& tape) { attention(tape, a, in<bf16>(q), in<bf16>(k), in<bf16>(v), in<bf16>(o), sum); });
  report("attention backward: " + shape, "TFLOP/s", 2.5 * forward, nullptr, [&](Tape& tape) {
    attention_backward(tape, a, in<bf16>(q), in<bf16>(k), in<bf16>(v), in<bf16>(o), in<bf16>(dout), sum, add, in<bf16>(dq), in<bf16>(dk), in<bf16>(dv), reinterpret_cast<float*>(scratch.at(0)));
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool tiny = !measures || (argc > 1 && std::strcmp(argv[1], "--tiny") == 0);
  try {
    std::string why;
    const auto products = library_products(why);
    const int cube = tiny ? 128 : 8192, tokens = tiny ? 256 : 131072, d = tiny ? 64 : 512;  // half a micro-step of the recipe
    product("ceiling", Form::NT, cube, cube, cube, false, products.get());
    const size_t bytes = tiny ? 4096 : size_t{2} << 30;
    const Memory from(bytes), to(bytes);
    fill_bytes(from.at(0), 1, bytes);
    report("copy on the device, read and written", "TB/s", 2.0 * double(bytes), nullptr,
           [&](Tape& tape) { tape.add({"copy", {}, {}, 0, [&](Stream stream) { copy(to.at(0), from.at(0), bytes, stream); }}); });
    product("q, k, v, o", Form::NT, tokens, d, d, false, products.get());
    product("up", Form::NT, tokens, 4 * d, d, false, products.get());
    product("down", Form::NT, tokens, d, 4 * d, false, products.get());
    product("gradient of an input", Form::NN, tokens, d, 4 * d, false, products.get());
    product("gradient of a weight", Form::TN, 4 * d, d, tokens, true, products.get());
    for (int window : {1024, 2048}) attend(tiny ? 1 : 32, tiny ? 128 : 2048, tiny ? 1 : 4, tiny ? 32 : 128, tiny ? window / 16 : window);
    std::printf("{\"what\":\"products\",\"account\":\"%s\"}\n", products ? products->account().c_str() : ("our own kernels: " + why).c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-gpu-rates: %s\n", error.what());
    return 1;
  }
}
