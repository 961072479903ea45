// custom_op: honest ones train like library ops; every kind of lie is refused with its own reason, and no judge takes one.
#include "harness/checkpoint.h"
#include "harness/failure.h"
#include "judge/evaluator.h"
#include "op_check.h"

using namespace swarm;
using namespace op_check;

namespace {

constexpr int C = 6;

// y = x * w + mean of this and the previous token: a parameter, a mixer, an input read twice.
template <class Real>
void smooth(const Frame<Real>& f) {
  for (int n = 0; n < f.N; n++)
    for (int c = 0; c < C; c++) {
      const int i = n * C + c;
      f.out[i] = f.in[0][i] * f.in[1][c] + (f.in[0][i] + (n % f.T ? f.in[0][i - C] : 0)) / 2;
    }
}
template <class Real>
void smooth_slopes(const Frame<Real>& f, Real share = Real(0.5)) {
  for (int n = 0; n < f.N; n++)
    for (int c = 0; c < C; c++) {
      const int i = n * C + c;
      f.din[0][i] += f.dout[i] * (f.in[1][c] + share);
      if (n % f.T) f.din[0][i - C] += f.dout[i] * share;
      f.din[1][c] += f.dout[i] * f.in[0][i];
    }
}

struct Honest {
  template <class Real> void forward(const Frame<Real>& f) const { smooth(f); }
  template <class Real> void backward(const Frame<Real>& f) const { smooth_slopes(f); }
};
struct Kinked {  // relu: one direction in a hundred thousand meets a kink
  template <class Real> void forward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.out[i] = f.in[0][i] > 0 ? f.in[0][i] : 0; }
  template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.din[0][i] += f.in[0][i] > 0 ? f.dout[i] : 0; }
};
struct WrongSlope {
  template <class Real> void forward(const Frame<Real>& f) const { smooth(f); }
  template <class Real> void backward(const Frame<Real>& f) const { smooth_slopes(f, Real(0.499)); }
};
struct Overwriting {
  template <class Real> void forward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.out[i] = f.in[0][i]; }
  template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.din[0][i] = f.dout[i]; }
};
struct StraySlope {
  template <class Real> void forward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.out[i] = f.in[0][i]; }
  template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i <= f.N * C; i++) f.din[0][i] += i < f.N * C ? f.dout[i] : 1; }
};
struct TwoTruths {  // what trains is not what was checked
  template <class Real> void forward(const Frame<Real>& f) const {
    smooth(f);
    if (sizeof(Real) == 4) for (int i = 0; i < f.N * C; i++) f.out[i] *= Real(1.01);
  }
  template <class Real> void backward(const Frame<Real>& f) const { smooth_slopes(f); }
};
template <int Ahead>
struct Peeking {  // reads the token Ahead places later
  template <class Real> void forward(const Frame<Real>& f) const {
    for (int n = 0; n < f.N; n++)
      for (int c = 0; c < C; c++) f.out[n * C + c] = n % f.T + Ahead < f.T ? f.in[0][(n + Ahead) * C + c] : 0;
  }
  template <class Real> void backward(const Frame<Real>& f) const {
    for (int n = 0; n < f.N; n++)
      for (int c = 0; c < C; c++)
        if (n % f.T + Ahead < f.T) f.din[0][(n + Ahead) * C + c] += f.dout[n * C + c];
  }
};
struct AcrossRows {  // the last token of the row before
  template <class Real> void forward(const Frame<Real>& f) const {
    for (int n = 0; n < f.N; n++) for (int c = 0; c < C; c++) f.out[n * C + c] = n ? f.in[0][(n - 1) * C + c] : 0;
  }
  template <class Real> void backward(const Frame<Real>& f) const {
    for (int n = 1; n < f.N; n++) for (int c = 0; c < C; c++) f.din[0][(n - 1) * C + c] += f.dout[n * C + c];
  }
};
struct Unwritten {
  template <class Real> void forward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C - 1; i++) f.out[i] = f.in[0][i]; }
  template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C - 1; i++) f.din[0][i] += f.dout[i]; }
};
struct Overrunning {
  template <class Real> void forward(const Frame<Real>& f) const {
    for (int i = 0; i < f.N * C; i++) f.out[i] = f.in[0][i];
    f.out[f.N * C] = 0;
  }
  template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.din[0][i] += f.dout[i]; }
};
int calls = 0;
struct Remembering {
  template <class Real> void forward(const Frame<Real>& f) const {
    calls++;
    for (int i = 0; i < f.N * C; i++) f.out[i] = sizeof(Real) == 4 && i == 7 ? f.in[0][i] + Real(1e-5) * Real(calls) : f.in[0][i];
  }
  template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.din[0][i] += f.dout[i]; }
};

const Sizes sizes{2, 7, 11, C};

template <class Own>
Graph with(bool weighted = false) {
  return network_of(sizes, [&](Graph& g, Tensor x) {
    std::vector<Tensor> inputs{x};
    if (weighted) inputs.push_back(g.param("w", C, constant(0)));
    return g.custom<Own>("own", inputs, C);
  });
}

template <class Own>
void refused_for(const std::string& words, bool weighted = false) {
  CHECK_THROWS(require_causal(with<Own>(weighted)), Refused, "custom_op own: ");
  CHECK_THROWS(Network(with<Own>(weighted), support::plain_adam(), {}), Refused, words);
}

}  // namespace

TEST("custom_op: an honest one trains like a library op, on one tensor twice and with a parameter") {
  check_op(sizes, [](Graph& g, Tensor x) { return g.custom<Honest>("smooth", {x, g.param("w", C, constant(0))}, C); });
  check_op(sizes, [](Graph& g, Tensor x) {
    Tensor y = g.custom<Honest>("smooth", {x, g.param("w", C, constant(0))}, C);
    return g.ew({g.custom<Honest>("again", {y, g.param("v", C, constant(0))}, C), x, y}, [](auto a, auto x, auto y) { return a * x + y; });
  });
  require_causal(with<Kinked>());
}

TEST("custom_op: wrong gradients, other numbers in float32, stray and missing writes are refused") {
  refused_for<WrongSlope>("not the gradient of its forward", true);
  refused_for<Overwriting>("not the gradient of its forward");
  refused_for<StraySlope>("writes outside the gradients");
  refused_for<TwoTruths>("float32 output is not that of float64", true);
  refused_for<Unwritten>("not finite, or not written");
  refused_for<Overrunning>("writes outside");
  refused_for<Remembering>("two different outputs");
}

TEST("custom_op: what sees a later token, by one or by many, or another row is refused") {
  refused_for<Peeking<1>>("sees the future");
  refused_for<Peeking<5>>("sees the future");
  refused_for<AcrossRows>("depends on where the row stands");
}

TEST("custom_op: shapes and names that cannot be are refused") {
  Graph g({2, 7, 11});
  Tensor x = g.embed(g.param("table", 11, C, constant(0)));
  CHECK_THROWS(g.custom<Honest>("", {x}, C), Refused, "name");
  CHECK_THROWS(g.custom<Honest>("a \"b\"", {x}, C), Refused, "small letters");
  CHECK_THROWS(g.custom<Honest>("a", {}, C), Refused, "at least 1 input");
  CHECK_THROWS(g.custom<Honest>("a", {g.tokens()}, C), Refused, "ids");
  CHECK_THROWS(g.custom<Honest>("a", {g.param("only", C, constant(0))}, C), Refused, "activation");
  CHECK_THROWS(g.custom<Honest>("a", {x}, 0), Refused, "channels");
}

TEST("custom_op: a checkpoint keeps its name and no code, and the judge refuses it for that reason") {
  const Graph g = with<Honest>(true);
  Network network(g, support::plain_adam(), {});
  network.init(1);
  const auto bytes = serialize(g);
  const Graph read = deserialize(bytes.data(), bytes.size());
  CHECK(serialize(read) == bytes);
  CHECK_EQUAL(read[Tensor{read.output_node() - 2}].name, g[Tensor{g.output_node() - 2}].name);
  CHECK_THROWS(require_causal(read), Refused, "custom_op own, code of the experiment's own");
  CHECK_THROWS(Network(read, sizes.rows), Refused, "custom_op own");
  Checkpoint checkpoint;
  checkpoint.graph = bytes;
  CHECK_THROWS(network_of(checkpoint, 2, sizes.T, sizes.vocab), Failure, "nothing can be scored without running that code");
}
