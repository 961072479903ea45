// Where each value of an expression lives while a thread computes it.
#include <algorithm>

#include "engine/core/refused.h"
#include "engine/cuda/ew.h"

namespace swarm::cuda {

EwPlan::EwPlan(const Program& program, int C, std::vector<EwOperand> inputs, std::vector<EwOperand> outputs)
    : C_(C), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
  if (program.code.size() > size_t(most_code))
    refuse("ew: an expression or its derivative has " + std::to_string(program.code.size()) + " instructions, the CUDA backend takes " +
           std::to_string(most_code) + ": split it in two");
  allocate(program);
}

// A slot is free again after the last use of its value; outputs keep theirs.
void EwPlan::allocate(const Program& program) {
  const int values = program.inputs + int(program.code.size());
  std::vector<int> last(size_t(values), -1), slot(size_t(values), -1), spare;
  for (size_t i = 0; i < program.code.size(); i++)
    for (int v : {program.code[i].a, program.code[i].b, program.code[i].c})
      if (v >= 0) last[size_t(v)] = int(i);
  for (int output : program.outputs)
    if (output >= 0) last[size_t(output)] = int(program.code.size());
  const auto take = [&] {
    if (spare.empty()) return slots_++;
    const int s = spare.back();
    spare.pop_back();
    return s;
  };
  for (int i = 0; i < program.inputs; i++) {
    if (last[size_t(i)] >= 0) slot[size_t(i)] = take();
    input_slot_.push_back(slot[size_t(i)]);
  }
  for (size_t i = 0; i < program.code.size(); i++) {
    const Instruction& from = program.code[i];
    Code code{static_cast<unsigned char>(from.calc), 0, 0, 0, {from.constant}};
    if (from.a >= 0) code.a = static_cast<unsigned char>(slot[size_t(from.a)]);
    if (from.b >= 0) code.b = static_cast<unsigned char>(slot[size_t(from.b)]);
    if (from.c >= 0) code.c = slot[size_t(from.c)];
    for (int v : {from.a, from.b, from.c})  // a thread reads all operands before it writes: the result may take an operand's slot
      if (v >= 0 && last[size_t(v)] == int(i)) {
        spare.push_back(slot[size_t(v)]);
        last[size_t(v)] = -1;
      }
    const int value = program.inputs + int(i);
    slot[size_t(value)] = take();
    if (last[size_t(value)] < 0) spare.push_back(slot[size_t(value)]);  // nobody reads it
    code.to = static_cast<unsigned char>(slot[size_t(value)]);
    code_.push_back(code);
  }
  if (slots_ > 255) refuse("ew: an expression keeps more than 255 values at once: split it in two");
  for (int output : program.outputs) output_slot_.push_back(output < 0 ? -1 : slot[size_t(output)]);
}

}  // namespace swarm::cuda
