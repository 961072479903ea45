#include "engine/ref/reference.h"

#include <algorithm>
#include <cmath>

#include "engine/core/layout.h"

namespace swarm {

Reference::Reference(const Graph& graph, int rows) : graph_(graph), N_(rows * graph.shape().T), live_(live_nodes(graph)) {
  const size_t count = graph_.nodes().size();
  values.resize(count);
  gradients.resize(count);
  aux_.resize(count);
  for (size_t n = 0; n < count; n++) {
    const Node& node = graph_.nodes()[n];
    operations_.push_back(live_[n] && rule(node.op).make ? rule(node.op).make(graph_, node) : nullptr);
    if (node.op == Op::Param) values[n].resize(size_t(node.rows) * node.cols);
    else values[n].resize(size_t(N_) * node.cols);
    if (operations_[n]) aux_[n].resize(operations_[n]->aux_floats(N_));
  }
}

Frame<double> Reference::frame(int n, const uint16_t* tokens) {
  Frame<double> f;
  f.N = N_;
  f.T = graph_.shape().T;
  f.tokens = tokens;
  f.out = values[n].data();
  f.aux = aux_[n].data();
  f.dout = gradients[n].data();
  const std::vector<int>& inputs = graph_.nodes()[n].inputs;
  for (size_t i = 0; i < inputs.size(); i++) {
    f.in[i] = values[inputs[i]].data();
    f.din[i] = gradients[inputs[i]].data();
    f.add[i] = true;
  }
  return f;
}

const std::vector<double>& Reference::forward(const uint16_t* tokens) {
  for (size_t n = 0; n < operations_.size(); n++)
    if (operations_[n]) operations_[n]->forward(frame(static_cast<int>(n), tokens));
  return values[graph_.output_node()];
}

double Reference::loss(const uint16_t* tokens, const uint16_t* targets) {
  const std::vector<double>& logits = forward(tokens);
  const int V = graph_.shape().vocab;
  double sum = 0;
  for (int n = 0; n < N_; n++) {
    const double* l = &logits[size_t(n) * V];
    const double top = *std::max_element(l, l + V);
    double total = 0;
    for (int v = 0; v < V; v++) total += std::exp(l[v] - top);
    sum += std::log(total) + top - l[targets[n]];
  }
  return sum / N_;
}

void Reference::backward(const uint16_t* tokens, std::vector<double> output_gradient) {
  for (size_t n = 0; n < values.size(); n++) gradients[n].assign(values[n].size(), 0.0);
  gradients[graph_.output_node()] = std::move(output_gradient);
  for (int n = static_cast<int>(operations_.size()) - 1; n >= 0; n--)
    if (operations_[n]) operations_[n]->backward(frame(n, tokens));
}

double Reference::loss_and_gradients(const uint16_t* tokens, const uint16_t* targets) {
  const double mean = loss(tokens, targets);
  const int V = graph_.shape().vocab;
  std::vector<double> d = values[graph_.output_node()];
  for (int n = 0; n < N_; n++) {
    double* l = &d[size_t(n) * V];
    const double top = *std::max_element(l, l + V);
    double total = 0;
    for (int v = 0; v < V; v++) total += std::exp(l[v] - top);
    for (int v = 0; v < V; v++) l[v] = (std::exp(l[v] - top) / total - (v == targets[n])) / N_;
  }
  backward(tokens, std::move(d));
  return mean;
}

}  // namespace swarm
