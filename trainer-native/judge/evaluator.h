// A checkpoint's network at work on rows of text, forward only: on the CPU, or on a device. No code of an experiment's here either way.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "harness/checkpoint.h"
#include "judge/own_code.h"
#include "judge/probe.h"
#include "judge/score.h"

namespace swarm {

namespace cuda { class TokenLosses; }

class Evaluator {
 public:
  // Every tensor must be where the graph wants it and finite: throws Failure(Exit::checkpoint).
  Evaluator(const Checkpoint& checkpoint, int rows, int T, int vocab, bool on_device, OwnCode* own_code = nullptr);
  ~Evaluator();

  // For the probes. On the CPU the logits. On a device, which keeps those to itself, the loss for a target that depends on the position
  // alone: the logarithm of all the exponentials less one logit, so a logit that moves moves it.
  Forward forward();
  void add(Score& score, const uint16_t* tokens, const uint16_t* targets, const uint16_t* token_bytes);

 private:
  int count_, vocab_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<cuda::TokenLosses> losses_;
  std::vector<uint16_t> probe_targets_;
};

// The network of a checkpoint on the CPU, forward only, `rows` rows a call, every tensor where the graph wants it and finite.
// Without `own_code` a graph that needs any is refused.
std::unique_ptr<Network> network_of(const Checkpoint& checkpoint, int rows, int T, int vocab, OwnCode* own_code = nullptr);

// Its graph, which is a Graph's; throws Failure(Exit::checkpoint).
Graph graph_of(const Checkpoint& checkpoint);
[[noreturn]] void refuse_network(const std::string& why);

}  // namespace swarm
