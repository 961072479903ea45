// The metric: bits per byte over the targets that stand for text, from logits alone. Softmax, logarithm and sums are the judge's own:
// whatever the numbers, their probabilities over the vocabulary sum to 1 by construction (nats_of), so nothing is gained by their size.
#pragma once
#include <cstdint>

namespace swarm {

struct Score {
  double nats = 0;        // over targets that stand for at least one byte
  uint64_t bytes = 0;     // raw bytes of those targets
  double all_nats = 0;    // over every target, for the mean loss
  uint64_t targets = 0;
  double bits_per_byte() const;
  double mean_loss() const { return all_nats / double(targets); }
};

// -log softmax(logits)[target] in nats; the sum runs in float64 in the order of the vocabulary.
double nats_of(const float* logits, int vocab, int target);

// nats: [count], as nats_of or a device computes them.
void add_to(Score& score, const float* nats, const uint16_t* targets, int count, const uint16_t* token_bytes);

// logits: [count, vocab], targets: [count]; token_bytes: [vocab].
void add_to(Score& score, const float* logits, int vocab, const uint16_t* targets, int count, const uint16_t* token_bytes);

}  // namespace swarm
