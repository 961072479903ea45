#include "engine/cuda/tables.h"

#include <map>
#include <utility>

#include "engine/cpu/kernels.h"

namespace swarm::cuda {
namespace {

size_t floats_of(const Graph& graph, const Node& node) { return (size_t(graph.shape().T) * node.ints[0] + 63) / 64 * 64; }  // the next starts aligned

}  // namespace

size_t table_bytes(const Graph& graph) {
  size_t floats = 1;
  for (const Node& node : graph.nodes())
    if (node.op == Op::Rope) floats += floats_of(graph, node);
  return floats * sizeof(float);
}

std::vector<const float*> fill_tables(const Graph& graph, const Memory& memory) {
  std::vector<const float*> tables(graph.nodes().size(), nullptr);
  std::map<std::pair<int, float>, const float*> known;
  const int T = graph.shape().T;
  size_t at = 0;
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    const Node& node = graph.nodes()[n];
    if (node.op != Op::Rope) continue;
    const float*& table = known[{node.ints[0], node.floats[0]}];
    if (!table) {
      std::vector<float> numbers(size_t(T) * node.ints[0]);
      cpu::rope_table(T, node.ints[0], node.floats[0], numbers.data(), numbers.data() + numbers.size() / 2);
      upload(memory.at(at), numbers.data(), numbers.size() * sizeof(float));
      table = reinterpret_cast<const float*>(memory.at(at));
      at += floats_of(graph, node) * sizeof(float);
    }
    tables[n] = table;
  }
  return tables;
}

}  // namespace swarm::cuda
