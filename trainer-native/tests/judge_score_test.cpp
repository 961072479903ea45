// The judge's arithmetic, and its probe against planted leaks.
#include <cmath>
#include <cstring>
#include <limits>

#include "check.h"
#include "data_folder.h"
#include "harness/failure.h"
#include "judge/probe.h"
#include "judge/score.h"

using namespace swarm;

TEST("score: equal logits cost log2(vocab) bits, shared by the bytes that were meant") {
  const std::vector<float> logits(3 * 64, 2.5f);
  const uint16_t targets[3] = {0, 1, 60};
  std::vector<uint16_t> bytes(64, 4);
  bytes[60] = 0;  // BOS counts in neither sum
  Score score;
  add_to(score, logits.data(), 64, targets, 3, bytes.data());
  CHECK_EQUAL(score.bytes, uint64_t(8));
  CHECK_EQUAL(score.targets, uint64_t(3));
  CHECK_NEAR(score.bits_per_byte(), 6.0 * 2 / 8, 1e-7);
  CHECK_NEAR(score.mean_loss(), std::log(64.0), 1e-7);
}

TEST("score: a softmax worked out in long double") {
  float logits[64];
  for (int v = 0; v < 64; ++v) logits[v] = 15 * std::sin(1.7f * float(v));
  for (int target : {0, 13, 63}) {
    long double sum = 0;
    for (float logit : logits) sum += std::exp((long double)logit);
    CHECK_NEAR(nats_of(logits, 64, target), double(std::log(sum) - (long double)logits[target]), 2e-7);
  }
}

TEST("score: unnormalised logits buy nothing, large ones do not overflow, NaN is never a number") {
  float logits[8] = {1, 2, 3, 4, 5, 6, 7, 8}, shifted[8];
  for (int v = 0; v < 8; ++v) shifted[v] = logits[v] + 1024;
  CHECK_NEAR(nats_of(shifted, 8, 3), nats_of(logits, 8, 3), 1e-9);
  logits[2] = 3e38f;
  CHECK(std::isfinite(nats_of(logits, 8, 3)));
  logits[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK(!std::isfinite(nats_of(logits, 8, 3)));
  logits[5] = std::numeric_limits<float>::infinity();
  CHECK(!std::isfinite(nats_of(logits, 8, 5)));
}

namespace {

constexpr int rows = 4, T = 16, vocab = 64;

// A "network" whose logit 0 at position t is a sum over the tokens of its row that `sees` allows.
template <class Sees>
Forward summing(Sees sees, std::vector<float>& logits) {
  logits.assign(size_t(rows) * T * vocab, 0);
  const auto run = [&logits, sees](const uint16_t* tokens) {
    for (int r = 0; r < rows; ++r)
      for (int t = 0; t < T; ++t) {
        float sum = 0;
        for (int u = 0; u < T; ++u)
          if (sees(t, u)) sum += float(tokens[r * T + u]) * float(1 + u);
        logits[size_t(r * T + t) * vocab] = sum;
      }
    return static_cast<const float*>(logits.data());
  };
  return {run, vocab};
}

const std::vector<uint16_t>& some_tokens() {
  static std::vector<uint16_t> tokens(rows * T);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = uint16_t(i * 11 % vocab);
  return tokens;
}

}  // namespace

TEST("probe: a network that looks back passes") {
  std::vector<float> logits;
  for (uint64_t seed = 0; seed < 50; ++seed)
    require_blind_to_the_future(summing([](int t, int u) { return u <= t; }, logits), some_tokens().data(), rows, T, vocab, seed);
}

TEST("probe: one that looks one token ahead, at the last token, or a block ahead is refused") {
  std::vector<float> logits;
  int caught = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    CHECK_FAILS(require_blind_to_the_future(summing([](int t, int u) { return u <= t + 1; }, logits), some_tokens().data(), rows, T, vocab, seed),
                Exit::checkpoint, "sees the future");
    CHECK_FAILS(require_blind_to_the_future(summing([](int t, int u) { return u <= t || u == T - 1; }, logits), some_tokens().data(), rows, T, vocab, seed),
                Exit::checkpoint, "sees the future");
    try {  // sees the whole of its aligned block of 4: only a cut inside a block shows it
      require_blind_to_the_future(summing([](int t, int u) { return u / 4 <= t / 4; }, logits), some_tokens().data(), rows, T, vocab, seed);
    } catch (const Failure&) {
      caught++;
    }
  }
  CHECK(caught >= 48);  // all four rows would have to be cut at a block's end: (3/15)^4
}

TEST("probe: a network that knows its row's place or its mates is refused, one that does not passes") {
  std::vector<float> logits;
  std::vector<uint16_t> others(some_tokens());
  for (uint16_t& token : others) token = uint16_t((token + 5) % vocab);
  const Forward honest = summing([](int t, int u) { return u <= t; }, logits);
  const auto place_run = [&](const uint16_t* tokens) {
    honest.run(tokens);
    for (int r = 0; r < rows; ++r) logits[size_t(r * T) * vocab + 1] += float(r);
    return static_cast<const float*>(logits.data());
  };
  const auto mates_run = [&](const uint16_t* tokens) {  // the sum over all rows: the same in any order, another among others
    honest.run(tokens);
    float sum = 0;
    for (int i = 0; i < rows * T; ++i) sum += float(tokens[i]);
    for (int r = 0; r < rows; ++r) logits[size_t(r * T) * vocab + 1] = sum;
    return static_cast<const float*>(logits.data());
  };
  const Forward place{place_run, vocab}, mates{mates_run, vocab};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    require_alone_in_its_row(honest, some_tokens().data(), others.data(), rows, T, seed);
    CHECK_FAILS(require_alone_in_its_row(mates, some_tokens().data(), others.data(), rows, T, seed), Exit::checkpoint, "sees other rows");
  }
  CHECK_FAILS(require_alone_in_its_row(place, some_tokens().data(), others.data(), rows, T, 1), Exit::checkpoint, "a row's place in its batch");
}
