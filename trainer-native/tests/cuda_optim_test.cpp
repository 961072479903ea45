// Adam and Muon on the device against their float64 references, over several steps, tall, wide and tiny matrices.
#include "cuda_check.h"
#include "engine/cuda/optim.h"
#include "engine/optim/reference.h"

using namespace cuda_check;
using swarm::cuda::MuonBatch;
using swarm::cuda::UpdateNumbers;
namespace cuda = swarm::cuda;
namespace reference = swarm::optim::reference;

namespace {

constexpr int steps = 3;

std::string check_adam(size_t n) {
  support::Random random(n);
  auto p = numbers32(random, n);
  const On<float> P(p), M(std::vector<float>(n, 0)), V(std::vector<float>(n, 0)), G(n);
  const On<bf16> rounded(n);
  const On<UpdateNumbers> now(1);
  Tape tape;
  cuda::adam(tape, long(n), now, P, G, M, V, rounded);
  auto p64 = doubles(p), m64 = std::vector<double>(n), v64 = m64;
  for (int step = 1; step <= steps; step++) {
    const auto g = numbers32(random, n);
    const float lr = 0.01f, b1 = 0.8f, b2 = 0.95f, eps = 1e-10f, decay = 0.1f;
    now.put({{float(lr / (1 - std::pow(b1, step))), b1, b2, eps, float(1 / (1 - std::pow(b2, step))), 1 - lr * decay}});
    G.put(g);
    tape.run();
    auto g64 = doubles(g);
    reference::adam(p64, g64, m64, v64, {lr, b1, b2, eps, decay, step});
  }
  std::vector<float> plain(p64.begin(), p64.end());
  check_close("p", P.get(), p64, plain);
  const auto at_end = P.get();
  for (size_t i = 0; i < n; i++) CHECK_EQUAL(rounded.get()[i].bits, to_bf16(at_end[i]).bits);
  return bits_of(at_end) + bits_of(M.get()) + bits_of(V.get());
}

// [n, k] [k, m], each number of the result rounded to bf16, as every product on the device does it.
reference::Numbers rounded_times(int n, int k, int m, const reference::Numbers& a, const reference::Numbers& b, double alpha, double beta,
                                 const reference::Numbers& d) {
  auto c = reference::times(n, k, m, a, b);
  for (size_t i = 0; i < c.size(); i++) c[i] = to_float(to_bf16(float(alpha * c[i] + beta * d[i])));
  return c;
}

void naive_polar(int rows, int cols, reference::Numbers& x) {
  const bool tall = rows > cols;
  const int n = tall ? cols : rows;
  for (int step = 0; step < 5; step++) {
    const double* c = swarm::optim::polar_row(step);
    const auto xt = reference::transposed(rows, cols, x);
    auto a = tall ? rounded_times(n, rows, n, xt, x, 1, 0, reference::Numbers(size_t(n) * n)) : rounded_times(n, cols, n, x, xt, 1, 0, reference::Numbers(size_t(n) * n));
    const auto b = rounded_times(n, n, n, a, a, c[2], c[1], a);
    x = tall ? rounded_times(rows, n, n, x, b, 1, c[0], x) : rounded_times(n, n, cols, b, x, 1, c[0], x);
  }
}

std::string check_polar(int count, int rows, int cols) {
  support::Random random(uint64_t(count + rows + cols));
  MuonBatch b;
  b.count = count, b.rows = rows, b.cols = cols;
  const size_t all = size_t(rows) * cols, grams = size_t(count) * b.small() * b.small();
  auto x = numbers(random, all * size_t(count));
  for (size_t i = 0; i < size_t(count); i++) {  // each of length 1 / 1.02, where the reference begins
    double squares = 0;
    for (size_t j = i * all; j < (i + 1) * all; j++) squares += double(to_float(x[j])) * to_float(x[j]);
    for (size_t j = i * all; j < (i + 1) * all; j++) x[j] = to_bf16(to_float(x[j]) / float(1.02 * std::sqrt(squares)));
  }
  const On<bf16> X(x), spare(x.size()), gram(grams), square(grams);
  Tape tape;
  const bf16* end = cuda::polar_express(tape, b, X, spare, gram, square);
  tape.run();
  std::vector<bf16> got(x.size());
  cuda::download(got.data(), end, got.size() * sizeof(bf16));
  for (size_t i = 0; i < size_t(count); i++) {
    auto exact = doubles(std::vector<bf16>(x.begin() + long(i * all), x.begin() + long((i + 1) * all))), naive = exact;
    reference::polar(rows, cols, 5, exact);
    naive_polar(rows, cols, naive);
    const std::vector<bf16> mine(got.begin() + long(i * all), got.begin() + long((i + 1) * all));
    // Five steps multiply small singular values a thousandfold, and their rounding with them: no bf16 result is within 1e-2.
    const double ours = error_of(mine, exact), plain = error_of(naive, exact);
    if (!(ours <= 2 * plain + 1e-3 && ours < 0.1)) check::fail(__FILE__, __LINE__, "polar factor is " + std::to_string(ours) + " off, naive " + std::to_string(plain));
  }
  return bits_of(got);
}

std::string check_muon(int count, int rows, int cols) {
  support::Random random(uint64_t(count * 3 + rows + cols));
  MuonBatch b;
  b.count = count, b.rows = rows, b.cols = cols;
  const size_t all = size_t(rows) * cols, total = all * size_t(count), seconds = size_t(count) * b.reduced();
  const auto p = numbers32(random, total, 0.1);
  const On<float> P(p), G(total), momentum(std::vector<float>(total, 0)), second(std::vector<float>(seconds, 0));
  const On<bf16> rounded(total);
  const On<char> scratch(cuda::muon_scratch_bytes(b));
  const On<UpdateNumbers> now(1);
  Tape tape;
  cuda::muon(tape, b, now, P, G, momentum, second, rounded, scratch);
  const auto apart = [&](const std::vector<float>& x, size_t i, size_t size) { return doubles(std::vector<float>(x.begin() + long(i * size), x.begin() + long((i + 1) * size))); };
  std::vector<reference::Numbers> p64, m64, v64;
  for (size_t i = 0; i < size_t(count); i++) {
    p64.push_back(apart(p, i, all));
    m64.emplace_back(all);
    v64.emplace_back(size_t(b.reduced()));
  }
  for (int step = 1; step <= steps; step++) {
    const auto g = numbers32(random, total);
    now.put({{0.02f, 0.9f, 0.95f, 0, 0, 0.1f}});
    G.put(g);
    tape.run();
    for (size_t i = 0; i < size_t(count); i++) {
      const auto g64 = apart(g, i, all);
      reference::muon(rows, cols, p64[i], g64, m64[i], v64[i], {0.02f, 0.9f, 0.95f, 0.1f, 5});
    }
  }
  const auto end = P.get(), m = momentum.get();
  for (size_t i = 0; i < size_t(count); i++) {
    std::vector<double> moved = p64[i], ours = apart(end, i, all), before = apart(p, i, all);
    for (size_t j = 0; j < all; j++) moved[j] -= before[j], ours[j] -= before[j];
    const double off = error_of(std::vector<float>(ours.begin(), ours.end()), moved);
    if (!(off < 0.05)) check::fail(__FILE__, __LINE__, "what Muon moved is " + std::to_string(off) + " off");  // the polar factor's own error
    check_close("momentum", std::vector<float>(m.begin() + long(i * all), m.begin() + long((i + 1) * all)), m64[i], std::vector<float>(m64[i].begin(), m64[i].end()));
  }
  for (size_t i = 0; i < total; i++) CHECK_EQUAL(rounded.get()[i].bits, to_bf16(end[i]).bits);
  return bits_of(end) + bits_of(second.get());
}

}  // namespace

TEST("cuda adam: three steps agree with float64, and the bf16 copy follows") {
  check_adam(1);
  every_order([] { return check_adam(1000); });
}

TEST("cuda polar express: square, wide, tall, tiny; as near to float64 as bf16 products allow") {
  check_polar(1, 48, 48);
  check_polar(2, 32, 96);
  check_polar(2, 80, 40);
  every_order([] { return check_polar(1, 4, 32) + check_polar(1, 33, 7); });
}

TEST("cuda muon: three steps of a batch agree with float64") {
  check_muon(2, 32, 32);
  check_muon(1, 24, 72);
  check_muon(3, 64, 16);
  every_order([] { return check_muon(1, 4, 32) + check_muon(2, 20, 12); });
}
