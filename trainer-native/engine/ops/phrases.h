// Which passes compute an expression: one per phrase found in it, one per instruction that belongs to none.
// defines: TilePass, tile_passes_of, phrase_program, Laid, laid_over
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/core/expression.h"
#include "engine/cpu/phrases.h"

namespace swarm {

struct TilePass {
  int value;                                            // what it computes, a value number of the program
  Calc calc;                                            // its instruction; of a phrase, the last one
  int in[cpu::max_phrase_inputs] = {-1, -1, -1, -1};    // value numbers
  cpu::Phrase phrase = cpu::Phrase::None;
  float constants[cpu::max_phrase_constants] = {};      // of the phrase
};

// In the order of the program. Values inside a phrase are computed by nobody: no output and no other pass reads them.
std::vector<TilePass> tile_passes_of(const Program& program);

// The phrase as a program: its constants are the first instructions, its output the only one.
Program phrase_program(cpu::Phrase phrase);

// Where a form lies in a program that computes the same: for each input of the form the program's input, for each of its outputs
// the program's output, and the values of its constants, in the order of its code.
struct Laid {
  std::vector<int> in, out;
  std::vector<float> constants;
};
// A form laid over a whole program. Sums and products may stand the other way round, outputs in another order.
// reads(i, in), gives(o, out): whether input i of the form may be the program's input `in`, and output o its output `out`.
std::optional<Laid> laid_over(const Program& form, const Program& program, const std::function<bool(int, int)>& reads,
                              const std::function<bool(int, int)>& gives);

}  // namespace swarm
