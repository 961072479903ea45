// Cross-entropy of a chunk of logits, in place.
// defines: cross_entropy
#pragma once
#include <cstdint>

#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

// logits [rows, vocab] become their gradient, scale * (softmax - one hot); losses [rows] in nats. cap > 0: the logits are first
// squeezed to cap * tanh(logit / cap), and the gradient is that of the logits before.
void cross_entropy(Tape& tape, int rows, int vocab, float cap, float scale, const uint16_t* targets, bf16* logits, float* losses);

}  // namespace swarm::cuda
