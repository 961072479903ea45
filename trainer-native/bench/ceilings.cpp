// What this machine can do at most in float32: fused multiply-adds out of registers, and products of large matrices by our own
// kernels and by the libraries that are installed. With two workers each core has its own work, as in training.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "bench/blas.h"
#include "bench/measure.h"
#include "harness/failure.h"
#include "harness/options.h"

namespace {

using namespace swarm;
using bench::Product;

const char* const usage = "usage: bench-ceilings [--workers 1|2] [--json]\nOPENBLAS_CORETYPE=SKYLAKEX makes OpenBLAS use its AVX-512 kernels";
constexpr int sizes[] = {256, 512, 1024};  // of square matrices; the best one counts

struct Row {
  const char* name;
  std::string detail;
  double flops_a_second = 0;  // of all workers together; 0: not installed
};

// The sum of what `workers` threads reach side by side, each by its own processor time.
template <class Measure>
double side_by_side(int workers, const Measure& measure) {
  std::vector<double> rates(workers);
  std::vector<std::thread> threads;
  for (int w = 0; w < workers; w++) threads.emplace_back([&, w] { rates[w] = measure(); });
  for (std::thread& thread : threads) thread.join();
  double sum = 0;
  for (double rate : rates) sum += rate;
  return sum;
}

double best_square(const Product product) {
  double best = 0;
  for (const int n : sizes) {
    const auto A = bench::numbers(long(n) * n), B = bench::numbers(long(n) * n);
    std::vector<float> C(A.size());
    for (const bool b_transposed : {false, true})
      best = std::max(best, 2.0 * n * n * n / bench::seconds([&] { product(false, b_transposed, n, n, n, A.data(), n, B.data(), n, C.data(), n); }));
  }
  return best;
}

void own_product(bool, bool b_transposed, int M, int N, int K, const float* A, int lda, const float* B, int ldb, float* C, int ldc) {
  cpu::kernels().gemm(b_transposed ? cpu::Form::NT : cpu::Form::NN, M, N, K, A, lda, B, ldb, 0, C, ldc);
}

std::vector<Row> measure(int workers) {
  std::vector<Row> rows;
  rows.push_back({"fma peak", cpu::kernels().isa, side_by_side(workers, bench::core_peak)});
  rows.push_back({"own gemm", cpu::kernels().isa, side_by_side(workers, [] { return best_square(own_product); })});
  for (const auto& [name, blas] : {std::pair{"openblas sgemm", bench::open_openblas()}, std::pair{"onednn sgemm", bench::open_onednn()}}) {
    const Product product = blas.product;
    rows.push_back({name, blas.detail, product ? side_by_side(workers, [product] { return best_square(product); }) : 0});
  }
  return rows;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options(argc, argv, {"--workers"}, {"--json", "--help"}, usage);
    if (options.has("--help")) {
      std::printf("%s\n", usage);
      return 0;
    }
    const int workers = int(options.whole("--workers", 1, 1, 2));
    const std::vector<Row> rows = measure(workers);
    const bool json = options.has("--json");
    std::printf(json ? "{\"workers\":%d,\"ceilings\":[" : "what %d core(s) can do at most\n\n", workers);
    for (const Row& row : rows) {
      if (json)
        std::printf("%s{\"name\":\"%s\",\"detail\":\"%s\",\"gflops\":%.2f}", &row == &rows[0] ? "" : ",", row.name, row.detail.c_str(), row.flops_a_second * 1e-9);
      else if (row.flops_a_second > 0) std::printf("%-16s %-12s %8.1f GF/s\n", row.name, row.detail.c_str(), row.flops_a_second * 1e-9);
      else std::printf("%-16s %-12s not installed\n", row.name, "");
    }
    if (json) std::printf("]}\n");
  } catch (const Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return int(failure.code);
  }
}
