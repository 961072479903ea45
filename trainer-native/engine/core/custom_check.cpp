#include "engine/core/custom_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/core/philox.h"
#include "engine/ops/op.h"

namespace swarm {
namespace {

constexpr double before = 0.5;  // what gradients hold when backward is called: it must add to them
constexpr int rows = 3;  // of T tokens: one more than a shard needs, so that an order of rows is not its own reverse

class Numbers {  // uniform in [-2, 2), from a stream of the check's own
 public:
  explicit Numbers(uint64_t stream) : stream_(stream) {}
  double next() { return philox(0x637573746f6dull, stream_, drawn_++)[0] * 0x1p-30 - 2; }
  std::vector<double> many(size_t count) {
    std::vector<double> all(count);
    for (double& x : all) x = float(next());  // both precisions start from the same numbers
    return all;
  }

 private:
  uint64_t stream_, drawn_ = 0;
};

template <class Real>
using Arrays = std::vector<std::vector<Real>>;

template <class To, class From>
std::vector<To> as(const std::vector<From>& from) { return std::vector<To>(from.begin(), from.end()); }

double length(const std::vector<double>& x) {
  double squares = 0;
  for (double v : x) squares += v * v;
  return std::sqrt(squares);
}

class Trial {
 public:
  Trial(const Graph& graph, int n) : graph_(graph), node_(graph.nodes()[n]), T_(graph.shape().T), who_("custom_op " + node_.name + ": ") {
    Numbers numbers(1);
    for (int i : node_.inputs) {
      const Node& in = graph.nodes()[i];
      per_token_.push_back(in.op != Op::Param);
      inputs_.push_back(numbers.many(size_t(in.op == Op::Param ? in.rows : rows * T_) * in.cols));
    }
    dout_ = numbers.many(size_t(rows) * T_ * node_.cols);
  }

  void run() {
    const std::vector<double> out = forward(inputs_, rows);
    for (double v : out) if (!std::isfinite(v)) refuse(who_ + "its output is not finite, or not written, for inputs between -2 and 2");
    const Arrays<double> gradients = backward(inputs_, out);
    for (size_t i = 0; i < inputs_.size(); i++) require_gradient(i, gradients[i]);
    require_float32(out, gradients);
    require_row_by_row();
    for (int cut = 0; cut < 8 && T_ > 1; cut++) require_blind(cut);
  }

 private:
  // An array between two guards.
  template <class Real>
  struct Guarded {
    static constexpr size_t guard = 64;
    std::vector<Real> all;
    Guarded(size_t count, Real start) : all(count + 2 * guard, Real(12345)) { std::fill_n(values(), count, start); }
    Real* values() { return all.data() + guard; }
    size_t size() const { return all.size() - 2 * guard; }
    bool whole() const {
      for (size_t i = 0; i < guard; i++) if (all[i] != Real(12345) || all[all.size() - 1 - i] != Real(12345)) return false;
      return true;
    }
  };

  template <class Real>
  std::vector<Real> forward(const Arrays<Real>& inputs, int of_rows) const {
    Guarded<Real> out(size_t(of_rows) * T_ * node_.cols, std::numeric_limits<Real>::quiet_NaN());
    Frame<Real> f = frame(inputs, of_rows);
    f.out = out.values();
    call(f, true);
    if (!out.whole()) refuse(who_ + "forward writes outside its output of N x " + std::to_string(node_.cols));
    return std::vector<Real>(out.values(), out.values() + out.size());
  }

  template <class Real>
  Arrays<Real> backward(const Arrays<Real>& inputs, std::vector<Real> out) const {
    std::vector<Guarded<Real>> slopes;
    for (const auto& in : inputs) slopes.emplace_back(in.size(), Real(before));
    const std::vector<Real> dout = as<Real>(dout_);
    Frame<Real> f = frame(inputs, rows);
    f.out = out.data();
    f.dout = dout.data();
    for (size_t i = 0; i < inputs.size(); i++) f.din[i] = slopes[i].values(), f.add[i] = true;
    call(f, false);
    Arrays<Real> gradients;
    for (auto& s : slopes) {
      if (!s.whole()) refuse(who_ + "backward writes outside the gradients of its inputs");
      gradients.emplace_back(s.values(), s.values() + s.size());
      for (Real& x : gradients.back()) x -= Real(before);
    }
    return gradients;
  }

  template <class Real>
  Frame<Real> frame(const Arrays<Real>& inputs, int of_rows) const {
    Frame<Real> f;
    f.N = of_rows * T_;
    f.T = T_;
    for (size_t i = 0; i < inputs.size(); i++) f.in[i] = inputs[i].data();
    return f;
  }
  void call(const Frame<float>& f, bool ahead) const { (ahead ? node_.custom->forward : node_.custom->backward)(f); }
  void call(const Frame<double>& f, bool ahead) const { (ahead ? node_.custom->forward64 : node_.custom->backward64)(f); }

  double loss(const Arrays<double>& inputs) const {
    const std::vector<double> out = forward(inputs, rows);
    double sum = 0;
    for (size_t i = 0; i < out.size(); i++) sum += out[i] * dout_[i];
    return sum;
  }

  // Two of three directions must agree: a kink, as relu has one, may lie on one of them.
  void require_gradient(size_t input, const std::vector<double>& gradient) {
    constexpr double h = 1e-7;
    int agree = 0;
    double slope = 0, said = 0;
    for (int direction = 0; direction < 3; direction++) {
      const std::vector<double> d = Numbers(10 + 3 * input + uint64_t(direction)).many(gradient.size());
      Arrays<double> moved = inputs_;
      const auto loss_at = [&](double by) {
        for (size_t i = 0; i < d.size(); i++) moved[input][i] = inputs_[input][i] + by * d[i];
        return loss(moved);
      };
      slope = (loss_at(h) - loss_at(-h)) / (2 * h);
      said = 0;
      for (size_t i = 0; i < d.size(); i++) said += d[i] * gradient[i];
      agree += std::fabs(slope - said) <= 1e-6 * (length(gradient) + std::fabs(slope)) + 1e-7;
    }
    if (agree < 2)
      refuse(who_ + "its backward is not the gradient of its forward: along a random direction of input " + std::to_string(input) + " it says " +
             std::to_string(said) + ", a difference says " + std::to_string(slope) + " (din is added to, not overwritten)");
  }

  void require_float32(const std::vector<double>& out, const Arrays<double>& gradients) {
    for (const auto& in : inputs_) inputs32_.push_back(as<float>(in));
    out32_ = forward(inputs32_, rows);
    require_close("its float32 output", as<double>(out32_), out);
    const Arrays<float> gradients32 = backward(inputs32_, out32_);
    for (size_t i = 0; i < gradients.size(); i++) require_close("its float32 gradient of input " + std::to_string(i), as<double>(gradients32[i]), gradients[i]);
    if (!same(forward(inputs32_, rows), 0, 0, out32_.size())) refuse(who_ + "the same inputs gave two different outputs");
  }

  void require_close(const std::string& what, std::vector<double> is, const std::vector<double>& wanted) const {
    for (size_t i = 0; i < is.size(); i++) is[i] -= wanted[i];
    if (!(length(is) <= 1e-4 * length(wanted) + 1e-6)) refuse(who_ + what + " is not that of float64");
  }

  // Rows in another order, and one row alone, as another split into shards would have them.
  void require_row_by_row() const {
    const size_t width = size_t(T_) * node_.cols;
    const int order[rows] = {2, 0, 1};
    std::vector<int> alone{1};
    const std::vector<float> turned = forward(with_rows(std::vector<int>(order, order + rows)), rows), single = forward(with_rows(alone), 1);
    for (int r = 0; r < rows; r++)
      if (!same(turned, size_t(r) * width, size_t(order[r]) * width, width)) refuse(who_ + "a row's output depends on where the row stands or on other rows");
    if (!same(single, 0, width, width)) refuse(who_ + "a row's output depends on how many rows there are");
  }

  Arrays<float> with_rows(const std::vector<int>& order) const {
    Arrays<float> moved;
    for (size_t i = 0; i < inputs32_.size(); i++) {
      if (!per_token_[i]) {
        moved.push_back(inputs32_[i]);
        continue;
      }
      const long width = long(inputs32_[i].size() / rows);
      moved.emplace_back();
      for (int r : order) moved.back().insert(moved.back().end(), inputs32_[i].begin() + r * width, inputs32_[i].begin() + (r + 1) * width);
    }
    return moved;
  }

  // Everything of row 1 after a cut, and all of row 2, becomes something else.
  void require_blind(int round) const {
    Numbers numbers(100 + uint64_t(round));
    const int cut = int(std::fabs(numbers.next()) / 2 * (T_ - 1));  // the last token that keeps its place: 0 .. T-2
    Arrays<float> changed = inputs32_;
    for (size_t i = 0; i < changed.size(); i++) {
      if (!per_token_[i]) continue;
      const size_t token = changed[i].size() / size_t(rows * T_);
      for (size_t at = (size_t(T_) + cut + 1) * token; at < changed[i].size(); at++) changed[i][at] = float(round % 2 ? 100 * numbers.next() : numbers.next());
    }
    const std::vector<float> out = forward(changed, rows);
    if (!same(out, 0, 0, (size_t(T_) + cut + 1) * node_.cols))
      refuse(who_ + "it sees the future or another row: changing what comes after token " + std::to_string(cut) + " of a row moved its output before");
  }

  bool same(const std::vector<float>& a, size_t at, size_t of, size_t count) const {
    return !std::memcmp(a.data() + at, out32_.data() + of, count * sizeof(float));
  }

  const Graph& graph_;
  const Node& node_;
  int T_;
  std::string who_;
  std::vector<bool> per_token_;
  Arrays<double> inputs_;
  Arrays<float> inputs32_;
  std::vector<double> dout_;
  std::vector<float> out32_;
};

}  // namespace

std::vector<std::string> custom_ops(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes())
    if (node.op == Op::Custom && !std::count(names.begin(), names.end(), node.name)) names.push_back(node.name);
  return names;
}

void require_honest_custom(const Graph& graph, int node) { Trial(graph, node).run(); }

}  // namespace swarm
