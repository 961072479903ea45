// Rules of an experiment's own, written in a few lines each and held against plain float64 loops; and rules drawn at random,
// whose passes, overwritten states and shared scratch must change nothing.
#include <algorithm>

#include "rule_check.h"

using namespace swarm;
using rule_check::Numbers;
using rule_check::Stepping;

namespace {

void sgd_with_momentum(UpdateGraph& u) {
  const Value m = u.state();
  const Value fresh = u.ew({m, u.gradient(), u.momentum()}, [](auto m, auto g, auto mu) { return mu * m + g; });
  u.set(m, fresh);
  u.set(u.parameter(), u.ew({u.parameter(), fresh, u.lr(0.02f)}, [](auto p, auto m, auto lr) { return p - lr * m; }));
}

void lion(UpdateGraph& u) {  // Chen et al. 2023
  const Value p = u.parameter(), g = u.gradient(), m = u.state();
  u.set(m, u.ew({m, g}, [](auto m, auto g) { return 0.99f * m + 0.01f * g; }));
  u.set(p, u.ew({p, m, g, u.lr(0.01f), u.weight_decay(0.1f)}, [](auto p, auto m, auto g, auto lr, auto decay) {
    return p - lr * (sign(0.9f * m + 0.1f * g) + decay * p);
  }));
}

void adafactor(UpdateGraph& u) {  // Shazeer and Stern 2018: the second moment as a row times a column, the update clipped to root mean square 1
  const Value p = u.parameter(), g = u.gradient(), r = u.state(u.rows(), 1), c = u.state(1, u.cols());
  const auto follow = [](auto old, auto now) { return 0.9f * old + 0.1f * (now + 1e-30f); };
  const Value rows = u.ew({r, u.mean_square(g, Each::Row)}, follow), columns = u.ew({c, u.mean_square(g, Each::Column)}, follow);
  u.set(r, rows), u.set(c, columns);
  const float count = float(u.rows());
  const Value x = u.ew({g, rows, columns, u.sum(rows)}, [&](auto g, auto r, auto c, auto all) { return g / sqrt(r * c * count / all); });
  u.set(p, u.ew({p, x, u.mean_square(x), u.lr(0.05f)}, [](auto p, auto x, auto square, auto lr) { return p - lr * x / max(sqrt(square), 1.0f); }));
}

void whitened(UpdateGraph& u) {  // a Shampoo-like rule: products of matrices, an order of its own for states
  const Value p = u.parameter(), g = u.gradient(), left = u.state(u.rows(), u.rows());
  const Value gram = u.ew({left, u.matmul(g, g, Product::ABt)}, [](auto l, auto g) { return 0.9f * l + g; });
  u.set(left, gram);
  const Value x = u.matmul(gram, g), y = u.matmul(x, u.matmul(x, g, Product::AtB));
  u.set(p, u.ew({p, u.polar(y, 4), u.norm(g), u.lr(0.1f)}, [](auto p, auto y, auto norm, auto lr) { return p - lr * norm * y; }));
}

}  // namespace

TEST("rules: SGD with momentum as a float64 loop has it") {
  for (auto [rows, cols] : {std::pair{1, 1}, {5, 7}, {40, 300}}) {
    Stepping at_work(rows, cols, sgd_with_momentum);
    Numbers p = at_work.parameter(), m(p.size());
    for (int step = 0; step < 10; step++) {
      const Numbers g = at_work.run({0.5f, 0.9f, 0}, -1, 1);
      for (size_t i = 0; i < p.size(); i++) p[i] -= 0.5 * double(0.02f) * (m[i] = double(0.9f) * m[i] + g[i]);
    }
    at_work.check("sgd", p, 1, 1e-5);
  }
}

TEST("rules: Lion as a float64 loop has it") {
  for (auto [rows, cols] : {std::pair{1, 3}, {9, 33}}) {
    Stepping at_work(rows, cols, lion);
    Numbers p = at_work.parameter(), m(p.size());
    for (int step = 0; step < 10; step++) {
      const Numbers g = at_work.run({1, 0, 0.5f}, -1, 1);
      for (size_t i = 0; i < p.size(); i++) {
        const double to = double(0.9f) * m[i] + double(0.1f) * g[i];
        p[i] -= double(0.01f) * ((to > 0) - (to < 0) + 0.5 * double(0.1f) * p[i]);
        m[i] = double(0.99f) * m[i] + double(0.01f) * g[i];
      }
    }
    at_work.check("lion", p, 1, 1e-5);
  }
}

TEST("rules: an Adafactor as a float64 loop has it, its states a row and a column") {
  for (auto [rows, cols] : {std::pair{6, 10}, {33, 5}, {3, 600}}) {
    Stepping at_work(rows, cols, adafactor);
    CHECK(at_work.update.state_floats() <= size_t(rows) + cols + 32);
    Numbers p = at_work.parameter(), r(rows), c(cols);
    for (int step = 0; step < 8; step++) {
      const Numbers g = at_work.run({1, 0, 0}, -1, 1);
      for (double& x : r) x *= double(0.9f);
      for (double& x : c) x *= double(0.9f);
      for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
          r[i] += double(0.1f) * g[i * cols + j] * g[i * cols + j] / cols;
          c[j] += double(0.1f) * g[i * cols + j] * g[i * cols + j] / rows;
        }
      double all = 0, square = 0;
      for (double x : r) all += x;
      Numbers x(p.size());
      for (size_t i = 0; i < x.size(); i++) {
        x[i] = g[i] / std::sqrt(r[i / cols] * c[i % cols] * rows / all);
        square += x[i] * x[i] / double(x.size());
      }
      for (size_t i = 0; i < x.size(); i++) p[i] -= double(0.05f) * x[i] / std::max(std::sqrt(square), 1.0);
    }
    at_work.check("adafactor", p, 1, 1e-4);
  }
}

TEST("rules: products, a matrix state and polar agree with the oracle") {
  for (auto [rows, cols] : {std::pair{4, 9}, {17, 17}, {20, 6}}) {
    Stepping at_work(rows, cols, whitened);
    for (int step = 0; step < 4; step++) at_work.run({1, 0, 0}, -0.5f, 0.5f);
    for (size_t i = 0; i < at_work.p.size(); i++)
      kernel_check::close("whitened", "", long(i), at_work.p[long(i)], at_work.oracle.values[0][i], 0.1, 2e-3);
  }
}

TEST("rules: states that change places, and copies of what is overwritten") {
  Stepping at_work(3, 5, [](UpdateGraph& u) {
    const Value p = u.parameter(), a = u.state(), b = u.state(), slow = u.state(), last = u.state(), count = u.state(1, 1);
    u.set(a, u.ew({b}, [](auto b) { return b; }));
    u.set(b, a);
    u.set(slow, p);
    u.set(last, u.gradient());
    u.set(count, u.step());
    u.set(p, u.ew({p, a, b, slow, last, count}, [](auto p, auto a, auto b, auto slow, auto last, auto count) {
      return 0.5f * p + a - 2.0f * b + 0.25f * slow + last + 0.125f * count;
    }));
  });
  for (int step = 0; step < 5; step++) at_work.run({}, -1, 1);
  at_work.check("places", at_work.oracle.values[0], 1, 1e-6);
}

TEST("rules: a product, a polar factor and a sum set into what they are made of") {
  for (auto [rows, cols] : {std::pair{5, 7}, {70, 90}}) {
    Stepping product(rows, cols, [](UpdateGraph& u) {
      const Value gram = u.ew({u.matmul(u.gradient(), u.gradient(), Product::AtB)}, [](auto x) { return 0.1f * x; });
      u.set(u.parameter(), u.matmul(u.parameter(), gram));
    });
    Stepping polar(rows, cols, [](UpdateGraph& u) { u.set(u.parameter(), u.polar(u.parameter(), 2)); });
    Stepping sum(rows, cols, [](UpdateGraph& u) {
      const Value p = u.parameter(), c = u.state(1, u.cols());
      const Value mixed = u.ew({p, c}, [](auto p, auto c) { return 0.5f * p + 0.1f * c; });
      u.set(c, u.sum(mixed, Each::Column));
      u.set(p, u.ew({mixed, u.gradient()}, [](auto x, auto g) { return x + g; }));
    });
    for (Stepping* each : {&product, &polar, &sum}) {
      for (int step = 0; step < 3; step++) each->run({}, -0.3f, 0.3f);
      for (size_t i = 0; i < each->p.size(); i++) kernel_check::close("p", "", long(i), each->p[long(i)], each->oracle.values[0][i], 1, 1e-4);
    }
  }
}

TEST("rules: 300 drawn at random agree with the oracle, whatever was joined, overwritten or shared") {
  kernel_check::Random random(11);
  const auto draw = [&](UpdateGraph& u) {
    std::vector<Value> all{u.parameter(), u.gradient(), u.lr(0.5f), u.momentum(), u.step()};
    std::vector<Value> targets{u.parameter()};
    for (int s = random.whole(0, 4); s > 0; s--) {
      const int rows = random.whole(0, 2) ? u.rows() : 1, cols = random.whole(0, 2) ? u.cols() : 1;
      targets.push_back(u.state(rows, cols));
      all.push_back(targets.back());
    }
    const auto any = [&] { return all[size_t(random.whole(0, int(all.size()) - 1))]; };
    const auto shape = [&](Value v) { return u.nodes()[size_t(v.node)]; };
    for (int n = random.whole(3, 25); n > 0; n--) {
      const Value a = any(), b = any();
      switch (random.whole(0, 7)) {
        case 0: all.push_back(u.ew({a}, [](auto a) { return tanh(a); })); break;
        case 1: all.push_back(u.mean_square(a, Each(random.whole(0, 2)))); break;
        case 2: all.push_back(u.ew({u.sum(a, Each(random.whole(0, 2)))}, [](auto a) { return 0.1f * a; })); break;
        case 3: all.push_back(u.ew({a}, [](auto a) { return a; })); break;
        case 4:
          if (shape(a).rows > 1 && shape(a).cols > 1) all.push_back(u.polar(a, random.whole(1, 2)));
          break;
        case 5: all.push_back(u.ew({u.matmul(a, a, random.whole(0, 1) ? Product::ABt : Product::AtB)}, [](auto x) { return tanh(0.2f * x); })); break;
        default: {
          const bool fits = (shape(a).rows == shape(b).rows || shape(a).rows == 1 || shape(b).rows == 1) &&
                            (shape(a).cols == shape(b).cols || shape(a).cols == 1 || shape(b).cols == 1);
          if (fits) all.push_back(u.ew({a, b}, [](auto a, auto b) { return tanh(fma(a, b, a - 0.5f * b)); }));
        }
      }
    }
    for (Value target : targets) {
      std::vector<Value> fitting;
      for (Value v : all) if (shape(v).rows == shape(target).rows && shape(v).cols == shape(target).cols) fitting.push_back(v);
      u.set(target, fitting[size_t(random.whole(0, int(fitting.size()) - 1))]);
    }
  };
  for (int round = 0; round < 300; round++) {
    const int rows = random.whole(1, 9), cols = random.whole(1, 40);
    UpdateGraph once("w", rows, cols);
    draw(once);
    Stepping at_work(rows, cols, [&](UpdateGraph& u) { u = once; });
    for (int step = 0; step < 3; step++) at_work.run({0.3f, 0.9f, 1}, -1, 1);
    for (size_t i = 0; i < at_work.p.size(); i++)
      kernel_check::close(("round " + std::to_string(round)).c_str(), "", long(i), at_work.p[long(i)], at_work.oracle.values[0][i], 1, 2e-3);
  }
}

TEST("rules: what cannot be carried out is refused by name") {
  const auto refused = [](const UpdateRule& rule) { Stepping(4, 6, rule); };
  CHECK_THROWS(refused([](UpdateGraph&) {}), Refused, "optimizer group w: parameter w: an update rule never sets the parameter");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.set(u.parameter(), u.gradient()), u.state(); }), Refused, "never sets one of its states");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.set(u.parameter(), u.gradient()), u.set(u.parameter(), u.gradient()); }), Refused, "twice");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.set(u.gradient(), u.parameter()); }), Refused, "nothing else");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.set(u.parameter(), u.lr()); }), Refused, "sets 4x6 to a value of 1x1");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.matmul(u.parameter(), u.gradient()); }), Refused, "4x6 and 4x6");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.ew({u.parameter(), u.state(3, 1)}, [](auto a, auto b) { return a + b; }); }), Refused, "do not stretch");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.polar(u.gradient(), 0); }), Refused, "polar steps");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.lr(-1); }), Refused, "0 or more");
  CHECK_THROWS(refused([](UpdateGraph& u) { u.state(0, 1); }), Refused, "0x1");
  CHECK_THROWS(refused(adam({0.1f, 1})), Refused, "betas");
  CHECK_THROWS(refused(muon({0.1f, 0.95f, 0, 30})), Refused, "polar steps");
  CHECK_THROWS(refused(muon({-0.1f})), Refused, "0 or more");
}
