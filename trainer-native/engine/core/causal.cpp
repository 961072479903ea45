#include "engine/core/custom_check.h"
#include "engine/core/layout.h"
#include "engine/core/network.h"

namespace swarm {

// Causality is a property of the ops: if every activation comes from a tokenwise op or a causal mixer, and everything that
// enters a product as a matrix is a parameter, then no position can see a later one or another row, whatever the weights are.
void require_causal(const Graph& graph) {
  const std::vector<bool> live = live_nodes(graph);
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    if (!live[n]) continue;
    Node again = graph.nodes()[n];
    const Rule& r = rule(again.op);
    const std::string where = "node " + std::to_string(n) + " (" + r.name + ")";
    if (r.causality == Causality::Leaf) continue;
    if (r.causality == Causality::Unproved && !again.custom && !again.answered)
      refuse("node " + std::to_string(n) + " is custom_op " + again.name + ", code of the experiment's own that is not here: causality cannot be proved" +
             " from the graph, and nothing can be scored without running that code (judge … --own-code TRAINER)");
    if (r.causality != Causality::Unproved && r.causality != Causality::Tokenwise && r.causality != Causality::CausalMixer) refuse(where + " mixes tokens: it could see the future");
    if (again.rows != 0) refuse(where + " does not have one row per token");
    for (int i : again.inputs)
      if (i < 0 || i >= static_cast<int>(n)) refuse(where + " uses a tensor that does not exist before it");
    r.shape(graph, again);  // refuses an activation where a parameter belongs, a window that looks ahead, ...
    const int said = graph.nodes()[n].cols;
    if (again.cols != said)
      refuse(where + " says it has " + std::to_string(said) + " channels, its inputs give " + std::to_string(again.cols));
    if (r.causality == Causality::Unproved && again.custom) require_honest_custom(graph, static_cast<int>(n));
  }
}

}  // namespace swarm
