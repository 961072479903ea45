// From an update rule to the passes that carry it out: elementwise and summing neighbours become one pass over memory, results go
// straight where they are set unless an older value is still to be read there, and everything else shares one planned scratch.
// defines: Place, Pass, UpdatePlan, plan_update
#pragma once
#include <memory>
#include <vector>

#include "engine/core/planner.h"
#include "engine/core/update_graph.h"
#include "engine/ops/ew_tiles.h"
#include "engine/ops/op.h"

namespace swarm {

struct Place {  // of a value's floats while a step runs
  enum Where : uint8_t { Nowhere, Parameter, Gradient, State, Number, Scratch } where = Nowhere;
  int index = 0;  // of State: the node; of Number: which; of Scratch: the buffer
};

struct Pass {
  enum Kind : uint8_t { Tiles, Matmul, Polar, Copy } kind = Copy;
  std::unique_ptr<TileProgram> tiles;
  std::vector<Place> in, out;
  int rows = 1;             // of Tiles: how often the program's width; else the shape of the result
  int cols = 1, inner = 0;
  Product product = Product::AB;
  bool gram = false;        // of Matmul: both factors are one matrix
  int steps = 0;            // of Polar
  int scratch = -1;         // buffer
  Work work;
};

struct UpdatePlan {
  std::vector<Pass> passes;
  std::vector<int> numbers;        // nodes known before the step, in order; those that passes read have a float in scratch
  std::vector<int> number_place;   // by node: which float, -1
  std::vector<size_t> state_place; // by node: floats from the start of the states
  std::vector<Buffer> buffers;
  int number_buffer = -1;
  size_t state_floats = 0, scratch_bytes = 0;
  Work work;
};

UpdatePlan plan_update(const UpdateGraph& rule);  // throws Refused

}  // namespace swarm
