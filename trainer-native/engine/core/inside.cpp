// Setting a network up: everything is checked, planned and allocated here, before step 1.
#include "engine/core/inside.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "engine/core/costs.h"
#include "engine/cpu/kernels.h"

namespace swarm {

constexpr size_t huge_page = size_t{2} << 20;  // bytes

namespace {

// Portions of equal size, as large as portion_tokens allows but of a row at least. It depends on the shape alone: sums over
// portions round as portions fall.
int portions_of(int rows, int T) {
  int portion = rows;
  while (portion > 1 && (rows % portion || int64_t(portion) * T > portion_tokens)) portion--;
  return rows / portion;
}

}  // namespace

Network::Inside::Inside(const Graph& g, const Optimizer* optimizer, const Running& running)
    : graph(g), training(optimizer != nullptr) {
  cpu::kernels();  // an impossible instruction set is refused here, not in a worker
  require_causal(graph);
  const Shape& shape = graph.shape();
  if (training && shape.rows % shards)
    refuse("a step needs an even number of rows, it has " + std::to_string(shape.rows) + ": change the tokens per step");
  if (running.workers < 1 || running.workers > shards) refuse("workers must be 1 or 2");
  N = shape.rows * shape.T / (training ? shards : 1);
  arenas = training ? running.workers : 1;
  portions = training ? portions_of(shape.rows / shards, shape.T) : 1;
  layout = lay_out(graph, N / portions, training, true);
  list_parameters(optimizer);
  reserve(running);
  bind();
  costs = costs_of(graph, layout, N, training ? shards : 1, optimizer);
  if (training) share_updates();
  if (running.measure) for (int a = 0; a < arenas; a++) seconds[a].assign(costs.size(), 0.0);
  crew = std::make_unique<Crew>(arenas);
}

Network::Inside::~Inside() { std::free(memory); }

size_t Network::Inside::take(size_t floats) {
  constexpr size_t line = arena_alignment / sizeof(float);
  const size_t at = memory_floats;
  memory_floats += (floats + line - 1) / line * line;
  return at;
}

void Network::Inside::list_parameters(const Optimizer* optimizer) {
  const std::vector<bool> live = live_nodes(graph);
  learned_of.assign(graph.nodes().size(), -1);
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    const Node& node = graph.nodes()[n];
    if (node.op != Op::Param) continue;
    if (!live[n]) refuse("parameter " + node.name + " does not reach the output: use it or remove it");
    learned_of[n] = static_cast<int>(learned.size());
    Learned l{static_cast<int>(n), 0, {}, 0, nullptr};
    if (optimizer) l.update = std::make_unique<Update>(node, optimizer->group_of(node.name));
    learned.push_back(std::move(l));
  }
}

void Network::Inside::reserve(const Running& running) {
  size_t scratch = 0;
  for (Learned& l : learned) {
    const size_t count = size_t(graph.nodes()[l.node].rows) * graph.nodes()[l.node].cols;
    l.place = take(count);
    if (!training) continue;
    for (size_t& g : l.gradient) g = take(count);
    l.state = take(l.update->state_floats());
    scratch = std::max(scratch, l.update->scratch_floats());
  }
  for (int a = 0; a < arenas; a++) arena_place[a] = take(layout.arena_bytes / sizeof(float));
  if (training) {
    for (int a = 0; a < arenas; a++) scratch_place[a] = take(scratch);
    losses_place = take(size_t(N) * shards);
  }
  const size_t bytes = memory_floats * sizeof(float);
  if (bytes > running.memory_limit)
    refuse("this network needs " + std::to_string(bytes >> 20) + " MiB, the limit is " + std::to_string(running.memory_limit >> 20) +
           " MiB: make it smaller or take fewer tokens a step");
  memory = static_cast<float*>(std::aligned_alloc(huge_page, (bytes / huge_page + 1) * huge_page));
  if (!memory) refuse("the machine has no " + std::to_string(bytes >> 20) + " MiB to give: make the network smaller");
#ifdef MADV_HUGEPAGE
  madvise(memory, bytes, MADV_HUGEPAGE);  // fewer TLB misses: 2% of a step
#endif
  std::memset(memory, 0, bytes);
}

void Network::Inside::bind() {
  for (const Learned& l : learned) {
    const Node& node = graph.nodes()[l.node];
    parameters.push_back({node.name, node.rows, node.cols, memory + l.place});
  }
  for (int s = 0; s < (training ? shards : 1); s++)
    for (const Step& step : layout.steps) first_frames[s].push_back(frame(step, s, true)), later_frames[s].push_back(frame(step, s, false));
  token_losses.assign(training ? size_t(N) * shards : 0, 0.0f);
}

Frame<float> Network::Inside::frame(const Step& step, int shard, bool first) const {
  char* arena = reinterpret_cast<char*>(memory + arena_place[shard % arenas]);
  auto in_arena = [&](int buffer) { return buffer < 0 ? nullptr : reinterpret_cast<float*>(arena + layout.buffers[buffer].offset); };
  const Node& node = graph.nodes()[step.node];
  Frame<float> f;
  f.N = N / portions;
  f.T = graph.shape().T;
  f.out = in_arena(layout.value[step.node]);
  f.aux = in_arena(layout.aux[step.node]);
  f.dout = in_arena(layout.gradient[step.node]);
  f.scratch = in_arena(step.scratch);
  for (size_t i = 0; i < node.inputs.size(); i++) {
    const int in = node.inputs[i], l = learned_of[in];
    f.in[i] = l >= 0 ? memory + learned[l].place : in_arena(layout.value[in]);
    if (training) f.din[i] = l >= 0 ? memory + learned[l].gradient[shard] : in_arena(layout.gradient[in]);
    f.add[i] = step.add[i] || (l >= 0 && !first);
  }
  return f;
}

// Largest first, each to the worker with the least to do. Who updates what changes no bit.
void Network::Inside::share_updates() {
  std::vector<int> order(learned.size());
  std::iota(order.begin(), order.end(), 0);
  auto weight = [&](int i) { return learned[i].update->work().flops + 4 * learned[i].update->work().bytes; };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return weight(a) > weight(b); });
  share.resize(arenas);
  std::vector<double> load(arenas, 0.0);
  for (int i : order) {
    const size_t least = std::min_element(load.begin(), load.end()) - load.begin();
    share[least].push_back(i);
    load[least] += weight(i);
  }
}

}  // namespace swarm
