// The scale of the task on a CPU: what every experiment shares, so that scores can be compared. The vocabulary is the data set's.
#pragma once
#include <cstddef>

namespace swarm {

struct Scale {
  int T = 128;                              // tokens in a row, in training and in evaluation
  int max_tokens_per_step = 65536;          // an experiment chooses its own below this
  int eval_rows = 512;                      // 65,536 validation tokens, fewer only where the validation text is shorter
  int eval_batch_rows = 16;                 // rows of one forward pass of the judge; the score does not depend on it
  size_t memory_limit = size_t{4} << 30;    // bytes of one trainer, refused before step 1
};

constexpr Scale cpu_scale{};

}  // namespace swarm
