// Attention forward and backward against float64 over windows, head dims, shared keys and odd lengths. The naive bf16 kernel rounds
// where any kernel on tensor cores must: probabilities and slopes before they enter a product, and what is stored.
#include "cuda_check.h"
#include "engine/cuda/attention.h"

using namespace cuda_check;
using swarm::cuda::Attention;
namespace cuda = swarm::cuda;

namespace {

using Numbers = std::vector<double>;
struct Gradients {
  Numbers o, lse, dq, dk, dv;
};

double exact(double x) { return x; }
double rounded(double x) { return to_float(to_bf16(float(x))); }

Gradients reference(const Attention& a, const Numbers& q, const Numbers& k, const Numbers& v, const Numbers& dout, double (*round)(double)) {
  const size_t D = size_t(a.head_dim), N = size_t(a.rows) * a.T;
  Gradients g{Numbers(q.size()), Numbers(N * a.heads), Numbers(q.size()), Numbers(k.size()), Numbers(v.size())};
  const auto dot = [D](const double* x, const double* y) {
    double sum = 0;
    for (size_t d = 0; d < D; d++) sum += x[d] * y[d];
    return sum;
  };
  for (size_t n = 0; n < N; n++)
    for (int h = 0; h < a.heads; h++) {
      const size_t first = n - size_t(std::min(int(n) % a.T, a.window)), at = (n * a.heads + h) * D;
      const auto key = [&](size_t j) { return (j * a.kv_heads + size_t(h / (a.heads / a.kv_heads))) * D; };
      Numbers s, p;
      for (size_t j = first; j <= n; j++) s.push_back(a.scale * dot(&q[at], &k[key(j)]));
      const double top = *std::max_element(s.begin(), s.end());
      double sum = 0;
      for (double x : s) sum += std::exp(x - top);
      g.lse[n * a.heads + h] = top + std::log(sum);
      for (size_t j = first; j <= n; j++)
        for (size_t d = 0; d < D; d++) g.o[at + d] += round(std::exp(s[j - first] - top)) * v[key(j) + d] / sum;
      for (size_t d = 0; d < D; d++) g.o[at + d] = round(g.o[at + d]);
      const double through = dot(&g.o[at], &dout[at]);
      for (size_t j = first; j <= n; j++) {
        const double weight = std::exp(s[j - first] - top) / sum;
        const double ds = round(a.scale * weight * (dot(&dout[at], &v[key(j)]) - through)), w = round(weight);
        for (size_t d = 0; d < D; d++) {
          g.dv[key(j) + d] += w * dout[at + d];
          g.dq[at + d] += ds * k[key(j) + d];
          g.dk[key(j) + d] += ds * q[at + d];
        }
      }
    }
  for (Numbers* x : {&g.dq, &g.dk, &g.dv}) for (double& y : *x) y = round(y);
  return g;
}

std::vector<float> floats(const Numbers& x) { return std::vector<float>(x.begin(), x.end()); }

struct Case {
  int rows, T, heads, kv_heads, head_dim, window;
  bool add = false;
};

std::string check_attention(const Case& c) {
  const Attention a{c.rows, c.T, c.heads, c.kv_heads, c.head_dim, c.window, 1 / std::sqrt(float(c.head_dim))};
  support::Random random(uint64_t(c.T * 3 + c.window + c.head_dim));
  const size_t N = size_t(c.rows) * c.T, wide = N * c.heads * c.head_dim, narrow = N * c.kv_heads * c.head_dim;
  const auto q = numbers(random, wide, 2), k = numbers(random, narrow, 2), v = numbers(random, narrow), dout = numbers(random, wide);
  const auto before = numbers(random, std::max(wide, narrow));
  const On<bf16> Q(q), K(k), V(v), dO(dout), O(wide), dQ(wide), dK(narrow), dV(narrow);
  if (c.add)
    for (const On<bf16>* d : {&dQ, &dK, &dV}) cuda::upload(*d, before.data(), d->size() * sizeof(bf16));
  const On<float> lse(N * c.heads), scratch(2 * N * c.heads);
  const bool add[3] = {c.add, c.add, c.add};
  Tape tape;
  cuda::attention(tape, a, Q, K, V, O, lse);
  cuda::attention_backward(tape, a, Q, K, V, O, dO, lse, add, dQ, dK, dV, scratch);
  tape.run();

  const Numbers q64 = doubles(q), k64 = doubles(k), v64 = doubles(v), d64 = doubles(dout);
  Gradients wanted = reference(a, q64, k64, v64, d64, exact), naive = reference(a, q64, k64, v64, d64, rounded);
  for (Gradients* g : {&wanted, &naive})
    for (Numbers* x : {&g->dq, &g->dk, &g->dv})
      for (size_t i = 0; c.add && i < x->size(); i++) (*x)[i] = (g == &naive ? rounded : exact)((*x)[i] + to_float(before[i]));
  const auto where = "T " + std::to_string(c.T) + ", head dim " + std::to_string(c.head_dim) + ", window " + std::to_string(c.window);
  for (size_t i = 0; i < wanted.lse.size(); i++) CHECK_NEAR(lse.get()[i], wanted.lse[i], 1e-4);
  check_close("o at " + where, O.get(), wanted.o, floats(naive.o));
  check_close("dq at " + where, dQ.get(), wanted.dq, floats(naive.dq));
  check_close("dk at " + where, dK.get(), wanted.dk, floats(naive.dk));
  check_close("dv at " + where, dV.get(), wanted.dv, floats(naive.dv));
  return bits_of(O.get()) + bits_of(lse.get()) + bits_of(dQ.get()) + bits_of(dK.get()) + bits_of(dV.get());
}

}  // namespace

TEST("cuda attention: forward and backward agree with float64 over windows, head dims, shared keys and odd lengths") {
  for (const Case& c : {Case{1, 1, 1, 1, 32, 0}, Case{2, 7, 2, 2, 32, 1}, Case{1, 64, 1, 1, 64, 63}, Case{1, 65, 2, 1, 32, 64}, Case{1, 100, 4, 2, 32, 17},
                        Case{1, 150, 1, 1, 64, 8}, Case{2, 70, 1, 1, 128, 69}, Case{1, 129, 2, 1, 128, 40}, Case{1, 33, 3, 3, 64, 0}})
    check_attention(c);
}

TEST("cuda attention: gradients are added to when asked") { check_attention({1, 40, 2, 1, 32, 9, true}); }

TEST("cuda attention: the same bits in every order of threads") {
  for (const Case& c : {Case{1, 130, 2, 1, 32, 70}, Case{1, 70, 1, 1, 64, 69}, Case{1, 66, 1, 1, 128, 65}})
    every_order([&] { return check_attention(c); });
}

TEST("cuda attention: a later token changes no bit of an earlier one") {
  support::Random random(5);
  const Attention a{1, 100, 1, 1, 32, 99, 0.2f};
  auto q = numbers(random, 3200, 2), k = numbers(random, 3200, 2), v = numbers(random, 3200);
  const On<bf16> Q(q), K(k), V(v), O(3200);
  const On<float> lse(100);
  Tape tape;
  cuda::attention(tape, a, Q, K, V, O, lse);
  tape.run();
  const std::string before = bits_of(O.get());
  for (size_t i = 41 * 32; i < 3200; i++) k[i] = to_bf16(1e30f), v[i] = to_bf16(-3e30f);
  cuda::upload(K, k.data(), 6400);
  cuda::upload(V, v.data(), 6400);
  tape.run();
  CHECK(bits_of(O.get()).substr(0, 41 * 64) == before.substr(0, 41 * 64));
}
