// Every op that does not mix tokens, and attention, in small networks of odd shapes. The other mixers: mixers_test.cpp.
#include "op_check.h"

using namespace swarm;
using namespace op_check;

TEST("op embed, linear: odd shapes, a table used twice") {
  check_op({2, 7, 13, 5}, [](Graph&, Tensor x) { return x; });
  check_op({4, 5, 11, 33}, [](Graph& g, Tensor x) { return g.linear(x, g.param("w", 17, 33, constant(0))); });
  check_op({2, 3, 9, 6}, [](Graph& g, Tensor x) {
    Tensor w = g.param("w", 6, 6, constant(0));
    return g.linear(g.linear(x, w), w);  // one weight, two uses: its gradient adds up
  });
  check_op({2, 6, 10, 12}, [](Graph& g, Tensor x) {
    Tensor t = g.param("tied", 10, 12, constant(0));
    return g.ew({x, g.embed(t), g.embed(t)}, [](auto x, auto a, auto b) { return x * a + b; });
  });
}

TEST("op rmsnorm: whole rows, groups, twice on one tensor") {
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) { return g.rmsnorm(x); });
  check_op({2, 5, 9, 100}, [](Graph& g, Tensor x) { return g.rmsnorm(x); });
  check_op({2, 3, 7, 48}, [](Graph& g, Tensor x) { return g.rmsnorm(x, 16); });
  check_op({2, 3, 7, 21}, [](Graph& g, Tensor x) { return g.rmsnorm(x, 7); });
  check_op({2, 3, 7, 12}, [](Graph& g, Tensor x) { return g.concat({g.rmsnorm(x), x, g.rmsnorm(x, 4)}); });
}

TEST("op rope: head dims, bases") {
  check_op({2, 7, 9, 12}, [](Graph& g, Tensor x) { return g.rope(x, 4, 10000); });
  check_op({2, 19, 9, 64}, [](Graph& g, Tensor x) { return g.rope(x, 32, 500); });
  check_op({4, 3, 9, 10}, [](Graph& g, Tensor x) { return g.concat({g.rope(x, 10, 10000), g.rope(x, 2, 100)}); });
}

TEST("op slice, concat") {
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) { return g.slice(x, 3, 7); });
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) { return g.concat({g.slice(x, 0, 13), g.slice(x, 12, 1), g.slice(x, 4, 4), x, x}); });
}

TEST("op attention: windows 0, 1, 3, T-1, T and beyond; head dims; shared keys; one tensor for all three") {
  auto attend = [](int heads, int kv_heads, int hd, int window, float scale) {
    return [=](Graph& g, Tensor x) {
      const int C = g[x].cols;
      AttentionOptions o;
      o.heads = heads;
      o.kv_heads = kv_heads;
      o.window = window;
      o.scale = scale;
      return g.attention(g.linear(x, g.param("q", heads * hd, C, constant(0))), g.linear(x, g.param("k", kv_heads * hd, C, constant(0))),
                         g.linear(x, g.param("v", kv_heads * hd, C, constant(0))), o);
    };
  };
  for (int window : {0, 1, 3, 8, 9, 100}) check_op({2, 9, 11, 6}, attend(2, 2, 16, window, 0));
  for (int window : {1, 34, 35}) check_op({2, 35, 11, 6}, attend(1, 1, 32, window, 0.3f));
  check_op({4, 17, 11, 6}, attend(4, 2, 16, 5, 0));
  check_op({2, 5, 11, 6}, attend(3, 1, 16, 5, 0));
  check_op({2, 5, 11, 6}, attend(1, 1, 64, 2, 0));
  check_op({2, 6, 7, 32}, [](Graph& g, Tensor x) {
    AttentionOptions o;
    o.heads = 2;
    o.window = 3;
    return g.attention(x, x, x, o);
  });
  check_op({2, 6, 7, 16}, [](Graph& g, Tensor x) {
    AttentionOptions o;
    o.window = 3;
    return g.ew({g.attention(x, x, x, o), x}, [](auto a, auto x) { return a * x; });
  });
}

TEST("op attention: scores squeezed by a softcap") {
  auto attend = [](float cap) {
    return [=](Graph& g, Tensor x) {
      AttentionOptions o;
      o.heads = 2;
      o.kv_heads = 1;
      o.window = 6;
      o.scale = 1.5f;
      o.softcap = cap;
      const int C = g[x].cols;
      return g.attention(g.linear(x, g.param("q", 32, C, constant(0))), g.linear(x, g.param("k", 16, C, constant(0))),
                         g.linear(x, g.param("v", 16, C, constant(0))), o);
    };
  };
  for (float cap : {0.5f, 4.0f, 50.0f}) check_op({2, 19, 11, 6}, attend(cap));
}

TEST("op attention as the output: its backward still needs the logits that their gradient would replace") {
  const Sizes s{2, 6, 16, 16};
  Graph g({s.rows, s.T, s.vocab});
  Tensor x = g.embed(g.param("table", s.vocab, s.C, constant(0)));
  AttentionOptions o;
  o.window = 3;
  g.output(g.attention(x, x, x, o));
  check_float64_gradients(g, s, 1);
  check_float32(g, s, 2);
}

TEST("op ew: every instruction") {
  const Sizes s{2, 5, 9, 13};
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return 3.0f - (x + 2.0f) * x / (square(x) + 1.0f); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return relu(x) - min(x, 0.3f) * max(x, -x); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return exp(x) * tanh(x) + sigmoid(4.0f * x); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return log(square(x) + 0.5f) + sqrt(square(x) + 0.1f) / exp(-x); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return square(relu(x)); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return 15.0f * tanh(x / 15.0f); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return x; }); });
}

TEST("op ew: inputs per head, per channel, single, repeated, ignored") {
  for (int C : {2, 12, 48, 512, 640, 1030}) {  // many rows a tile, one row, several tiles a row
    check_op({2, 3, 7, C}, [C](Graph& g, Tensor x) {
      Tensor channel = g.param("channel", C, constant(0)), single = g.param("single", 1, constant(0));
      return g.ew({x, channel, single, x}, [](auto x, auto c, auto s, auto again) { return x * c + s * tanh(again) * c; });
    });
    check_op({2, 3, 7, C}, [C](Graph& g, Tensor x) {
      Tensor gate = g.slice(x, 0, 2), one = g.slice(x, 1, 1);
      Tensor channel = g.param("channel", C, constant(0));
      return g.ew({gate, x, one, channel}, [](auto gate, auto x, auto one, auto c) { return x * sigmoid(gate) + one * c; });
    });
  }
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) {  // the norm and the parameter get a gradient of zeros
    return g.ew({x, g.rmsnorm(g.linear(x, g.param("w", 13, 13, constant(0)))), g.param("c", 13, constant(0))}, [](auto x, auto, auto) { return x; });
  });
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) {
    Tensor y = g.rmsnorm(x);
    return g.ew({x, g.ew({y, x}, [](auto, auto x) { return x * 1.0f; }), y}, [](auto a, auto b, auto c) { return a + b + c; });
  });
}
