// What an op sees when it runs on one shard: N tokens, a multiple of T. Real is float (kernels) or double (reference).
// defines: max_inputs, Frame, CustomFunctions, functions_of
#pragma once
#include <cstdint>
#include <type_traits>

namespace swarm {

constexpr int max_inputs = 16;

template <class Real>
struct Frame {
  int N = 0, T = 0;
  const uint16_t* tokens = nullptr;      // [N]
  const Real* in[max_inputs] = {};       // activations [N, cols], parameters [rows, cols]
  Real* out = nullptr;                   // [N, cols]
  Real* aux = nullptr;                   // what forward leaves for backward
  const Real* dout = nullptr;            // [N, cols]
  Real* din[max_inputs] = {};            // gradients of the inputs, shaped like them
  bool add[max_inputs] = {};             // add to din instead of overwriting it
  Real* scratch = nullptr;
};

// An op of the experiment's own, see Graph::custom. Written for any Real: float trains, double is what float is held against.
struct CustomFunctions {
  void (*forward)(const Frame<float>&);
  void (*backward)(const Frame<float>&);
  void (*forward64)(const Frame<double>&);
  void (*backward64)(const Frame<double>&);
};

template <class Own>
constexpr CustomFunctions functions_of() {
  static_assert(std::is_empty_v<Own>, "a custom op keeps nothing between two calls: no members");
  return {[](const Frame<float>& f) { Own().forward(f); }, [](const Frame<float>& f) { Own().backward(f); },
          [](const Frame<double>& f) { Own().forward(f); }, [](const Frame<double>& f) { Own().backward(f); }};
}
template <class Own>
inline constexpr CustomFunctions custom_functions = functions_of<Own>();

}  // namespace swarm
