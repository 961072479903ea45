#include "engine/ref/update_reference.h"

#include "engine/core/calculate.h"
#include "engine/optim/reference.h"

namespace swarm {

UpdateReference::UpdateReference(const UpdateGraph& rule) : rule_(rule) {
  for (const UpdateNode& node : rule_.nodes()) values.emplace_back(size_t(node.rows) * node.cols);
}

void UpdateReference::run(const std::vector<double>& gradient, long step, const Schedule& schedule) {
  for (size_t n = 0; n < values.size(); n++) compute(static_cast<int>(n), gradient, step, schedule);
  auto after = values;  // every value is of before the step
  for (const auto& [target, value] : rule_.sets()) after[target] = values[value];
  values = std::move(after);
}

void UpdateReference::compute(int n, const std::vector<double>& gradient, long step, const Schedule& schedule) {
  const UpdateNode& node = rule_.nodes()[n];
  std::vector<double>& out = values[n];
  const auto in = [&](int i) -> const std::vector<double>& { return values[node.inputs[i]]; };
  switch (node.op) {
    case UpdateOp::Parameter: case UpdateOp::State: break;
    case UpdateOp::Gradient: out = gradient; break;
    case UpdateOp::Lr: out[0] = double(node.base) * schedule.lr; break;
    case UpdateOp::Momentum: out[0] = schedule.momentum; break;
    case UpdateOp::WeightDecay: out[0] = double(node.base) * schedule.weight_decay; break;
    case UpdateOp::Step: out[0] = double(step); break;
    case UpdateOp::Ew: {
      std::vector<double> v(node.program.inputs + node.program.code.size());
      for (int r = 0; r < node.rows; r++)
        for (int c = 0; c < node.cols; c++) {
          for (size_t i = 0; i < node.inputs.size(); i++) {
            const UpdateNode& from = rule_.nodes()[node.inputs[i]];
            v[i] = in(int(i))[size_t(from.rows == 1 ? 0 : r) * from.cols + (from.cols == 1 ? 0 : c)];
          }
          calculate<LibraryFunctions>(node.program, v.data());
          out[size_t(r) * node.cols + c] = v[node.program.outputs[0]];
        }
      break;
    }
    case UpdateOp::Sum: {
      const UpdateNode& from = rule_.nodes()[node.inputs[0]];
      std::fill(out.begin(), out.end(), 0.0);
      for (int r = 0; r < from.rows; r++)
        for (int c = 0; c < from.cols; c++)
          out[node.each == Each::Row ? r : node.each == Each::Column ? c : 0] += in(0)[size_t(r) * from.cols + c];
      break;
    }
    case UpdateOp::Matmul: {
      const UpdateNode &a = rule_.nodes()[node.inputs[0]], &b = rule_.nodes()[node.inputs[1]];
      const auto left = node.product == Product::AtB ? optim::reference::transposed(a.rows, a.cols, in(0)) : in(0);
      const auto right = node.product == Product::ABt ? optim::reference::transposed(b.rows, b.cols, in(1)) : in(1);
      out = optim::reference::times(node.rows, node.product == Product::AtB ? a.rows : a.cols, node.cols, left, right);
      break;
    }
    case UpdateOp::Polar:
      out = in(0);
      optim::reference::polar(node.rows, node.cols, node.steps, out);
      break;
  }
}

}  // namespace swarm
