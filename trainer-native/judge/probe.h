// A second, black-box look at what the walk over the graph proves: on held-out text, a changed future must not move the past, and
// a row must not know its batch. Every draw follows from `seed`, which the judge takes from the checkpoint's own hash: the cuts are the
// same whenever a checkpoint is judged, and unknown to whoever trains it.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

namespace swarm {

// tokens [batch_rows, T] -> what the network makes of them at each position [batch_rows, T, width], valid until the next call: its
// logits, or numbers that follow from them and the position alone.
struct Forward {
  std::function<const float*(const uint16_t* tokens)> run;
  int width;
};

// rows: [batch_rows, T] of tokens below vocab. In every row all tokens after a cut are replaced, and the numbers up to the cut must
// keep every bit. Throws Failure(Exit::checkpoint) naming row and position where they do not.
void require_blind_to_the_future(const Forward& forward, const uint16_t* rows, int batch_rows, int T, int vocab, uint64_t seed);

// Logits of `rows`, kept until the next call, after the same network was asked, before or after as the seed decides, about their twin: the rows
// in another order, each with the rest of a row of `others` after a cut of its own, so that both are text and nothing tells which of them
// counts. The logits up to the cuts must keep every bit. Throws Failure(Exit::checkpoint) naming row and position.
class Twins {
 public:
  Twins(Forward forward, int batch_rows, int T);  // width: the vocabulary
  const float* logits(const uint16_t* rows, const uint16_t* others, uint64_t seed);

 private:
  Forward forward_;
  int batch_rows_, T_;
  std::vector<float> kept_;
};

// The rows in another order must give the same numbers in that order, and a row whose batch mates are all replaced by those of `others`
// [batch_rows, T] must keep its own, bit for bit. Throws Failure(Exit::checkpoint) naming the row.
void require_alone_in_its_row(const Forward& forward, const uint16_t* rows, const uint16_t* others, int batch_rows, int T, uint64_t seed);

}  // namespace swarm
