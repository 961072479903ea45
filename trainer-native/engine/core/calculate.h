// One number at a time through a recorded expression, in float64.
// defines: OwnFunctions, LibraryFunctions, calculate
#pragma once
#include <algorithm>
#include <cmath>

#include "engine/core/expression.h"
#include "engine/cpu/fmath.h"

namespace swarm {

struct OwnFunctions {  // the same bits on every machine
  static double exp(double x) { return fmath::exp(x); }
  static double log(double x) { return fmath::log(x); }
  static double tanh(double x) { return fmath::tanh(x); }
};

struct LibraryFunctions {  // for the oracle, which shares nothing with what it judges
  static double exp(double x) { return std::exp(x); }
  static double log(double x) { return std::log(x); }
  static double tanh(double x) { return std::tanh(x); }
};

// values [inputs + code.size()]: the inputs are given, the value of every instruction is filled in.
template <class Functions>
void calculate(const Program& program, double* values) {
  for (size_t n = 0; n < program.code.size(); n++) {
    const Instruction& code = program.code[n];
    const double a = code.a < 0 ? 0 : values[code.a], b = code.b < 0 ? 0 : values[code.b];
    double& to = values[program.inputs + n];
    switch (code.calc) {
      case Calc::Constant: to = code.constant; break;
      case Calc::Add: to = a + b; break;
      case Calc::Subtract: to = a - b; break;
      case Calc::Multiply: to = a * b; break;
      case Calc::Divide: to = a / b; break;
      case Calc::Maximum: to = std::max(a, b); break;
      case Calc::Minimum: to = std::min(a, b); break;
      case Calc::Relu: to = std::max(a, 0.0); break;
      case Calc::Square: to = a * a; break;
      case Calc::Exp: to = Functions::exp(a); break;
      case Calc::Log: to = Functions::log(a); break;
      case Calc::Tanh: to = Functions::tanh(a); break;
      case Calc::Sigmoid: to = 1 / (1 + Functions::exp(-a)); break;
      case Calc::Sqrt: to = std::sqrt(a); break;
      case Calc::IsPositive: to = a > 0; break;
      case Calc::IsAtLeast: to = a >= b; break;
      case Calc::MultiplyAdd: to = std::fma(a, b, values[code.c]); break;
      case Calc::Count: break;
    }
  }
}

}  // namespace swarm
