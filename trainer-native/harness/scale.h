// The two scales of the task: what every experiment of one shares, so that scores can be compared. The vocabulary is the data set's.
// defines: Scale, cpu_scale, gpu_scale, scale_of(), compiled_for_gpu, compiled_scale()
#pragma once
#include <cstddef>

namespace swarm {

struct Scale {
  const char* name;
  int T;                    // tokens in a row, in training and in evaluation
  int max_tokens_per_step;  // an experiment chooses its own below this
  int rows_at_once;         // rows that a device takes at most in one part of a step
  int eval_rows;            // of validation text, fewer only where that is shorter
  int eval_batch_rows;      // rows of one forward pass of the judge; the score does not depend on it
  size_t memory_limit;      // bytes of one trainer or judge on the CPU, refused before step 1
};

inline constexpr Scale cpu_scale{"cpu", 128, 65536, 512, 512, 16, size_t{4} << 30};            // 65,536 validation tokens
inline constexpr Scale gpu_scale{"gpu", 2048, 1048576, 128, 10240, 16, size_t{64} << 30};  // 20,971,520 of them, as the reference

// Which scale a network is of, by the tokens in its rows: this is how the judge knows. Null: of none.
constexpr const Scale* scale_of(int T) { return T == cpu_scale.T ? &cpu_scale : T == gpu_scale.T ? &gpu_scale : nullptr; }

// What `make trainer SCALE=...` compiled the experiment for. In a trainer only; the Makefile writes it beside the experiment.
extern const bool compiled_for_gpu;
inline const Scale& compiled_scale() { return compiled_for_gpu ? gpu_scale : cpu_scale; }

}  // namespace swarm
