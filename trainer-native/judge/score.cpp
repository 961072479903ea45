#include "judge/score.h"

#include <cstddef>
#include <vector>

#include "engine/cpu/fmath.h"
#include "engine/cpu/kernels.h"

namespace swarm {

double nats_of(const float* logits, int vocab, int target) {
  float highest = logits[0];
  for (int v = 1; v < vocab; ++v)
    if (logits[v] > highest) highest = logits[v];
  thread_local std::vector<float> shares;
  shares.resize(std::size_t(vocab));
  for (int v = 0; v < vocab; ++v) shares[v] = logits[v] - highest;
  cpu::kernels().exp(vocab, shares.data(), shares.data());
  double sum = 0;
  for (float share : shares) sum += double(share);
  return fmath::log(sum) - (double(logits[target]) - double(highest));
}

namespace {

void add_one(Score& score, double nats, uint16_t target, const uint16_t* token_bytes) {
  score.all_nats += nats;
  score.targets++;
  if (token_bytes[target] == 0) return;
  score.nats += nats;
  score.bytes += token_bytes[target];
}

}  // namespace

void add_to(Score& score, const float* nats, const uint16_t* targets, int count, const uint16_t* token_bytes) {
  for (int i = 0; i < count; ++i) add_one(score, double(nats[i]), targets[i], token_bytes);
}

void add_to(Score& score, const float* logits, int vocab, const uint16_t* targets, int count, const uint16_t* token_bytes) {
  for (int i = 0; i < count; ++i) add_one(score, nats_of(logits + int64_t(i) * vocab, vocab, targets[i]), targets[i], token_bytes);
}

double Score::bits_per_byte() const {
  constexpr double ln2 = 0.69314718055994530942;
  return nats / (ln2 * double(bytes));
}

}  // namespace swarm
