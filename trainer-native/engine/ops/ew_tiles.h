// Runs an expression over tiles that stay in the first-level cache: one kernel call per phrase or instruction and tile.
// defines: Broadcast, TileProgram
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/core/expression.h"
#include "engine/ops/phrases.h"

namespace swarm {

// How an input of the expression becomes one number per element of [N, C].
enum class Broadcast : uint8_t {
  Full,     // [N, C]
  Head,     // [N, H], each number for C/H channels
  Channel,  // parameter [C]
  Single    // parameter [1]
};

class TileProgram {
 public:
  static constexpr int any_full = -2;
  // widths: numbers per token (or per parameter) of each input; the program's value `outputs[i]` has broadcast out_kinds[i].
  // in_place: for each output, the Full input whose memory it is going to take, any_full for one that is chosen later, or -1;
  // empty: outputs and inputs never share memory.
  TileProgram(const Program& program, int C, std::vector<Broadcast> inputs, std::vector<int> widths, std::vector<Broadcast> outputs,
              std::vector<int> output_widths, const std::vector<int>& in_place = {});

  // in: one pointer per input. out: one per output of the program; a Full output is stored, others are summed over what
  // they were broadcast to. add[i]: to what is there.
  void run(int N, const float* const* in, float* const* out, const bool* add, float* scratch) const;
  size_t scratch_floats() const { return size_t(slots_) * stride_; }
  double flops_per_element() const;

 private:
  void load(int row, int rows, int c0, const float* const* in, float* scratch, const float** at) const;
  void reduce(size_t output, const float* value, int row, int rows, int c0, int n, float* out, bool add, double* total) const;

  Program program_;
  std::vector<TilePass> passes_;
  int C_, rows_ = 1, width_ = 0;  // a tile is rows_ whole rows, or width_ channels of one row when C is large
  int stride_ = 0, slots_ = 0;    // floats of a slot, slots in scratch
  std::vector<Broadcast> inputs_, outputs_;
  std::vector<int> widths_, output_widths_;
  std::vector<int> input_slot_;    // slot an input is expanded into, -1: read in place
  std::vector<int> value_slot_;    // slot of an instruction's value, -1: nobody asks for it
  std::vector<int> direct_;        // output a pass is written straight to, -1
};

}  // namespace swarm
