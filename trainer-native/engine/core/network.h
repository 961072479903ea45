// A network that runs, on the CPU; engine/cuda derives one that trains on a GPU. A graph validated, differentiated and planned into one arena, its parameters, and one training step.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/graph.h"
#include "engine/core/optimizer.h"
#include "engine/core/refused.h"

namespace swarm {

using Token = uint16_t;

struct Cost {  // of one op in one step
  const char* op;
  double flops;
  double bytes;
  double pace = 1;  // see Work
};

struct Parameter {
  std::string name;
  int rows, cols;
  float* values;  // [rows, cols]
};

struct Running {
  int workers = 1;                              // 1 or 2 threads; the bits do not depend on it
  size_t memory_limit = size_t{8} << 30;        // bytes; a larger plan is refused before anything is allocated
  bool measure = false;                         // take the CPU seconds of every op, see op_seconds()
};

class Network {
 public:
  // To train: `graph.shape().rows` rows a step, in two shards of half the rows.
  Network(const Graph& graph, const Optimizer& optimizer, const Running& running);
  // To judge: forward only, `rows` rows a call, no gradients and no optimizer state planned.
  Network(const Graph& graph, int rows, const Running& running = {});
  virtual ~Network();

  virtual void init(uint64_t seed);

  // tokens, targets: [rows, T]. Forward, backward, update; returns the mean loss in nats before the update.
  double train_step(const Token* tokens, const Token* targets, const Schedule& schedule) {
    start_step(tokens, targets, schedule);
    return finish_step();
  }
  // Its two halves, between which a device works and the host makes the next rows ready. On the CPU the first does everything.
  virtual void start_step(const Token* tokens, const Token* targets, const Schedule& schedule);
  virtual double finish_step();
  // Between the halves: what the next start_step will be given, so that it can be on its way to the device before.
  virtual void expect(const Token*, const Token*) {}

  // tokens: [rows, T] -> logits [rows, T, vocab], owned by the network, overwritten by the next call.
  virtual const float* forward_logits(const Token* tokens);

  // All that one step hands to the next, so that a run can stop and go on later: parameters, then what the update rules keep.
  struct Floats { float* values; size_t count; };
  virtual std::vector<Floats> training_state();
  int rows_at_once() const;  // that one op sees of a step; fewer than a shard has where it is taken in portions
  virtual void go_on_after(long steps);  // once training_state() holds what it held after that many

  // Two halves of train_step, for tests: gradients without an update, and what they were.
  virtual double loss_and_gradients(const Token* tokens, const Token* targets);
  virtual const float* gradient(int parameter) const;           // summed over shards, [rows, cols]
  const std::vector<float>& token_losses() const;       // [rows, T] of the last step
  void poison();                                        // fills everything but the parameters with NaN

  virtual const std::vector<Parameter>& parameters() const;     // in the order of the graph
  virtual size_t parameter_count() const;                       // floats
  virtual size_t peak_bytes() const;                            // all that is ever allocated, known before step 1
  virtual const std::vector<Cost>& step_costs() const;          // every op one step executes: both shards, forward, backward, update
  virtual double flops_per_token() const;                       // of one step, update included
  std::vector<double> op_seconds() const;               // CPU seconds so far, next to step_costs(); empty unless measured
  virtual const Graph& graph() const;
  virtual int micro_steps() const { return 1; }                 // parts of a step that go through a device one after the other

 protected:
  Network();  // for what runs elsewhere: without `inside_`, so every virtual above must be its own

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

// Says whether no token can see a later one or another row, by walking the graph; throws Refused naming the node that could.
void require_causal(const Graph& graph);

std::vector<uint8_t> serialize(const Graph& graph);
Graph deserialize(const uint8_t* bytes, size_t count);  // throws Refused on anything a Graph could not have written

}  // namespace swarm
