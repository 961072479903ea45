// The shipped rules, Adam and Muon, against their float64 references over several steps, and what polar does to singular values.
#include "eigenvalues.h"
#include "engine/optim/polar.h"
#include "engine/optim/reference.h"
#include "kernel_check.h"
#include "rule_check.h"

using namespace kernel_check;
using namespace rule_check;
namespace reference = swarm::optim::reference;

TEST("adam: twenty steps agree with float64, weight decay and all") {
  for (auto [rows, cols] : {std::pair{1, 1}, {1, 16}, {7, 11}, {3, 700}}) {
    swarm::Adam rule;
    rule.lr = 0.1f;
    rule.eps = 1e-10f;
    rule.weight_decay = 0.2f;
    Stepping at_work(rows, cols, swarm::adam(rule));
    Numbers p = at_work.parameter(), m(p.size()), v(p.size());
    for (long step = 1; step <= 20; step++) {
      const Numbers g = at_work.run({0.5f, 0, 0.5f}, -0.01f, 0.02f);
      reference::adam(p, g, m, v, {0.05f, 0.8f, 0.95f, 1e-10f, 0.1f, step});
    }
    at_work.check("adam", p, 1, 1e-5);
  }
}

TEST("adam: the first step moves by lr against the gradient's sign, without betas too") {
  for (float beta : {0.8f, 0.0f}) {
    Stepping at_work(1, 2, swarm::adam({0.25f, beta, beta}));
    at_work.p[0] = at_work.p[1] = 1;
    at_work.g[0] = 1e-3f, at_work.g[1] = -5;
    at_work.step_with_given_gradient({});
    CHECK_NEAR(at_work.p[0], 0.75, 1e-6);
    CHECK_NEAR(at_work.p[1], 1.25, 1e-6);
  }
}

// The highest factor of five rows is 8.16: rounding grows along the chain, most where a singular value is small.
TEST("muon: three steps of every kind of shape agree with float64") {
  const int shapes[][2] = {{1, 2}, {4, 32}, {32, 4}, {16, 16}, {33, 20}, {20, 47}, {128, 32}, {64, 128}};
  for (const auto& shape : shapes)
    for (int steps : {3, 4, 5}) {
      const int rows = shape[0], cols = shape[1];
      swarm::Muon rule;
      rule.lr = 0.04f;
      rule.weight_decay = 0.2f;
      rule.polar_steps = steps;
      Stepping at_work(rows, cols, swarm::muon(rule));
      Numbers p = at_work.parameter(), momentum(p.size()), second(std::max(rows, cols));
      for (int step = 0; step < 3; step++) {
        const float mu = 0.85f + 0.03f * float(step);
        const Numbers g = at_work.run({1, mu, 1}, -0.03f, 0.03f);
        reference::muon(rows, cols, p, g, momentum, second, {0.04f, mu, 0.95f, 0.2f, steps});
      }
      at_work.check("muon", p, 0.2, 1e-4);
    }
}

TEST("polar: singular values end in [0.7, 1.2], wherever x was large or small") {
  const int shapes[][2] = {{4, 32}, {32, 4}, {48, 48}, {96, 32}, {32, 96}};
  for (const auto& shape : shapes)
    for (float size : {1e-3f, 1.0f, 500.0f}) {
      const int rows = shape[0], cols = shape[1], small = std::min(rows, cols);
      Buffer x(static_cast<size_t>(rows) * cols), out(x.size()), scratch(swarm::optim::polar_scratch_floats(rows, cols));
      Random(rows).fill(x);
      for (int i = 0; i < rows; i++)  // lengths of rows from 1 to 1/30: singular values of very different size
        for (int j = 0; j < cols; j++) x[i * cols + j] *= size / (1.0f + 29.0f * i / rows);
      swarm::optim::polar(rows, cols, 5, x, out, scratch);
      for (const Buffer* b : {&x, &out, &scratch}) b->check_canaries();
      const Numbers y(static_cast<const float*>(out), static_cast<const float*>(out) + out.size()), t = reference::transposed(rows, cols, y);
      const Numbers gram = rows > cols ? reference::times(cols, rows, cols, t, y) : reference::times(rows, cols, rows, y, t);
      for (double value : check::eigenvalues(small, gram)) {
        // a square random matrix has singular values under 1e-3 of the largest, below what the coefficients were made for
        if (rows != cols) CHECK(std::sqrt(value) > 0.7);
        CHECK(std::sqrt(value) < 1.2);
      }
    }
}

TEST("muon: cautious decay pulls only where update and parameter agree in sign") {
  for (float p0 : {1.0f, -1.0f}) {
    swarm::Muon rule;
    rule.lr = 0.1f;
    rule.weight_decay = 0.5f;
    Stepping at_work(1, 2, swarm::muon(rule));
    at_work.p[0] = at_work.p[1] = p0;
    at_work.g[0] = at_work.g[1] = 1;
    at_work.step_with_given_gradient({1, 0, 1});
    // a row of two equal numbers: the update is u / sqrt(2) each with u in [0.7, 1.2], whatever NorMuon makes of it keeps its size
    const float moved = (p0 - at_work.p[0]) * std::sqrt(2.0f);
    if (p0 > 0) CHECK(moved > 0.07f + 0.056f && moved < 0.12f + 0.085f);
    else CHECK(moved > 0.07f && moved < 0.121f);
  }
}

TEST("work: products dominate and grow with the polar steps, a pass over memory counts once") {
  const auto muon = [](int steps) { return Stepping(128, 512, swarm::muon({0.1f, 0.95f, 0, steps})).update.work(); };
  CHECK_NEAR(muon(5).flops / (5 * (128.0 * 128 * 512 * 3 + 128.0 * 128 * 128)), 1, 0.05);
  CHECK(muon(10).flops > 1.9 * muon(5).flops);
  const double bytes = Stepping(100, 100, swarm::adam({0.1f})).update.work().bytes;  // reads p, g, m, v, writes p, m, v
  CHECK_NEAR(bytes, 28 * 100 * 100, 100);
}
