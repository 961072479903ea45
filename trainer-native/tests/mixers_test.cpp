// token_shift, conv and scan: the promises of every op, their kernels on every instruction set, and that nobody sees the future.
#include <cstring>

#include "kernel_check.h"
#include "op_check.h"

using namespace swarm;
using namespace op_check;
using kernel_check::Buffer;
using kernel_check::close;
using kernel_check::hash;
using kernel_check::tables;

namespace {

struct RowShape {
  int rows, T, C, taps;
};
constexpr RowShape kShapes[] = {{1, 1, 1, 1}, {1, 2, 3, 8}, {3, 7, 16, 3}, {2, 13, 17, 8}, {2, 5, 64, 4}, {1, 33, 131, 2}, {2, 9, 200, 5}};

// What a convolution and a scan leave behind, forward and backward.
struct Mixed {
  RowShape s;
  Buffer x, w, a, b, dy, y, dx, dw, h, da, db;
  explicit Mixed(const RowShape& s)
      : s(s), x(count()), w(long(s.taps) * s.C), a(count()), b(count()), dy(count()), y(count()), dx(count()), dw(w.size()), h(count()), da(count()), db(count()) {
    kernel_check::Random random(s.C * 7 + s.T);
    for (Buffer* each : {&x, &w, &a, &b, &dy}) random.fill(*each);
  }
  long count() const { return long(s.rows) * s.T * s.C; }
  void run(const cpu::Kernels& k, bool add) {
    if (add)
      for (Buffer* each : {&dx, &dw, &da, &db})
        for (size_t i = 0; i < each->size(); i++) (*each)[long(i)] = 1;
    k.conv_forward(s.rows, s.T, s.C, s.taps, x, w, y);
    k.conv_backward(s.rows, s.T, s.C, s.taps, x, w, dy, add, dx, add, dw);
    k.scan_forward(s.rows, s.T, s.C, a, b, h);
    k.scan_backward(s.rows, s.T, s.C, a, h, dy, add, da, add, db);
    for (const Buffer* each : {&x, &w, &a, &b, &dy, &y, &dx, &dw, &h, &da, &db}) each->check_canaries();
  }
};

// One row of one channel at a time, in float64.
void check_conv(const Mixed& m, const char* isa, double added) {
  const auto [rows, T, C, taps] = m.s;
  std::vector<double> dw(size_t(taps) * C, added);
  for (int row = 0; row < rows; row++)
    for (int c = 0; c < C; c++)
      for (int t = 0; t < T; t++) {
        const auto at = [&, row = row, c = c](int t) { return (long(row) * m.s.T + t) * m.s.C + c; };
        double y = 0, dx = added;
        for (int j = 0; j < taps; j++) {
          if (t - j >= 0) y += double(m.w[long(j) * C + c]) * m.x[at(t - j)];
          if (t + j < T) dx += double(m.w[long(j) * C + c]) * m.dy[at(t + j)];
          if (t - j >= 0) dw[size_t(j) * C + c] += double(m.dy[at(t)]) * m.x[at(t - j)];
        }
        close("y", isa, at(t), m.y[at(t)], y, 1);
        close("dx", isa, at(t), m.dx[at(t)], dx, 1);
      }
  for (size_t i = 0; i < dw.size(); i++) close("dw", isa, long(i), m.dw[long(i)], dw[i], 2);
}

void check_scan(const Mixed& m, const char* isa, double added) {
  const auto [rows, T, C, taps] = m.s;
  for (int row = 0; row < rows; row++)
    for (int c = 0; c < C; c++) {
      const auto at = [&, row = row, c = c](int t) { return (long(row) * m.s.T + t) * m.s.C + c; };
      std::vector<double> h(T + 1, 0.0);
      for (int t = 0; t < T; t++) close("h", isa, at(t), m.h[at(t)], h[t + 1] = m.a[at(t)] * h[t] + m.b[at(t)], 1);
      double slope = 0;
      for (int t = T - 1; t >= 0; t--) {
        slope = m.dy[at(t)] + (t + 1 < T ? m.a[at(t + 1)] * slope : 0);
        close("db", isa, at(t), m.db[at(t)], slope + added, 1);
        close("da", isa, at(t), m.da[at(t)], slope * h[t] + added, 1);
      }
    }
}

}  // namespace

TEST("mixer kernels: conv and scan agree with float64 on odd shapes, written or added to") {
  for (const cpu::Kernels* k : tables())
    for (const RowShape& s : kShapes)
      for (bool add : {false, true}) {
        Mixed m(s);
        m.run(*k, add);
        check_conv(m, k->isa, add);
        check_scan(m, k->isa, add);
      }
}

TEST("mixer kernels: the same bits on every instruction set, softcapped attention too") {
  for (const RowShape& s : kShapes) {
    uint64_t wanted = 0;
    for (const cpu::Kernels* k : tables()) {
      Mixed m(s);
      m.run(*k, false);
      cpu::Attention a{s.rows, s.T, 2, 1, 16, 5, 1.5f, 32, 16, 16, 32};
      a.softcap = 2;
      const long tokens = long(s.rows) * s.T;
      Buffer q(tokens * 32), kv(tokens * 16), o(tokens * 32), lse(tokens * 2), dq(tokens * 32), dk(tokens * 16), dv(tokens * 16),
          scratch(cpu::attention_scratch_floats(a));
      kernel_check::Random random(5);
      random.fill(q, -2, 2), random.fill(kv, -2, 2);
      k->attention_forward(a, q, kv, kv, o, lse, scratch);
      k->attention_backward(a, q, kv, kv, o, q, lse, false, dq, dk, dv, scratch);
      for (const Buffer* b : {&o, &lse, &dq, &dk, &dv, &scratch}) b->check_canaries();
      uint64_t h = 0;
      for (const Buffer* b : {&m.y, &m.dx, &m.dw, &m.h, &m.da, &m.db, &o, &lse, &dq, &dk, &dv}) h = hash(*b, b->size(), h);
      if (k == tables().front()) wanted = h;
      CHECK_EQUAL(h, wanted);
    }
  }
}

TEST("op token_shift: by one, by T-1, twice, added to what is there") {
  for (int k : {1, 3, 6}) check_op({2, 7, 9, 5}, [k](Graph& g, Tensor x) { return g.token_shift(x, k); });
  check_op({4, 5, 9, 13}, [](Graph& g, Tensor x) { return g.concat({x, g.token_shift(x, 1), g.token_shift(g.token_shift(x, 2), 1)}); });
  check_op({2, 6, 9, 8}, [](Graph& g, Tensor x) { return g.ew({x, g.token_shift(x, 1)}, [](auto now, auto before) { return now * before; }); });
}

TEST("op conv: taps from 1 to 8, more taps than tokens, one weight used twice") {
  for (int taps : {1, 2, 4, 8}) check_op({2, 6, 9, 13}, [taps](Graph& g, Tensor x) { return g.conv(x, g.param("w", taps, 13, constant(0))); });
  check_op({2, 3, 9, 70}, [](Graph& g, Tensor x) { return g.conv(x, g.param("w", 5, 70, constant(0))); });
  check_op({4, 5, 7, 12}, [](Graph& g, Tensor x) {
    Tensor w = g.param("w", 3, 12, constant(0));
    Tensor y = g.conv(g.conv(x, w), w);
    return g.ew({x, y}, [](auto x, auto y) { return x * sigmoid(y); });
  });
}

TEST("op scan: gates from the graph, one tensor for both, the scan itself reused") {
  check_op({2, 9, 9, 5}, [](Graph& g, Tensor x) {  // minGRU
    Tensor z = g.linear(x, g.param("z", 7, 5, constant(0))), candidate = g.linear(x, g.param("c", 7, 5, constant(0)));
    Tensor keep = g.ew({z}, [](auto z) { return 1.0f - sigmoid(z); });
    Tensor fresh = g.ew({z, candidate}, [](auto z, auto c) { return sigmoid(z) * c; });
    return g.scan(keep, fresh);
  });
  check_op({2, 8, 7, 16}, [](Graph& g, Tensor x) {
    Tensor y = g.rmsnorm(x);
    return g.scan(y, y);
  });
  check_op({4, 5, 7, 70}, [](Graph& g, Tensor x) {
    Tensor gate = g.ew({x}, [](auto x) { return tanh(x); });
    Tensor h = g.scan(gate, x);
    return g.ew({h, g.token_shift(h, 1), gate}, [](auto h, auto before, auto gate) { return h + before * gate; });
  });
}

TEST("op scan as the output: its backward reads what it computed") {
  const Sizes s{2, 6, 16, 16};
  Graph g({s.rows, s.T, s.vocab});
  Tensor x = g.embed(g.param("table", s.vocab, s.C, constant(0)));
  g.output(g.scan(g.rmsnorm(x), x));
  check_float64_gradients(g, s, 1);
  check_float32(g, s, 2);
}

TEST("mixers: a later token or another row changes no bit of an earlier logit, on bytes and back") {
  const int T = 19, vocab = 23;
  Graph described({2, T, vocab});
  Tensor x = described.embed(described.param("table", vocab, 16, normal(1)));
  Tensor y = described.conv(described.token_shift(x, 2), described.param("taps", 4, 16, normal(0.5f)));
  AttentionOptions o;
  o.window = T;
  o.softcap = 3;
  y = described.attention(y, x, described.scan(described.ew({y}, [](auto y) { return sigmoid(y); }), x), o);
  described.output(described.linear(y, described.param("head", vocab, 16, normal(1))));
  const auto bytes = serialize(described);
  const Graph g = deserialize(bytes.data(), bytes.size());
  CHECK(serialize(g) == bytes);
  require_causal(g);
  Network network(g, 2);
  network.init(4);
  support::Random random(5);
  auto tokens = support::random_tokens(random, 2 * T, vocab);
  for (int cut = 0; cut + 1 < T; cut++) {
    const float* logits = network.forward_logits(tokens.data());
    const std::vector<float> before(logits, logits + 2 * T * vocab);
    for (int t = cut + 1; t < T; t++) tokens[t] = uint16_t((tokens[t] + 1) % vocab);  // row 0 only
    network.forward_logits(tokens.data());
    CHECK(!std::memcmp(logits, before.data(), size_t(cut + 1) * vocab * sizeof(float)));
    CHECK(!std::memcmp(logits + T * vocab, before.data() + T * vocab, size_t(T) * vocab * sizeof(float)));
    CHECK(std::memcmp(logits, before.data(), size_t(T) * vocab * sizeof(float)));
  }
}
