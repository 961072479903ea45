#include "judge/probe.h"

#include <cstring>
#include <string>
#include <vector>

#include "engine/core/philox.h"
#include "harness/failure.h"

namespace swarm {

void require_blind_to_the_future(const Forward& forward, const uint16_t* rows, int batch_rows, int T, int vocab, uint64_t seed) {
  const size_t row_logits = size_t(T) * size_t(vocab);
  const float* logits = forward(rows);
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
  logits = forward(changed.data());
  for (int r = 0; r < batch_rows; ++r) {
    const float* was = before.data() + row_logits * size_t(r);
    const float* is = logits + row_logits * size_t(r);
    for (int t = 0; t <= cuts[r]; ++t)
      if (std::memcmp(was + size_t(t) * vocab, is + size_t(t) * vocab, sizeof(float) * size_t(vocab)) != 0)
        throw Failure(Exit::checkpoint, "the network sees the future: replacing tokens after position " + std::to_string(cuts[r]) + " of row " +
                                            std::to_string(r) + " moved its logits at position " + std::to_string(t));
  }
}

}  // namespace swarm
