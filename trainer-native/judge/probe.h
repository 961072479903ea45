// A second, black-box look at causality beside the walk over the graph: on validation text, a changed future must not move the past.
#pragma once
#include <cstdint>
#include <functional>

namespace swarm {

// tokens [batch_rows, T] -> logits [batch_rows, T, vocab], valid until the next call.
using Forward = std::function<const float*(const uint16_t* tokens)>;

// rows: [batch_rows, T] of tokens below vocab. In every row all tokens after a cut (drawn from `seed`) are replaced, and the
// logits up to the cut must keep every bit. Throws Failure(Exit::checkpoint) naming row and position where they do not.
void require_blind_to_the_future(const Forward& forward, const uint16_t* rows, int batch_rows, int T, int vocab, uint64_t seed);

}  // namespace swarm
