#include "judge/probe.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/philox.h"
#include "harness/failure.h"

namespace swarm {
namespace {

// Draws for different things come from different streams.
constexpr uint64_t order_stream = uint64_t{1} << 32, mate_stream = uint64_t{2} << 32, cut_stream = uint64_t{3} << 32, twin_stream = uint64_t{4} << 32;

bool same_bits(const float* a, const float* b, size_t count) { return std::memcmp(a, b, sizeof(float) * count) == 0; }

// The numbers 0 .. count-1 in an order that follows from the seed.
std::vector<int> drawn_order(int count, uint64_t seed) {
  std::vector<int> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (int left = count; left > 1; --left) std::swap(order[left - 1], order[philox(seed, order_stream, uint64_t(left))[0] % uint32_t(left)]);
  return order;
}

}  // namespace

void require_blind_to_the_future(const Forward& forward, const uint16_t* rows, int batch_rows, int T, int vocab, uint64_t seed) {
  const size_t width = size_t(forward.width), row_logits = size_t(T) * width;
  const float* logits = forward.run(rows);
  const std::vector<float> before(logits, logits + row_logits * size_t(batch_rows));

  std::vector<uint16_t> changed(rows, rows + size_t(batch_rows) * T);
  std::vector<int> cuts(static_cast<size_t>(batch_rows));
  for (int r = 0; r < batch_rows; ++r) {
    cuts[r] = int(philox(seed, uint64_t(r), 0)[0] % uint32_t(T - 1));  // the last position that must not move, at most T-2
    for (int t = cuts[r] + 1; t < T; ++t) {
      uint16_t& token = changed[size_t(r) * T + t];
      token = uint16_t((token + 1 + philox(seed, uint64_t(r), uint64_t(t))[0] % uint32_t(vocab - 1)) % uint32_t(vocab));  // any other token
    }
  }
  logits = forward.run(changed.data());
  for (int r = 0; r < batch_rows; ++r) {
    const float* was = before.data() + row_logits * size_t(r);
    const float* is = logits + row_logits * size_t(r);
    for (int t = 0; t <= cuts[r]; ++t)
      if (!same_bits(was + size_t(t) * width, is + size_t(t) * width, width))
        throw Failure(Exit::checkpoint, "the network sees the future: replacing tokens after position " + std::to_string(cuts[r]) + " of row " +
                                            std::to_string(r) + " moved its logits at position " + std::to_string(t));
  }
}

void require_alone_in_its_row(const Forward& forward, const uint16_t* rows, const uint16_t* others, int batch_rows, int T, uint64_t seed) {
  const size_t row_logits = size_t(T) * size_t(forward.width), row_bytes = sizeof(uint16_t) * size_t(T);
  const float* logits = forward.run(rows);
  const std::vector<float> before(logits, logits + row_logits * size_t(batch_rows));
  std::vector<uint16_t> changed(size_t(batch_rows) * T);

  const std::vector<int> order = drawn_order(batch_rows, seed);
  for (int r = 0; r < batch_rows; ++r) std::memcpy(&changed[size_t(r) * T], rows + size_t(order[r]) * T, row_bytes);
  logits = forward.run(changed.data());
  for (int r = 0; r < batch_rows; ++r)
    if (!same_bits(logits + row_logits * size_t(r), before.data() + row_logits * size_t(order[r]), row_logits))
      throw Failure(Exit::checkpoint, "the network knows a row's place in its batch: row " + std::to_string(order[r]) + " has other logits as row " + std::to_string(r));

  const int kept = int(philox(seed, mate_stream, 0)[0] % uint32_t(batch_rows));
  std::memcpy(changed.data(), others, row_bytes * size_t(batch_rows));
  std::memcpy(&changed[size_t(kept) * T], rows + size_t(kept) * T, row_bytes);
  logits = forward.run(changed.data());
  if (!same_bits(logits + row_logits * size_t(kept), before.data() + row_logits * size_t(kept), row_logits))
    throw Failure(Exit::checkpoint, "the network sees other rows: row " + std::to_string(kept) + " has other logits among other rows");
}

Twins::Twins(Forward forward, int batch_rows, int T) : forward_(std::move(forward)), batch_rows_(batch_rows), T_(T) {}

const float* Twins::logits(const uint16_t* rows, const uint16_t* others, uint64_t seed) {
  const std::vector<int> order = drawn_order(batch_rows_, seed);
  std::vector<uint16_t> twin(size_t(batch_rows_) * T_);
  std::vector<int> cuts;
  for (int r = 0; r < batch_rows_; ++r) {
    cuts.push_back(int(philox(seed, cut_stream, uint64_t(r))[0] % uint32_t(T_ - 1)));  // the last position that must not move
    std::copy_n(rows + size_t(order[r]) * T_, cuts[r] + 1, &twin[size_t(r) * T_]);
    std::copy_n(others + size_t(r) * T_ + cuts[r] + 1, T_ - cuts[r] - 1, &twin[size_t(r) * T_ + cuts[r] + 1]);
  }
  const bool twin_first = philox(seed, twin_stream, 0)[0] & 1;
  const size_t width = size_t(forward_.width);
  const size_t all = size_t(batch_rows_) * T_ * width;
  std::vector<float> twins;
  const auto ask_twin = [&] { const float* logits = forward_.run(twin.data()); twins.assign(logits, logits + all); };
  if (twin_first) ask_twin();
  const float* logits = forward_.run(rows);
  kept_.assign(logits, logits + all);
  if (!twin_first) ask_twin();

  const size_t row_logits = size_t(T_) * width;
  for (int r = 0; r < batch_rows_; ++r)
    for (int t = 0; t <= cuts[r]; ++t)
      if (!same_bits(&twins[row_logits * r + size_t(t) * width], &kept_[row_logits * order[r] + size_t(t) * width], width))
        throw Failure(Exit::checkpoint, "the network sees the future or other rows: with the rest of another text after position " + std::to_string(cuts[r]) +
                                            ", and among other rows, row " + std::to_string(order[r]) + " has other logits at position " + std::to_string(t));
  return kept_.data();
}

}  // namespace swarm
