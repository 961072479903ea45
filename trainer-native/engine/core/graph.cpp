#include "engine/core/graph.h"

#include <cmath>

#include "engine/ops/op.h"

namespace swarm {

void require_shape(const Shape& s) {
  if (s.rows < 1 || s.T < 1 || s.T > (1 << 20) || int64_t{s.rows} * s.T > (1 << 28))
    refuse(std::to_string(s.rows) + " rows of " + std::to_string(s.T) + " tokens make no step: take at least 1 of both and at most 2^28 tokens");
  if (s.vocab < 2 || s.vocab > 65536)
    refuse("a vocabulary of " + std::to_string(s.vocab) + " does not fit 16-bit tokens: 2 to 65536");
}

Graph::Graph(const Shape& shape) : shape_(shape) { require_shape(shape); }

Tensor Graph::append(Node node) {
  if (nodes_.size() >= 20000) refuse("the graph has more than 20000 nodes: describe a smaller network");
  if (node.inputs.size() > max_inputs) refuse("an op takes at most " + std::to_string(max_inputs) + " inputs");
  for (int i : node.inputs)
    if (i < 0 || i >= static_cast<int>(nodes_.size())) refuse("an op uses a tensor that this graph does not have");
  rule(node.op).shape(*this, node);
  if (node.cols < 1 || node.cols > (1 << 20))
    refuse(std::string(rule(node.op).name) + " would have " + std::to_string(node.cols) + " channels: keep 1 to 1048576");
  nodes_.push_back(std::move(node));
  return {static_cast<int>(nodes_.size()) - 1};
}

namespace {
Node make(Op op, std::vector<int> inputs, std::array<int, 4> ints = {}, std::array<float, 2> floats = {}) {
  Node node;
  node.op = op;
  node.inputs = std::move(inputs);
  node.ints = ints;
  node.floats = floats;
  return node;
}
}  // namespace

Tensor Graph::tokens() {
  for (size_t i = 0; i < nodes_.size(); i++)
    if (nodes_[i].op == Op::Tokens) return {static_cast<int>(i)};
  return append(make(Op::Tokens, {}));
}

Tensor Graph::param(const std::string& name, int rows, int cols, Init init) {
  Node node = make(Op::Param, {});
  node.rows = rows;
  node.cols = cols;
  node.name = name;
  node.init = init;
  return append(node);
}

Tensor Graph::embed(Tensor table) { return append(make(Op::Embed, {tokens().node, table.node})); }
Tensor Graph::linear(Tensor x, Tensor weight) { return append(make(Op::Linear, {x.node, weight.node})); }
Tensor Graph::rmsnorm(Tensor x, int group) { return append(make(Op::RmsNorm, {x.node}, {group})); }
Tensor Graph::rope(Tensor x, int head_dim, float base) { return append(make(Op::Rope, {x.node}, {head_dim}, {base})); }
Tensor Graph::token_shift(Tensor x, int k) { return append(make(Op::TokenShift, {x.node}, {k})); }
Tensor Graph::conv(Tensor x, Tensor weight) { return append(make(Op::Conv, {x.node, weight.node})); }
Tensor Graph::scan(Tensor a, Tensor b) { return append(make(Op::Scan, {a.node, b.node})); }
Tensor Graph::slice(Tensor x, int first, int count) { return append(make(Op::Slice, {x.node}, {first, count})); }

Tensor Graph::attention(Tensor q, Tensor k, Tensor v, const AttentionOptions& o) {
  const int kv_heads = o.kv_heads ? o.kv_heads : o.heads;
  return append(make(Op::Attention, {q.node, k.node, v.node}, {o.heads, kv_heads, o.window}, {o.scale, o.softcap}));
}

Tensor Graph::concat(const std::vector<Tensor>& parts) {
  std::vector<int> inputs;
  for (Tensor t : parts) inputs.push_back(t.node);
  return append(make(Op::Concat, std::move(inputs)));
}

Tensor Graph::custom(const std::string& name, const std::vector<Tensor>& inputs, int cols, const CustomFunctions* functions) {
  std::vector<int> nodes;
  for (Tensor t : inputs) nodes.push_back(t.node);
  Node node = make(Op::Custom, std::move(nodes), {cols});
  node.name = name;
  node.custom = functions;
  return append(node);
}

Tensor Graph::ew_program(const std::vector<Tensor>& inputs, const Program& program) {
  std::vector<int> nodes;
  for (Tensor t : inputs) nodes.push_back(t.node);
  Node node = make(Op::Ew, std::move(nodes));
  node.program = program;
  return append(node);
}

void Graph::output(Tensor logits) {
  if (output_ >= 0) refuse("output is declared twice: a network has one");
  if (logits.node < 0 || logits.node >= static_cast<int>(nodes_.size())) refuse("output names a tensor that this graph does not have");
  const Node& node = nodes_[logits.node];
  if (node.op == Op::Tokens || node.op == Op::Param) refuse("output must be computed from the tokens");
  if (node.cols != shape_.vocab)
    refuse("output has " + std::to_string(node.cols) + " channels, the vocabulary needs " + std::to_string(shape_.vocab));
  output_ = logits.node;
}

Graph with_rows(const Graph& graph, int rows) {
  Shape shape = graph.shape();
  shape.rows = rows;
  Graph again(shape);
  for (const Node& node : graph.nodes()) again.append(node);
  again.output({graph.output_node()});
  return again;
}

}  // namespace swarm
