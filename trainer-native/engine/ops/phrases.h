// Which passes compute an expression: one per phrase found in it, one per instruction that belongs to none.
// defines: TilePass, tile_passes_of, phrase_program
#pragma once
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

}  // namespace swarm
