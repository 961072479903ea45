#include "engine/core/update_graph.h"

#include <algorithm>
#include <cmath>

#include "engine/core/refused.h"

namespace swarm {
namespace {

std::string shape_of(const UpdateNode& node) { return std::to_string(node.rows) + "x" + std::to_string(node.cols); }

UpdateNode leaf(UpdateOp op, int rows, int cols) {
  UpdateNode node;
  node.op = op;
  node.rows = rows;
  node.cols = cols;
  return node;
}

UpdateNode computed(UpdateOp op, std::vector<int> inputs, int rows, int cols) {
  UpdateNode node = leaf(op, rows, cols);
  node.inputs = std::move(inputs);
  return node;
}

}  // namespace

UpdateGraph::UpdateGraph(std::string name, int rows, int cols) : name_(std::move(name)) {
  append(leaf(UpdateOp::Parameter, rows, cols));
  append(leaf(UpdateOp::Gradient, rows, cols));
}

Value UpdateGraph::append(UpdateNode node) {
  if (nodes_.size() >= 1000) refuse("an update rule has more than 1000 nodes: describe a smaller one");
  nodes_.push_back(std::move(node));
  return {static_cast<int>(nodes_.size()) - 1};
}

const UpdateNode& UpdateGraph::at(Value value) const {
  if (value.node < 0 || value.node >= static_cast<int>(nodes_.size())) refuse("an update rule uses a value that it does not have");
  return nodes_[value.node];
}

Value UpdateGraph::state(int rows, int cols) {
  if (rows < 1 || cols < 1 || int64_t{rows} * cols > (int64_t{1} << 30))
    refuse("a state of " + std::to_string(rows) + "x" + std::to_string(cols) + " is empty or beyond 2^30 numbers");
  return append(leaf(UpdateOp::State, rows, cols));
}

Value UpdateGraph::number(UpdateOp op, float base) {
  UpdateNode node = leaf(op, 1, 1);
  node.known_before = true;
  node.base = base;
  if (!std::isfinite(base) || base < 0) refuse("a learning rate or weight decay must be 0 or more and finite");
  return append(node);
}

Value UpdateGraph::lr(float base) { return number(UpdateOp::Lr, base); }
Value UpdateGraph::momentum() { return number(UpdateOp::Momentum, 1); }
Value UpdateGraph::weight_decay(float base) { return number(UpdateOp::WeightDecay, base); }
Value UpdateGraph::step() { return number(UpdateOp::Step, 1); }

Value UpdateGraph::ew_program(const std::vector<Value>& inputs, const Program& program) {
  const std::string complaint = complaint_about(program);
  if (!complaint.empty()) refuse("an expression of an update rule " + complaint);
  if (inputs.size() != size_t(program.inputs)) refuse("an expression of an update rule has another number of inputs");
  UpdateNode node = computed(UpdateOp::Ew, {}, 1, 1);
  node.known_before = true;
  for (Value in : inputs) {
    node.rows = std::max(node.rows, at(in).rows);
    node.cols = std::max(node.cols, at(in).cols);
    node.known_before &= at(in).known_before;
    node.inputs.push_back(in.node);
  }
  for (Value in : inputs)
    if ((at(in).rows != 1 && at(in).rows != node.rows) || (at(in).cols != 1 && at(in).cols != node.cols))
      refuse("an expression of an update rule takes values of " + shape_of(at(in)) + " and " + shape_of(node) + ", which do not stretch to one shape");
  node.program = program;
  return append(node);
}

Value UpdateGraph::sum(Value x, Each each) {
  UpdateNode node = computed(UpdateOp::Sum, {x.node}, each == Each::Row ? at(x).rows : 1, each == Each::Column ? at(x).cols : 1);
  node.each = each;
  return append(node);
}

Value UpdateGraph::mean_square(Value x, Each each) {
  const UpdateNode of = at(x);
  const double count = (each == Each::Row ? 1.0 : of.rows) * (each == Each::Column ? 1.0 : of.cols);
  return ew({sum(ew({x}, [](auto x) { return square(x); }), each)}, [&](auto s) { return s / static_cast<float>(count); });
}

Value UpdateGraph::norm(Value x) {
  return ew({sum(ew({x}, [](auto x) { return square(x); }))}, [](auto s) { return sqrt(s); });
}

Value UpdateGraph::matmul(Value a, Value b, Product product) {
  const UpdateNode &left = at(a), &right = at(b);
  const bool turned_a = product == Product::AtB, turned_b = product == Product::ABt;
  const int inner = turned_a ? left.rows : left.cols, inner_b = turned_b ? right.cols : right.rows;
  if (inner != inner_b) refuse("an update rule multiplies " + shape_of(left) + " and " + shape_of(right) + ", whose inner sides differ");
  UpdateNode node = computed(UpdateOp::Matmul, {a.node, b.node}, turned_a ? left.cols : left.rows, turned_b ? right.rows : right.cols);
  node.product = product;
  return append(node);
}

Value UpdateGraph::polar(Value x, int steps) {
  if (steps < 1 || steps > 20) refuse("polar steps must be 1 to 20");
  UpdateNode node = computed(UpdateOp::Polar, {x.node}, at(x).rows, at(x).cols);
  node.steps = steps;
  return append(node);
}

void UpdateGraph::set(Value target, Value value) {
  const UpdateNode &to = at(target), &from = at(value);
  if (to.op != UpdateOp::Parameter && to.op != UpdateOp::State) refuse("an update rule may set its parameter and its states, nothing else");
  if (to.rows != from.rows || to.cols != from.cols) refuse("an update rule sets " + shape_of(to) + " to a value of " + shape_of(from));
  for (const auto& [other, unused] : sets_) if (other == target.node) refuse("an update rule sets a value twice: every value is that of before the step");
  sets_.push_back({target.node, value.node});
}

void UpdateGraph::require_whole() const {
  for (size_t n = 0; n < nodes_.size(); n++) {
    if (nodes_[n].op != UpdateOp::Parameter && nodes_[n].op != UpdateOp::State) continue;
    const bool set = std::any_of(sets_.begin(), sets_.end(), [&](const auto& s) { return s.first == static_cast<int>(n); });
    if (!set) refuse(n == 0 ? "an update rule never sets the parameter" : "an update rule never sets one of its states: set it or leave it out");
  }
}

}  // namespace swarm
