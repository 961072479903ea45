// What a Network holds once it is set up: the layout, one block of memory and pointers into it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/core/crew.h"
#include "engine/core/layout.h"
#include "engine/core/network.h"
#include "engine/core/update.h"

namespace swarm {

constexpr int shards = 2;  // of a training step, always: the bits must not depend on the cores
// A worker takes its shard through forward and backward in portions of whole rows, about so many tokens each, so that what one op
// writes still lies in the caches when the next reads it. Gradients of parameters add up over the portions, in order.
constexpr int portion_tokens = 512;

struct Network::Inside {
  Inside(const Graph& graph, const Optimizer* optimizer, const Running& running);
  ~Inside();

  size_t take(size_t floats);  // a place in `memory`, before it exists
  void list_parameters(const Optimizer* optimizer);
  void reserve(const Running& running);
  void bind();  // turns places into pointers
  Frame<float> frame(const Step& step, int shard, bool first) const;
  void run_shard(int shard, const Token* tokens, const Token* targets);
  double forward_backward(const Token* tokens, const Token* targets);  // both shards; the mean loss
  void sum_shards(int index);  // of one parameter's gradient, into the first shard's
  void update(int worker, const Schedule& schedule);
  void share_updates();

  struct Learned {  // one parameter
    int node;
    size_t place, gradient[shards], state = 0;
    std::unique_ptr<Update> update;
  };

  Graph graph;
  bool training;
  int arenas, N, portions;  // N: tokens of a shard
  Layout layout;
  std::vector<Learned> learned;
  std::vector<int> learned_of;             // by node, -1
  size_t memory_floats = 0, arena_place[shards] = {}, scratch_place[shards] = {}, losses_place = 0;
  float* memory = nullptr;
  std::vector<Frame<float>> first_frames[shards], later_frames[shards];  // by step: of a shard's first portion, and of those that add to it
  std::vector<std::vector<int>> share;       // which parameters each worker updates
  std::vector<Parameter> parameters;
  std::vector<Cost> costs;
  std::vector<double> seconds[shards];       // by cost, per worker; empty unless measured
  std::vector<float> token_losses;
  long steps_done = 0;
  double step_loss = 0;
  std::unique_ptr<Crew> crew;
};

}  // namespace swarm
