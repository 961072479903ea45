// Attention forward and backward against naive float64, whose own gradient is checked by central differences.
#include "kernel_check.h"

using namespace kernel_check;
using swarm::cpu::Attention;
using swarm::cpu::attention_scratch_floats;

namespace {

using Numbers = std::vector<double>;

struct Case {
  int rows, T, heads, kv_heads, head_dim, window, slack;
  Attention attention() const {
    const long q = heads * head_dim + slack, kv = kv_heads * head_dim + slack;
    return {rows, T, heads, kv_heads, head_dim, window, 1.0f / std::sqrt(static_cast<float>(head_dim)), q, kv, kv + slack, q + slack};
  }
};

// Everything of one call; the float64 side uses the same strides.
struct Call {
  Attention a;
  Buffer q, k, v, o, dout, lse, dq, dk, dv, scratch;
  explicit Call(const Attention& a)
      : a(a), q(tokens() * a.q_stride), k(tokens() * a.k_stride), v(tokens() * a.v_stride), o(tokens() * a.o_stride), dout(tokens() * a.o_stride),
        lse(tokens() * a.heads), dq(q.size()), dk(k.size()), dv(v.size()), scratch(attention_scratch_floats(a)) {
    Random random(a.T * 3 + a.window);
    random.fill(q, -2, 2), random.fill(k, -2, 2), random.fill(v), random.fill(dout);
  }
  long tokens() const { return static_cast<long>(a.rows) * a.T; }
  void run(const Kernels& kernels, bool add) {
    kernels.attention_forward(a, q, k, v, o, lse, scratch);
    kernels.attention_backward(a, q, k, v, o, dout, lse, add, dq, dk, dv, scratch);
    for (const Buffer* b : {&o, &lse, &dq, &dk, &dv, &scratch}) b->check_canaries();
  }
};

// o [N, heads, head_dim] of float64 inputs laid out like a Call's.
Numbers forward(const Attention& a, const Numbers& q, const Numbers& k, const Numbers& v, Numbers* lse = nullptr) {
  const int D = a.head_dim;
  Numbers o(static_cast<size_t>(a.rows) * a.T * a.heads * D);
  for (int b = 0; b < a.rows; b++)
    for (int h = 0; h < a.heads; h++)
      for (int i = 0; i < a.T; i++) {
        const long n = static_cast<long>(b) * a.T, kv = h / (a.heads / a.kv_heads) * D;
        const int first = std::max(0, i - a.window);
        double total = 0;
        Numbers p(i + 1);
        for (int j = first; j <= i; j++) {
          double s = 0;
          for (int d = 0; d < D; d++) s += q[(n + i) * a.q_stride + h * D + d] * k[(n + j) * a.k_stride + kv + d];
          total += p[j] = std::exp(s * a.scale);
        }
        if (lse) (*lse)[(n + i) * a.heads + h] = std::log(total);
        for (int j = first; j <= i; j++)
          for (int d = 0; d < D; d++) o[((n + i) * a.heads + h) * D + d] += p[j] / total * v[(n + j) * a.v_stride + kv + d];
      }
  return o;
}

// Gradients of sum(dout * o): the softmax rule, element by element.
void backward(const Attention& a, const Numbers& q, const Numbers& k, const Numbers& v, const Numbers& dout, Numbers& dq, Numbers& dk, Numbers& dv) {
  const int D = a.head_dim;
  for (int b = 0; b < a.rows; b++)
    for (int h = 0; h < a.heads; h++)
      for (int i = 0; i < a.T; i++) {
        const long n = static_cast<long>(b) * a.T, kv = h / (a.heads / a.kv_heads) * D;
        const int first = std::max(0, i - a.window);
        double total = 0, mean = 0;
        Numbers p(i + 1), dp(i + 1);
        for (int j = first; j <= i; j++) {
          double s = 0;
          for (int d = 0; d < D; d++) {
            s += q[(n + i) * a.q_stride + h * D + d] * k[(n + j) * a.k_stride + kv + d];
            dp[j] += dout[(n + i) * a.o_stride + h * D + d] * v[(n + j) * a.v_stride + kv + d];
          }
          total += p[j] = std::exp(s * a.scale);
        }
        for (int j = first; j <= i; j++) mean += (p[j] /= total) * dp[j];
        for (int j = first; j <= i; j++)
          for (int d = 0; d < D; d++) {
            const double ds = p[j] * (dp[j] - mean) * a.scale;
            dq[(n + i) * a.q_stride + h * D + d] += ds * k[(n + j) * a.k_stride + kv + d];
            dk[(n + j) * a.k_stride + kv + d] += ds * q[(n + i) * a.q_stride + h * D + d];
            dv[(n + j) * a.v_stride + kv + d] += p[j] * dout[(n + i) * a.o_stride + h * D + d];
          }
      }
}

Numbers numbers(const Buffer& b) { return Numbers(static_cast<const float*>(b), static_cast<const float*>(b) + b.size()); }

void check_case(const Kernels& kernels, const Case& c) {
  Call call(c.attention());
  const Attention& a = call.a;
  call.run(kernels, false);
  const Numbers q = numbers(call.q), k = numbers(call.k), v = numbers(call.v), dout = numbers(call.dout);
  Numbers lse(call.lse.size()), dq(q.size()), dk(k.size()), dv(v.size());
  const Numbers o = forward(a, q, k, v, &lse);
  backward(a, q, k, v, dout, dq, dk, dv);
  for (size_t i = 0; i < lse.size(); i++) close("lse", kernels.isa, i, call.lse[i], lse[i], 1);
  // scores of size up to 4 sqrt(hd) / 3: exp turns their rounding into a relative error of some 1e-6
  const int width = a.heads * a.head_dim, kv_width = a.kv_heads * a.head_dim;
  for (long n = 0; n < call.tokens(); n++) {
    for (int d = 0; d < width; d++) {
      close("o", kernels.isa, n * width + d, call.o[n * a.o_stride + d], o[n * width + d], 1);
      close("dq", kernels.isa, n * width + d, call.dq[n * a.q_stride + d], dq[n * a.q_stride + d], 1);
    }
    for (int d = 0; d < kv_width; d++) {
      close("dk", kernels.isa, n * kv_width + d, call.dk[n * a.k_stride + d], dk[n * a.k_stride + d], 1);
      close("dv", kernels.isa, n * kv_width + d, call.dv[n * a.v_stride + d], dv[n * a.v_stride + d], 1);
    }
  }
}

const Case kCases[] = {
    {1, 1, 1, 1, 16, 0, 0},    {2, 7, 2, 2, 16, 1, 0},   {1, 16, 1, 1, 32, 0, 3},   {1, 33, 2, 1, 16, 32, 1}, {2, 37, 4, 2, 32, 36, 0},
    {1, 37, 4, 1, 32, 5, 2},   {1, 64, 1, 1, 64, 63, 0}, {1, 65, 2, 2, 16, 64, 0}, {1, 100, 1, 1, 48, 17, 5}, {1, 128, 2, 2, 32, 64, 0},
    {1, 129, 1, 1, 128, 8, 0}, {2, 128, 2, 1, 32, 127, 0}, {1, 150, 1, 1, 16, 1 << 30, 0}};

}  // namespace

TEST("attention: forward and backward agree with float64 over windows, head sizes, shared keys and odd lengths") {
  for (const Kernels* k : tables())
    for (const Case& c : kCases) check_case(*k, c);
}

TEST("attention: the float64 gradient agrees with central differences") {
  const Attention a = Case{1, 6, 2, 1, 16, 3, 1}.attention();
  Call call(a);
  Numbers inputs[3] = {numbers(call.q), numbers(call.k), numbers(call.v)};
  const Numbers dout = numbers(call.dout);
  Numbers slopes[3] = {Numbers(call.q.size()), Numbers(call.k.size()), Numbers(call.v.size())};
  backward(a, inputs[0], inputs[1], inputs[2], dout, slopes[0], slopes[1], slopes[2]);
  const auto loss = [&] {
    const Numbers o = forward(a, inputs[0], inputs[1], inputs[2]);
    double sum = 0;
    for (long n = 0; n < call.tokens(); n++)
      for (int d = 0; d < a.heads * a.head_dim; d++) sum += dout[n * a.o_stride + d] * o[n * a.heads * a.head_dim + d];
    return sum;
  };
  for (int input = 0; input < 3; input++)
    for (size_t i = 0; i < inputs[input].size(); i += 5) {
      const double at = inputs[input][i], h = 1e-5;
      inputs[input][i] = at + h;
      const double up = loss();
      inputs[input][i] = at - h;
      const double down = loss();
      inputs[input][i] = at;
      CHECK_NEAR((up - down) / (2 * h), slopes[input][i], 1e-8);
    }
}

TEST("attention: backward adds to gradients when asked") {
  for (const Kernels* k : tables()) {
    const Attention a = Case{1, 40, 2, 1, 16, 9, 0}.attention();
    Call fresh(a), added(a);
    fresh.run(*k, false);
    for (Buffer* b : {&added.dq, &added.dk, &added.dv})
      for (size_t i = 0; i < b->size(); i++) (*b)[static_cast<long>(i)] = 1;
    added.run(*k, true);
    for (size_t i = 0; i < fresh.dq.size(); i++) close("dq", k->isa, i, added.dq[i], 1 + fresh.dq[i], 1, 1e-6);
    for (long n = 0; n < 40; n++)
      for (int d = 0; d < 16; d++) {
        close("dk", k->isa, n, added.dk[n * a.k_stride + d], 1 + fresh.dk[n * a.k_stride + d], 1, 1e-6);
        close("dv", k->isa, n, added.dv[n * a.v_stride + d], 1 + fresh.dv[n * a.v_stride + d], 1, 1e-6);
      }
  }
}

TEST("attention: a later token changes no bit of an earlier one") {
  for (const Kernels* k : tables()) {
    const Attention a = Case{1, 70, 1, 1, 32, 69, 0}.attention();
    Call before(a), after(a);
    before.run(*k, false);
    for (int t = 41; t < 70; t++)
      for (int d = 0; d < 32; d++) after.k[t * a.k_stride + d] = 1e30f, after.v[t * a.v_stride + d] = -3e30f;
    k->attention_forward(a, after.q, after.k, after.v, after.o, after.lse, after.scratch);
    CHECK_EQUAL(hash(after.o, 41 * a.o_stride), hash(before.o, 41 * a.o_stride));
  }
}

TEST("attention: the same bits on every instruction set") {
  for (const Case& c : kCases) {
    uint64_t wanted = 0;
    for (const Kernels* k : tables()) {
      Call call(c.attention());
      call.run(*k, false);
      uint64_t h = 0;
      for (const Buffer* b : {&call.o, &call.lse, &call.dq, &call.dk, &call.dv}) h = hash(*b, b->size(), h);
      if (k == tables().front()) wanted = h;
      CHECK_EQUAL(h, wanted);
    }
  }
}
