// ew: a recorded expression, one number of the output from one number of each input. A known form has a kernel of its own, everything
// else is interpreted: see the decision on the CUDA backend.
// defines: EwPlan
#pragma once
#include <cstddef>
#include <vector>

#include "engine/core/expression.h"
#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"
#include "engine/ops/phrases.h"

namespace swarm::cuda {

// How an input becomes one number per element of [N, C], as in engine/ops/ew_tiles.h.
enum class Spread : unsigned char {
  Full,     // bf16 [N, C]
  Head,     // bf16 [N, width], each number for C / width channels
  Channel,  // float parameter [C]
  Single    // float parameter [1]
};

struct EwOperand {
  Spread spread;
  int width;  // numbers a token, or numbers of the parameter
};

struct KnownWork;  // ew_known.h

// One expression made ready: values in few slots, the rest follows from the shapes.
class EwPlan {
 public:
  // outputs: one per output of the program; sums over what an input was spread to are made for Head, Channel and Single.
  // Throws Refused when the expression is too long.
  EwPlan(const Program& program, int C, std::vector<EwOperand> inputs, std::vector<EwOperand> outputs);

  // in: per input; out: per output, bf16 or float as Spread says. add: to what is there.
  void record(Tape& tape, int N, const std::vector<const void*>& in, const std::vector<void*>& out, const std::vector<bool>& add, float* scratch) const;
  size_t scratch_floats(int N) const;
  bool is_known() const { return form_ >= 0; }  // has a kernel of its own

  // The same with the rmsnorm of each row of the output: y [N, C], rstd [N].
  bool has_norm() const;
  void record_with_norm(Tape& tape, int N, const std::vector<const void*>& in, bf16* out, float eps, bf16* y, float* rstd) const;

  static constexpr int most_code = 320;

  struct Code {
    unsigned char calc, to, a, b;
    union {
      float constant;
      int c;
    };
  };

 private:
  void find_form(const Program& program);
  void allocate(const Program& program);
  KnownWork known_work(int N, const std::vector<const void*>& in, const std::vector<void*>& out, const std::vector<bool>& add, float* scratch) const;
  void record_known(Tape& tape, int N, const std::vector<const void*>& in, const std::vector<void*>& out, const std::vector<bool>& add, float* scratch) const;
  int width() const;  // numbers a thread takes at a time
  int row_blocks(int N) const;

  int C_, slots_ = 0;
  std::vector<EwOperand> inputs_, outputs_;
  std::vector<Code> code_;
  std::vector<int> input_slot_, output_slot_;  // -1: not read, or zero
  int form_ = -1, head_shift_ = 0;  // the known form this is, -1: none
  Laid laid_;                       // over that form
};

}  // namespace swarm::cuda
