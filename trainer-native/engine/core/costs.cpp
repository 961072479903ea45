#include "engine/core/costs.h"

#include "engine/core/update.h"

namespace swarm {

std::vector<Cost> costs_of(const Graph& graph, const Layout& layout, int N, int parts, const Optimizer* optimizer) {
  std::vector<Cost> costs;
  const double logits = double(N) * graph.shape().vocab;
  for (const Step& step : layout.steps) {
    const Operation& op = *layout.operations[size_t(step.node)];
    const Work w = step.phase == Phase::Loss      ? Work{logits * (special_flops + 4), 8 * logits, 0.7}
                   : step.phase == Phase::Forward ? op.forward_work(N)
                                                  : op.backward_work(N);
    const char* name = step.phase == Phase::Loss ? "cross_entropy" : rule(graph.nodes()[size_t(step.node)].op).name;
    costs.push_back({name, parts * w.flops, parts * w.bytes, w.pace});
  }
  for (const Node& node : graph.nodes()) {
    if (!optimizer || node.op != Op::Param) continue;
    const double count = double(node.rows) * node.cols;
    const Work w = Update(node, optimizer->group_of(node.name)).work();
    costs.push_back({"update", w.flops + count, w.bytes + 12 * count, w.pace});  // and the sum over parts
  }
  return costs;
}

}  // namespace swarm
