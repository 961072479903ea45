// Elementwise expressions as data: a lambda over Scalars is called once and what it computes is written down as a Program.
// defines: Calc, Instruction, Program, Scalar and its arithmetic, derivative, simplified, complaint_about
#pragma once
#include <cstdint>
#include <type_traits>
#include <vector>

namespace swarm {

constexpr int max_ew_inputs = 15, max_ew_outputs = 16, max_program_code = 256;

enum class Calc : uint8_t {
  Constant, Add, Subtract, Multiply, Divide, Maximum, Minimum,  // two operands, Constant has none
  Relu, Square, Exp, Log, Tanh, Sigmoid, Sqrt,                  // one operand
  IsPositive, IsAtLeast,                                        // x > 0 and a >= b as 1 or 0: what the gradients of relu, max and min need
  MultiplyAdd,                                                  // a b + c, rounded once
  Count
};

struct Instruction {
  Calc calc;
  int a = -1, b = -1;  // value numbers: 0..inputs-1 are the inputs, inputs+i is instruction i
  float constant = 0;
  int c = -1;
};

struct Program {
  int inputs = 0;
  std::vector<Instruction> code;
  std::vector<int> outputs;  // value numbers; -1 in a derivative program: "is zero"
};

// One symbolic number. It has no value, only a place in the program that is being written.
class Scalar {
 public:
  Scalar(Program* program, int value) : program_(program), value_(value) {}
  Program* program() const { return program_; }
  int value() const { return value_; }

 private:
  Program* program_;
  int value_;
};

Scalar record(Calc calc, Scalar a);
Scalar record(Calc calc, Scalar a, Scalar b);
Scalar record(Calc calc, Scalar a, Scalar b, Scalar c);
Scalar record_constant(Program* program, float value);

#define SWARM_BINARY(name, calc)                                                                             \
  inline Scalar name(Scalar a, Scalar b) { return record(calc, a, b); }                                      \
  inline Scalar name(Scalar a, float b) { return record(calc, a, record_constant(a.program(), b)); }         \
  inline Scalar name(float a, Scalar b) { return record(calc, record_constant(b.program(), a), b); }
SWARM_BINARY(operator+, Calc::Add)
SWARM_BINARY(operator-, Calc::Subtract)
SWARM_BINARY(operator*, Calc::Multiply)
SWARM_BINARY(operator/, Calc::Divide)
SWARM_BINARY(max, Calc::Maximum)
SWARM_BINARY(min, Calc::Minimum)
SWARM_BINARY(is_at_least, Calc::IsAtLeast)  // a >= b as 1 or 0; flat, like is_positive and sign
#undef SWARM_BINARY

inline Scalar operator-(Scalar a) { return 0.0f - a; }
inline Scalar relu(Scalar a) { return record(Calc::Relu, a); }
inline Scalar square(Scalar a) { return record(Calc::Square, a); }
inline Scalar exp(Scalar a) { return record(Calc::Exp, a); }
inline Scalar log(Scalar a) { return record(Calc::Log, a); }
inline Scalar tanh(Scalar a) { return record(Calc::Tanh, a); }
inline Scalar sigmoid(Scalar a) { return record(Calc::Sigmoid, a); }
inline Scalar sqrt(Scalar a) { return record(Calc::Sqrt, a); }
inline Scalar abs(Scalar a) { return max(a, -a); }
inline Scalar is_positive(Scalar a) { return record(Calc::IsPositive, a); }  // 1 or 0
inline Scalar sign(Scalar a) { return is_positive(a) - is_positive(-a); }                  // of 0: 0
inline Scalar power(float base, Scalar exponent) { return exp(exponent * log(record_constant(exponent.program(), base))); }

// a b + c with one rounding; a kernel's fused multiply-add. Any of the three may be a float.
template <class A, class B, class C>
Scalar fma(A a, B b, C c) {
  Program* program = nullptr;
  const auto find = [&](auto x) {
    if constexpr (std::is_same_v<decltype(x), Scalar>) program = x.program();
  };
  find(a), find(b), find(c);
  const auto lift = [&](auto x) {
    if constexpr (std::is_same_v<decltype(x), Scalar>) return x;
    else return record_constant(program, x);
  };
  return record(Calc::MultiplyAdd, lift(a), lift(b), lift(c));
}

// The derivative of `forward` (one output): inputs are those of `forward` plus the output's gradient, one output per input.
Program derivative(const Program& forward);

// Drops what no output needs and folds constants; outputs keep their order.
Program simplified(const Program& program);

// Says what is wrong with a program that came from a file, or "" when every operand exists before its use.
const char* complaint_about(const Program& program);

}  // namespace swarm
