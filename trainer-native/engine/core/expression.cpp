#include "engine/core/expression.h"

#include <cstring>
#include <map>
#include <tuple>

namespace swarm {
namespace {

int append(Program& program, Calc calc, int a = -1, int b = -1, float constant = 0, int c = -1) {
  program.code.push_back({calc, a, b, constant, c});
  return program.inputs + static_cast<int>(program.code.size()) - 1;
}

int operands(Calc calc) {
  switch (calc) {
    case Calc::Constant: return 0;
    case Calc::Add: case Calc::Subtract: case Calc::Multiply: case Calc::Divide:
    case Calc::Maximum: case Calc::Minimum: case Calc::IsAtLeast: return 2;
    case Calc::MultiplyAdd: return 3;
    default: return 1;
  }
}

// Reverse differentiation: adjoints of the values of one program, written behind it.
class Reverse {
 public:
  Reverse(Program& program, int values) : p_(program), adjoint_(values, -1) {}

  void add(int value, int contribution) {
    int& adjoint = adjoint_[value];
    adjoint = adjoint < 0 ? contribution : append(p_, Calc::Add, adjoint, contribution);
  }
  int adjoint(int value) const { return adjoint_[value]; }

  // Hands the adjoint d of value v = calc(a, b) on to its operands.
  void through(const Instruction& i, int v, int d) {
    const int a = i.a, b = i.b;
    switch (i.calc) {
      case Calc::Add: add(a, d); add(b, d); break;
      case Calc::Subtract: add(a, d); add(b, times(d, constant(-1))); break;
      case Calc::Multiply: add(a, times(d, b)); add(b, times(d, a)); break;
      case Calc::Divide: {
        const int over_b = append(p_, Calc::Divide, d, b);
        add(a, over_b);
        add(b, times(constant(-1), times(over_b, v)));
        break;
      }
      case Calc::Maximum: choose(append(p_, Calc::IsAtLeast, a, b), a, b, d); break;
      case Calc::Minimum: choose(append(p_, Calc::IsAtLeast, b, a), a, b, d); break;
      case Calc::Relu: add(a, times(d, append(p_, Calc::IsPositive, a))); break;
      case Calc::Square: add(a, times(d, times(constant(2), a))); break;
      case Calc::Exp: add(a, times(d, v)); break;
      case Calc::Log: add(a, append(p_, Calc::Divide, d, a)); break;
      case Calc::Tanh: add(a, times(d, one_minus(append(p_, Calc::Square, v)))); break;
      case Calc::Sigmoid: add(a, times(d, times(v, one_minus(v)))); break;
      case Calc::Sqrt: add(a, append(p_, Calc::Divide, times(constant(0.5f), d), v)); break;
      case Calc::MultiplyAdd: add(a, times(d, b)); add(b, times(d, a)); add(i.c, d); break;
      case Calc::Constant: case Calc::IsPositive: case Calc::IsAtLeast: case Calc::Count: break;  // flat
    }
  }

 private:
  int constant(float c) { return append(p_, Calc::Constant, -1, -1, c); }
  int times(int a, int b) { return append(p_, Calc::Multiply, a, b); }
  int one_minus(int a) { return append(p_, Calc::Subtract, constant(1), a); }
  void choose(int a_won, int a, int b, int d) {  // a tie goes to a
    add(a, times(d, a_won));
    add(b, times(d, one_minus(a_won)));
  }

  Program& p_;
  std::vector<int> adjoint_;
};

bool is_constant(const Program& p, int value, float c) {
  return value >= p.inputs && p.code[value - p.inputs].calc == Calc::Constant && p.code[value - p.inputs].constant == c;
}

// The value an instruction is plainly equal to, or -1.
int same_as(const Program& p, Calc calc, int a, int b) {
  if (calc == Calc::Multiply && is_constant(p, a, 1)) return b;
  if ((calc == Calc::Multiply || calc == Calc::Divide) && is_constant(p, b, 1)) return a;
  if (calc == Calc::Add && is_constant(p, a, 0)) return b;
  if ((calc == Calc::Add || calc == Calc::Subtract) && is_constant(p, b, 0)) return a;
  return -1;
}

}  // namespace

Scalar record(Calc calc, Scalar a) { return {a.program(), append(*a.program(), calc, a.value())}; }
Scalar record(Calc calc, Scalar a, Scalar b) { return {a.program(), append(*a.program(), calc, a.value(), b.value())}; }
Scalar record(Calc calc, Scalar a, Scalar b, Scalar c) { return {a.program(), append(*a.program(), calc, a.value(), b.value(), 0, c.value())}; }
Scalar record_constant(Program* program, float value) { return {program, append(*program, Calc::Constant, -1, -1, value)}; }

Program derivative(const Program& forward) {
  Program p;
  p.inputs = forward.inputs + 1;
  auto moved = [&](int value) { return value < forward.inputs ? value : value + 1; };  // the gradient sits behind the inputs
  for (const Instruction& i : forward.code) append(p, i.calc, moved(i.a), moved(i.b), i.constant, moved(i.c));

  const int count = static_cast<int>(forward.code.size());
  Reverse reverse(p, p.inputs + count);
  reverse.add(moved(forward.outputs[0]), forward.inputs);
  for (int n = count - 1; n >= 0; n--) {
    const int value = p.inputs + n;
    const Instruction instruction = p.code[n];  // a copy: `through` grows the vector
    if (reverse.adjoint(value) >= 0) reverse.through(instruction, value, reverse.adjoint(value));
  }
  for (int input = 0; input < forward.inputs; input++) p.outputs.push_back(reverse.adjoint(input));
  return p;
}

Program simplified(const Program& program) {
  // Forward: equal instructions become one, x*1 and x+0 become x.
  Program merged;
  merged.inputs = program.inputs;
  std::vector<int> place(program.inputs + program.code.size());
  for (int i = 0; i < program.inputs; i++) place[i] = i;
  std::map<std::tuple<Calc, int, int, int, uint32_t>, int> seen;
  for (size_t n = 0; n < program.code.size(); n++) {
    const Instruction& i = program.code[n];
    const int a = i.a < 0 ? -1 : place[i.a], b = i.b < 0 ? -1 : place[i.b], c = i.c < 0 ? -1 : place[i.c];
    uint32_t bits;
    std::memcpy(&bits, &i.constant, sizeof bits);
    int& value = place[program.inputs + n];
    value = same_as(merged, i.calc, a, b);
    if (value >= 0) continue;
    const auto key = std::make_tuple(i.calc, a, b, c, bits);
    const auto found = seen.find(key);
    value = found != seen.end() ? found->second : seen[key] = append(merged, i.calc, a, b, i.constant, c);
  }
  for (int output : program.outputs) merged.outputs.push_back(output < 0 ? -1 : place[output]);

  // Backward: only what an output needs stays.
  std::vector<bool> needed(merged.inputs + merged.code.size(), false);
  for (int output : merged.outputs) if (output >= 0) needed[output] = true;
  for (int n = static_cast<int>(merged.code.size()) - 1; n >= 0; n--) {
    if (!needed[merged.inputs + n]) continue;
    for (int operand : {merged.code[n].a, merged.code[n].b, merged.code[n].c}) if (operand >= 0) needed[operand] = true;
  }
  Program kept;
  kept.inputs = merged.inputs;
  std::vector<int> at(needed.size(), -1);
  for (int i = 0; i < merged.inputs; i++) at[i] = i;
  for (size_t n = 0; n < merged.code.size(); n++) {
    const Instruction& i = merged.code[n];
    if (needed[merged.inputs + n])
      at[merged.inputs + n] = append(kept, i.calc, i.a < 0 ? -1 : at[i.a], i.b < 0 ? -1 : at[i.b], i.constant, i.c < 0 ? -1 : at[i.c]);
  }
  for (int output : merged.outputs) kept.outputs.push_back(output < 0 ? -1 : at[output]);
  return kept;
}

const char* complaint_about(const Program& program) {
  if (program.inputs < 1 || program.inputs > max_ew_inputs) return "needs 1 to 15 inputs";
  if (program.code.size() > max_program_code) return "is longer than 256 instructions";
  if (program.outputs.size() != 1) return "needs exactly one output";
  for (size_t n = 0; n < program.code.size(); n++) {
    const Instruction& i = program.code[n];
    const int known = program.inputs + static_cast<int>(n);
    if (i.calc >= Calc::Count) return "has an unknown instruction";
    if (operands(i.calc) > 0 ? i.a < 0 || i.a >= known : i.a != -1) return "uses a value before it exists";
    if (operands(i.calc) > 2 ? i.c < 0 || i.c >= known : i.c != -1) return "uses a value before it exists";
    if (operands(i.calc) > 1 ? i.b < 0 || i.b >= known : i.b != -1) return "uses a value before it exists";
  }
  const int values = program.inputs + static_cast<int>(program.code.size());
  if (program.outputs[0] < 0 || program.outputs[0] >= values) return "has an output that does not exist";
  return "";
}

}  // namespace swarm
