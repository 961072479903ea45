#include "engine/core/update_plan.h"

#include <algorithm>
#include <map>

#include "engine/optim/polar.h"

namespace swarm {
namespace {

constexpr size_t max_pass_code = 200;  // instructions: what still finds room in the first-level cache

class Planning {
 public:
  explicit Planning(const UpdateGraph& rule) : rule_(rule), nodes_(rule.nodes()) {
    place_.resize(nodes_.size());
    pass_of_.assign(nodes_.size(), -1);
  }

  UpdatePlan plan() {
    rule_.require_whole();
    find_needed();
    place_leaves();
    choose_passes();
    save_old_values();
    for (size_t i = 0; i < members_.size(); i++) add_pass(static_cast<int>(i));
    for (const auto& [target, value] : rule_.sets())
      if (!is_at(value, target)) add_copy(saved_.count(value) ? saved_[value] : place_[value], leaf_place(target), floats(target));
    finish();
    return std::move(out_);
  }

 private:
  const UpdateNode& node(int n) const { return nodes_[n]; }
  size_t floats(int n) const { return size_t(node(n).rows) * node(n).cols; }
  bool is_leaf(int n) const { return node(n).op <= UpdateOp::State; }
  bool is_elementwise(int n) const { return node(n).op == UpdateOp::Ew || node(n).op == UpdateOp::Sum; }
  // Elementwise work runs over the shape of what it reads.
  const UpdateNode& frame_of(int n) const { return node(n).op == UpdateOp::Sum ? node(node(n).inputs[0]) : node(n); }
  static bool same_shape(const UpdateNode& a, const UpdateNode& b) { return a.rows == b.rows && a.cols == b.cols; }

  void find_needed() {
    needed_.assign(nodes_.size(), false);
    for (const auto& [target, value] : rule_.sets()) needed_[value] = true;
    for (int n = static_cast<int>(nodes_.size()) - 1; n >= 0; n--)
      if (needed_[n]) for (int i : node(n).inputs) needed_[i] = true;
  }

  Place leaf_place(int n) const {
    if (node(n).op == UpdateOp::Parameter) return {Place::Parameter, 0};
    if (node(n).op == UpdateOp::Gradient) return {Place::Gradient, 0};
    return {Place::State, n};
  }

  void place_leaves() {
    out_.state_place.assign(nodes_.size(), 0);
    out_.number_place.assign(nodes_.size(), -1);
    int numbers = 0;
    for (size_t n = 0; n < nodes_.size(); n++) {
      if (is_leaf(int(n))) place_[n] = leaf_place(int(n));
      if (node(int(n)).op == UpdateOp::State) {
        out_.state_place[n] = out_.state_floats;
        out_.state_floats += (floats(int(n)) + 15) / 16 * 16;
      }
      if (!node(int(n)).known_before || !needed_[n]) continue;
      out_.numbers.push_back(int(n));
      out_.number_place[n] = numbers;
      place_[n] = {Place::Number, numbers++};
    }
    out_.number_buffer = buffer(size_t(std::max(numbers, 1)));
  }

  // Which nodes one pass computes: a run of elementwise nodes over one shape, none of which needs another's finished sum.
  void choose_passes() {
    for (int n = 0; n < static_cast<int>(nodes_.size()); n++) {
      if (!needed_[n] || is_leaf(n) || node(n).known_before) continue;
      if (members_.empty() || !joins(n)) members_.emplace_back();
      members_.back().push_back(n);
      pass_of_[n] = static_cast<int>(members_.size()) - 1;
    }
  }

  bool joins(int n) const {
    const std::vector<int>& group = members_.back();
    if (!is_elementwise(n) || !is_elementwise(group[0]) || !same_shape(frame_of(n), frame_of(group[0]))) return false;
    const int pass = static_cast<int>(members_.size()) - 1;
    size_t code = node(n).program.code.size();
    std::vector<int> reads = outside(n, pass);
    for (int m : group) {
      code += node(m).program.code.size();
      for (int i : outside(m, pass)) reads.push_back(i);
    }
    std::sort(reads.begin(), reads.end());
    reads.erase(std::unique(reads.begin(), reads.end()), reads.end());
    if (code > max_pass_code || reads.size() > size_t(max_ew_inputs) || group.size() + 1 >= size_t(max_ew_outputs)) return false;
    for (int i : node(n).inputs) if (pass_of_[i] == pass && node(i).op == UpdateOp::Sum) return false;
    return true;
  }

  std::vector<int> outside(int n, int pass) const {  // inputs that the pass does not compute itself
    std::vector<int> all;
    for (int i : node(n).inputs) if (pass_of_[i] != pass) all.push_back(i);
    return all;
  }

  int last_reader(int n) const {  // the last pass that reads it, -1
    int last = -1;
    for (size_t m = 0; m < nodes_.size(); m++)
      if (needed_[m] && pass_of_[m] >= 0 && std::count(node(int(m)).inputs.begin(), node(int(m)).inputs.end(), n)) last = std::max(last, pass_of_[m]);
    return last;
  }

  // set(a, b) of two old values: b may be overwritten before it is copied, so it is put aside first.
  void save_old_values() {
    for (const auto& [target, value] : rule_.sets()) {
      const bool old = node(value).op == UpdateOp::Parameter || node(value).op == UpdateOp::State;
      if (!old || value == target || saved_.count(value)) continue;
      const Place aside{Place::Scratch, buffer(floats(value))};
      add_copy(place_[value], aside, floats(value));
      saved_[value] = aside;
    }
  }

  // Where a computed value goes: into what it is set to, if nobody reads the old value there any more, else into scratch.
  Place destination(int n, int pass) {
    const bool element_by_element = node(n).op == UpdateOp::Ew;  // a pass may overwrite what it has just read
    for (const auto& [target, value] : rule_.sets())
      if (value == n && (element_by_element ? last_reader(target) <= pass : last_reader(target) < pass)) return leaf_place(target);
    return {Place::Scratch, buffer(floats(n))};
  }

  bool is_at(int value, int target) const {
    const Place to = leaf_place(target), at = place_[value];
    return value == target || (at.where == to.where && at.index == to.index);
  }

  int now() const { return static_cast<int>(out_.passes.size()); }
  int buffer(size_t count) {
    out_.buffers.push_back({count * sizeof(float), now(), now(), 0});
    return static_cast<int>(out_.buffers.size()) - 1;
  }
  void push(Pass pass) {
    for (const std::vector<Place>* list : {&pass.in, &pass.out})
      for (const Place& p : *list) if (p.where == Place::Scratch) out_.buffers[p.index].last = now();
    out_.passes.push_back(std::move(pass));
  }
  void add_copy(Place from, Place to, size_t count) {
    Pass pass;
    pass.in = {from};
    pass.out = {to};
    pass.cols = static_cast<int>(count);
    pass.work = {0, 8.0 * double(count)};
    push(std::move(pass));
  }

  void add_pass(int index) {
    const int first = members_[index][0];
    if (is_elementwise(first)) return add_tiles(index);
    const UpdateNode& n = node(first);
    Pass pass;
    pass.rows = n.rows;
    pass.cols = n.cols;
    const double out = double(floats(first));
    for (int i : n.inputs) pass.in.push_back(place_[i]);
    if (n.op == UpdateOp::Matmul) {
      const UpdateNode& a = node(n.inputs[0]);
      pass.kind = Pass::Matmul;
      pass.product = n.product;
      pass.inner = n.product == Product::AtB ? a.rows : a.cols;
      pass.gram = n.inputs[0] == n.inputs[1] && n.product != Product::AB;
      pass.work = {(pass.gram ? 1.0 : 2.0) * out * pass.inner, 4 * (double(floats(n.inputs[0])) + double(floats(n.inputs[1])) + out)};
    } else {
      pass.kind = Pass::Polar;
      pass.steps = n.steps;
      pass.scratch = buffer(size_t(optim::polar_scratch_floats(n.rows, n.cols)));
      const auto work = optim::polar_work(n.rows, n.cols, n.steps);
      pass.work = {work.flops, work.bytes};
    }
    pass.out = {place_[first] = destination(first, index)};
    push(std::move(pass));
  }

  Broadcast kind_of(const UpdateNode& value, const UpdateNode& frame) const {
    if (same_shape(value, frame)) return Broadcast::Full;
    return value.rows == 1 && value.cols == 1 ? Broadcast::Single : value.cols == 1 ? Broadcast::Head : Broadcast::Channel;
  }

  void add_tiles(int index);
  void finish();

  const UpdateGraph& rule_;
  const std::vector<UpdateNode>& nodes_;
  std::vector<bool> needed_;
  std::vector<Place> place_;             // by node, once it has one
  std::vector<int> pass_of_;             // by node, -1
  std::vector<std::vector<int>> members_;
  std::map<int, Place> saved_;
  UpdatePlan out_;
};

// One program out of many: each member's instructions behind those of the members it reads.
void Planning::add_tiles(int index) {
  const std::vector<int>& members = members_[index];
  const UpdateNode& frame = frame_of(members[0]);
  std::vector<int> reads;  // nodes, in the order of the program's inputs
  for (int m : members)
    for (int i : outside(m, index)) if (!std::count(reads.begin(), reads.end(), i)) reads.push_back(i);
  Program program;
  program.inputs = static_cast<int>(reads.size());
  std::map<int, int> value;  // of the program, by node
  for (size_t i = 0; i < reads.size(); i++) value[reads[i]] = static_cast<int>(i);
  std::vector<int> results;
  for (int m : members) {
    const UpdateNode& n = node(m);
    if (n.op == UpdateOp::Sum) {
      value[m] = value[n.inputs[0]];
    } else {
      std::vector<int> at;
      for (int i : n.inputs) at.push_back(value[i]);
      auto moved = [&](int operand) { return operand < 0 ? -1 : at[operand]; };
      for (const Instruction& i : n.program.code) {
        program.code.push_back({i.calc, moved(i.a), moved(i.b), i.constant, moved(i.c)});
        at.push_back(program.inputs + static_cast<int>(program.code.size()) - 1);
      }
      value[m] = at[n.program.outputs[0]];
    }
    bool is_set = false;
    for (const auto& [target, from] : rule_.sets()) is_set |= from == m;
    if (n.op == UpdateOp::Sum || is_set || last_reader(m) > index) results.push_back(m);
  }
  for (int m : results) program.outputs.push_back(value[m]);
  program = simplified(program);

  // Results that are an input as it stands come first: they are copied before anything of their tile is overwritten.
  std::vector<size_t> order;
  for (bool as_it_stands : {true, false})
    for (size_t r = 0; r < results.size(); r++) if ((program.outputs[r] < program.inputs) == as_it_stands) order.push_back(r);
  Program ordered = program;
  Pass pass;
  std::vector<Broadcast> in_kinds, out_kinds;
  std::vector<int> in_widths, out_widths, in_place;
  double numbers = 0;
  for (int i : reads) {
    pass.in.push_back(place_[i]);
    in_kinds.push_back(kind_of(node(i), frame));
    in_widths.push_back(node(i).cols);
    numbers += double(floats(i));
  }
  for (size_t o = 0; o < order.size(); o++) {
    const int m = results[order[o]];
    ordered.outputs[o] = program.outputs[order[o]];
    const bool as_it_stands = ordered.outputs[o] < program.inputs;
    place_[m] = as_it_stands ? Place{Place::Scratch, buffer(floats(m))} : destination(m, index);
    pass.out.push_back(place_[m]);
    out_kinds.push_back(kind_of(node(m), frame));
    out_widths.push_back(node(m).cols);
    in_place.push_back(-1);
    for (size_t i = 0; i < reads.size(); i++)
      if (pass.in[i].where == place_[m].where && pass.in[i].index == place_[m].index) in_place.back() = static_cast<int>(i);
    numbers += double(floats(m));
  }
  const auto flat = [](Broadcast b) { return b == Broadcast::Full || b == Broadcast::Single; };
  const bool is_flat = std::all_of(in_kinds.begin(), in_kinds.end(), flat) && std::all_of(out_kinds.begin(), out_kinds.end(), flat);
  pass.kind = Pass::Tiles;
  pass.rows = is_flat ? 1 : frame.rows;
  const int width = is_flat ? frame.rows * frame.cols : frame.cols;
  pass.tiles = std::make_unique<TileProgram>(ordered, width, in_kinds, in_widths, out_kinds, out_widths, in_place);
  pass.scratch = buffer(pass.tiles->scratch_floats());
  pass.work = {pass.tiles->flops_per_element() * frame.rows * frame.cols, 4 * numbers};
  push(std::move(pass));
}

void Planning::finish() {
  out_.buffers[out_.number_buffer].last = now();
  out_.scratch_bytes = swarm::plan(out_.buffers);
  for (const Pass& pass : out_.passes) {
    out_.work.flops += pass.work.flops;
    out_.work.bytes += pass.work.bytes;
  }
}

}  // namespace

UpdatePlan plan_update(const UpdateGraph& rule) { return Planning(rule).plan(); }

}  // namespace swarm
