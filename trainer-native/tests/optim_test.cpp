// Adam and Muon against their float64 references over several steps, and what Polar Express does to singular values.
#include "engine/cpu/fmath.h"
#include "eigenvalues.h"
#include "engine/optim/reference.h"
#include "kernel_check.h"

using namespace kernel_check;
namespace optim = swarm::optim;
using optim::reference::Numbers;

namespace {

Numbers numbers(const Buffer& b) { return Numbers(static_cast<const float*>(b), static_cast<const float*>(b) + b.size()); }

}  // namespace

TEST("adam: twenty steps agree with float64, weight decay and all") {
  for (long n : {1L, 16L, 77L}) {
    Buffer p(n), g(n), m(n), v(n);
    Random random(n);
    random.fill(p);
    for (long i = 0; i < n; i++) m[i] = v[i] = 0;
    Numbers wp = numbers(p), wm(n), wv(n);
    for (long step = 1; step <= 20; step++) {
      random.fill(g, -0.01f, 0.02f);
      const optim::AdamStep s{0.05f, 0.8f, 0.95f, 1e-10f, 0.1f, step};
      optim::adam(n, p, g, m, v, s);
      optim::reference::adam(wp, numbers(g), wm, wv, s);
    }
    for (const Buffer* b : {&p, &m, &v}) b->check_canaries();
    for (long i = 0; i < n; i++) close("p", "adam", i, p[i], wp[i], 1, 1e-5);
  }
}

TEST("adam: the first step moves by lr against the gradient's sign") {
  float p[2] = {1, 1}, m[2] = {0, 0}, v[2] = {0, 0};
  const float g[2] = {1e-3f, -5};
  optim::adam(2, p, g, m, v, {0.25f, 0.8f, 0.95f, 1e-10f, 0, 1});
  CHECK_NEAR(p[0], 0.75, 1e-6);
  CHECK_NEAR(p[1], 1.25, 1e-6);
}

// The highest factor of five rows is 8.16: rounding grows along the chain, most where a singular value is small.
TEST("muon: three steps of every kind of shape agree with float64") {
  const int shapes[][2] = {{1, 1}, {4, 32}, {32, 4}, {16, 16}, {33, 20}, {20, 47}, {128, 32}, {64, 128}};
  for (const auto& shape : shapes) {
    const int rows = shape[0], cols = shape[1];
    const long n = static_cast<long>(rows) * cols;
    Buffer p(n), g(n), momentum(n), second(optim::muon_second_floats(rows, cols)), scratch(optim::muon_scratch_floats(rows, cols));
    Random random(n);
    random.fill(p);
    for (size_t i = 0; i < momentum.size(); i++) momentum[static_cast<long>(i)] = 0;
    for (size_t i = 0; i < second.size(); i++) second[static_cast<long>(i)] = 0;
    Numbers wp = numbers(p), wm(n), ws(second.size());
    for (int step = 0; step < 3; step++) {
      random.fill(g, -0.03f, 0.03f);
      const optim::MuonStep s{0.04f, 0.85f + 0.03f * step, 0.95f, 0.2f, 3 + step};
      optim::muon(rows, cols, p, g, momentum, second, scratch, s);
      optim::reference::muon(rows, cols, wp, numbers(g), wm, ws, s);
    }
    for (const Buffer* b : {&p, &momentum, &second, &scratch}) b->check_canaries();
    for (long i = 0; i < n; i++) close("p", "muon", i, p[i], wp[i], 0.2, 1e-4);
    for (size_t i = 0; i < second.size(); i++) close("second", "muon", i, second[static_cast<long>(i)], ws[i], 1e-3, 1e-4);
  }
}

TEST("polar express: singular values end in [0.7, 1.2]") {
  const int shapes[][2] = {{4, 32}, {32, 4}, {48, 48}, {96, 32}, {32, 96}};
  for (const auto& shape : shapes) {
    const int rows = shape[0], cols = shape[1], small = std::min(rows, cols);
    Buffer x(static_cast<size_t>(rows) * cols), scratch(optim::muon_scratch_floats(rows, cols));
    Random(rows).fill(x);
    // lengths of rows from 1 to 1/30: singular values of very different size
    double squares = 0;
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < cols; j++) x[i * cols + j] /= 1.0f + 29.0f * i / rows, squares += double(x[i * cols + j]) * x[i * cols + j];
    for (size_t i = 0; i < x.size(); i++) x[static_cast<long>(i)] /= static_cast<float>(1.02 * std::sqrt(squares));
    const float* result = optim::polar_express(rows, cols, 5, x, scratch);
    const Numbers y(result, result + x.size()), t = optim::reference::transposed(rows, cols, y);
    const Numbers gram = rows > cols ? optim::reference::times(cols, rows, cols, t, y) : optim::reference::times(rows, cols, rows, y, t);
    for (double value : check::eigenvalues(small, gram)) {
      // a square random matrix has singular values under 1e-3 of the largest, below what the coefficients were made for
      if (rows != cols) CHECK(std::sqrt(value) > 0.7);
      CHECK(std::sqrt(value) < 1.2);
    }
  }
}

TEST("muon: cautious decay pulls only where update and parameter agree in sign") {
  for (float p0 : {1.0f, -1.0f}) {
    float p = p0, g = 1, momentum = 0, second = 0;
    std::vector<float> scratch(optim::muon_scratch_floats(1, 1));
    optim::muon(1, 1, &p, &g, &momentum, &second, scratch.data(), {0.1f, 0, 0.95f, 0.5f, 5});
    // a single number: the update is some u in [0.7, 1.2], whatever NorMuon makes of it keeps its size
    const float moved = p0 - p;
    if (p0 > 0) CHECK(moved > 0.07f + 0.04f && moved < 0.12f + 0.06f);
    else CHECK(moved > 0.07f && moved < 0.121f);
  }
}

TEST("update kernels: the same bits on every instruction set") {
  for (long n : {5L, 64L, 333L}) {
    uint64_t wanted = 0;
    for (const Kernels* k : tables()) {
      Buffer p(n), g(n), m(n), v(n), u(n);
      Random random(n);
      random.fill(p), random.fill(g), random.fill(m), random.fill(v, 0, 1);
      k->adam(n, p, g, m, v, {0.01f, 0.8f, 0.95f, 3.0f, 1e-10f, 0.99f});
      k->nesterov(n, 0.9f, g, m, u);
      k->cautious(n, 0.02f, 0.2f, u, p);
      for (const Buffer* b : {&p, &m, &v, &u}) b->check_canaries();
      const uint64_t h = hash(u, n, hash(p, n, hash(m, n)));
      if (k == tables().front()) wanted = h;
      CHECK_EQUAL(h, wanted);
    }
  }
}

TEST("work: products dominate and grow with the polar steps") {
  const double five = optim::muon_work(128, 512, 5).flops, ten = optim::muon_work(128, 512, 10).flops;
  CHECK_NEAR(five / (5 * (128.0 * 128 * 512 * 3 + 128.0 * 128 * 128)), 1, 0.05);
  CHECK(ten > 1.9 * five);
  CHECK_EQUAL(optim::adam_work(10).bytes, 280);
}
