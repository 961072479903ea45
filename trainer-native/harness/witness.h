// What a trained network says about some of its training text, so that a judge who runs the experiment's own code elsewhere can see whether
// it still computes what it computed in training. In checkpoints of networks with custom ops.
#pragma once
#include <functional>
#include <string>

#include "harness/checkpoint.h"

namespace swarm {

constexpr int witness_rows = 16;  // at most

// tokens: of a training step. As many rows of them as an op saw at once in training are run forward.
Witness witness_of(const Network& trained, const uint16_t* tokens);

// Throws Failure(Exit::checkpoint) unless the judged network, [batch_rows, T] tokens to [batch_rows, T, vocab] logits, gives the very same.
void require_as_trained(const Witness& witness, const std::function<const float*(const uint16_t*)>& judged, int batch_rows, int T, int vocab);

}  // namespace swarm
