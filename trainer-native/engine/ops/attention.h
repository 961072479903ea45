// attention: causal, inside one row, over a window: token i reads tokens i-window .. i. Grouped: query head h reads key and
// value head h / (heads / kv_heads). Inputs: q [N, heads*hd], k and v [N, kv_heads*hd]. ints: heads, kv_heads, window;
// floats: scale, softcap (0: none). CUDA: engine/cuda/attention.cu, same contract.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_attention(const Graph& graph, Node& node) {
  require_inputs(node, 3, "attention");
  const Node& q = require_activation(graph, node, 0, "attention");
  const Node& k = require_activation(graph, node, 1, "attention");
  const Node& v = require_activation(graph, node, 2, "attention");
  const auto [heads, kv_heads, window, unused] = node.ints;
  if (heads < 1 || q.cols % heads) refuse("attention: " + std::to_string(heads) + " heads do not divide " + std::to_string(q.cols) + " channels");
  const int hd = q.cols / heads;
  if (hd % 16) refuse("attention: head dim " + std::to_string(hd) + " must be a multiple of 16");
  if (kv_heads < 1 || heads % kv_heads)
    refuse("attention: " + std::to_string(kv_heads) + " key heads do not divide " + std::to_string(heads) + " heads");
  if (k.cols != kv_heads * hd || v.cols != k.cols) refuse("attention: keys and values need " + std::to_string(kv_heads * hd) + " channels");
  if (window < 0) refuse("attention: window " + std::to_string(window) + " would look ahead; it counts tokens before a token, 0 or more");
  node.ints[2] = std::min(window, graph.shape().T - 1);
  if (node.floats[0] == 0) node.floats[0] = 1 / std::sqrt(float(hd));
  if (!std::isfinite(node.floats[0])) refuse("attention: scale must be finite");
  if (!(node.floats[1] >= 0) || !std::isfinite(node.floats[1])) refuse("attention: softcap must be above 0, or 0 for none");
  node.rows = 0;
  node.cols = q.cols;
}

class AttentionOperation : public Operation {
 public:
  AttentionOperation(const Graph& graph, const Node& node)
      : T_(graph.shape().T), heads_(node.ints[0]), kv_heads_(node.ints[1]), window_(node.ints[2]), hd_(node.cols / heads_), scale_(node.floats[0]),
        softcap_(node.floats[1]) {}
  bool backward_reads_input(int) const override { return true; }
  bool backward_reads_output() const override { return true; }
  size_t aux_floats(int N) const override { return size_t(N) * heads_; }  // log of each query's sum of exp
  size_t scratch_floats(int N, bool adds) const override {
    return size_t(cpu::attention_scratch_floats(kernel(N))) + (adds ? size_t(N) * (heads_ + 2 * kv_heads_) * hd_ : 0);
  }
  Work forward_work(int N) const override { return {pairs(N) * (4 * hd_ + specials()), traffic(N), pace}; }
  Work backward_work(int N) const override { return {pairs(N) * (10 * hd_ + specials()), 2 * traffic(N), pace}; }

  void forward(const Frame<float>& f) const override {
    cpu::kernels().attention_forward(kernel(f.N), f.in[0], f.in[1], f.in[2], f.out, f.aux, f.scratch);
  }
  void backward(const Frame<float>& f) const override {
    const bool adds = f.add[0] || f.add[1] || f.add[2];
    const long sizes[3] = {long(f.N) * heads_ * hd_, long(f.N) * kv_heads_ * hd_, long(f.N) * kv_heads_ * hd_};
    float* d[3] = {f.din[0], f.din[1], f.din[2]};
    float* apart = f.scratch + cpu::attention_scratch_floats(kernel(f.N));  // q, k and v may be one tensor: then gradients are made apart
    if (adds) for (int i = 0; i < 3; apart += sizes[i++]) d[i] = apart;
    cpu::kernels().attention_backward(kernel(f.N), f.in[0], f.in[1], f.in[2], f.out, f.dout, f.aux, false, d[0], d[1], d[2], f.scratch);
    if (adds)
      for (int i = 0; i < 3; i++) {
        if (f.add[i]) cpu::kernels().add(sizes[i], f.din[i], d[i], f.din[i]);
        else cpu::kernels().copy(sizes[i], d[i], f.din[i]);
      }
  }
  void forward(const Frame<double>& f) const override {
    each_query(f.N, [&](int n, int first, int h, const double* q, auto key) {
      std::vector<double> p(n - first + 1);
      double sum = 0;
      for (int j = first; j <= n; j++) sum += p[j - first] = std::exp(score(q, f.in[1] + key(j)));
      double* o = f.out + (size_t(n) * heads_ + h) * hd_;
      std::fill(o, o + hd_, 0.0);
      for (int j = first; j <= n; j++) for (int c = 0; c < hd_; c++) o[c] += p[j - first] / sum * f.in[2][key(j) + c];
    }, f.in[0]);
  }
  void backward(const Frame<double>& f) const override {
    each_query(f.N, [&](int n, int first, int h, const double* q, auto key) {
      const size_t at = (size_t(n) * heads_ + h) * hd_;
      const double *o = f.out + at, *d = f.dout + at;
      std::vector<double> p(n - first + 1);
      double sum = 0;
      for (int j = first; j <= n; j++) sum += p[j - first] = std::exp(score(q, f.in[1] + key(j)));
      const double through_sum = dot(o, d);
      for (int j = first; j <= n; j++) {
        const double weight = p[j - first] / sum, capped = softcap_ == 0 ? 0 : score(q, f.in[1] + key(j)) / softcap_;
        const double ds = scale_ * (1 - capped * capped) * weight * (dot(d, f.in[2] + key(j)) - through_sum);
        for (int c = 0; c < hd_; c++) {
          f.din[2][key(j) + c] += weight * d[c];
          f.din[0][at + c] += ds * f.in[1][key(j) + c];
          f.din[1][key(j) + c] += ds * q[c];
        }
      }
    }, f.in[0]);
  }

 private:
  static constexpr double pace = 0.61;  // tiles reach past the triangle and the window, and sums over a head's channels are short
  cpu::Attention kernel(int N) const {
    const long q_width = long(heads_) * hd_, k_width = long(kv_heads_) * hd_;
    return {N / T_, T_, heads_, kv_heads_, hd_, window_, scale_, q_width, k_width, k_width, q_width, softcap_};
  }
  double pairs(int N) const {  // of query and key, all heads
    double in_row = 0;
    for (int i = 0; i < T_; i++) in_row += std::min(i, window_) + 1;
    return in_row * (N / T_) * heads_;
  }
  double traffic(int N) const { return 4.0 * N * hd_ * (2.0 * heads_ + 2.0 * kv_heads_); }
  double specials() const { return softcap_ == 0 ? special_flops : 2 * special_flops; }  // exp, and tanh with its division
  double score(const double* q, const double* k) const {
    const double s = scale_ * dot(q, k);
    return softcap_ == 0 ? s : softcap_ * std::tanh(s / softcap_);
  }
  double dot(const double* a, const double* b) const {
    double sum = 0;
    for (int c = 0; c < hd_; c++) sum += a[c] * b[c];
    return sum;
  }
  // body(token, first token it reads, head, its query, place of token j's key)
  template <class Body>
  void each_query(int N, Body body, const double* q) const {
    for (int n = 0; n < N; n++)
      for (int h = 0; h < heads_; h++) {
        const int kv = h / (heads_ / kv_heads_);
        auto key = [&](int j) { return (size_t(j) * kv_heads_ + kv) * hd_; };
        body(n, n - std::min(n % T_, window_), h, q + (size_t(n) * heads_ + h) * hd_, key);
      }
  }
  int T_, heads_, kv_heads_, window_, hd_;
  float scale_, softcap_;
};

inline const Rule attention_rule{"attention", Causality::CausalMixer, shape_of_attention,
                                 [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> {
                                   return std::make_unique<AttentionOperation>(g, n);
                                 }};

}  // namespace swarm
