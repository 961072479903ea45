// The network as plain data: nodes in the order they were described, each an op, its inputs and its attributes.
// `build` appends nodes through the methods below; nothing here sees data, weights or time.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/expression.h"
#include "engine/core/frame.h"

namespace swarm {

struct Shape {
  int rows;   // rows of T tokens in one step
  int T;      // tokens in a row: the context
  int vocab;  // logits per token
};

// How a parameter starts.
struct Init {
  enum Kind : uint8_t { Constant, Normal, Uniform } kind = Constant;
  float scale = 0;  // the constant itself, the standard deviation, or the bound of U(-scale, scale)
};
inline Init constant(float value) { return {Init::Constant, value}; }
inline Init normal(float sd) { return {Init::Normal, sd}; }
inline Init uniform(float bound) { return {Init::Uniform, bound}; }

enum class Op : uint8_t { Tokens, Param, Embed, Linear, RmsNorm, Rope, Attention, Ew, Slice, Concat, TokenShift, Conv, Scan, Custom, Count };

struct Node {
  Op op = Op::Tokens;
  std::vector<int> inputs;
  int rows = 0;                  // of a parameter; 0 for everything that has one row per token
  int cols = 0;
  std::array<int, 4> ints{};     // meaning is the op's, see engine/ops/<op>.h
  std::array<float, 2> floats{};
  Program program;               // of Ew
  std::string name;              // of a parameter or custom op
  Init init;                     // of a parameter
  const CustomFunctions* custom = nullptr;  // of a custom op; code, so no file has it
  std::function<void(const Frame<float>&)> answered;  // of a custom op whose code runs elsewhere: its forward, see judge/own_code.h
};

struct Tensor {
  int node = -1;
};

struct AttentionOptions {
  int heads = 1;
  int kv_heads = 0;    // 0: as many as heads; fewer share keys and values among queries
  int window = 0;      // a token sees itself and `window` tokens before it
  float scale = 0;     // 0: 1/sqrt(head dim)
  float softcap = 0;   // squeezes scores into plus or minus this by tanh; 0: not at all
};

void require_shape(const Shape& shape);  // throws Refused

class Graph {
 public:
  explicit Graph(const Shape& shape);

  Tensor tokens();                                                        // the input: one id per position
  Tensor param(const std::string& name, int rows, int cols, Init init);   // a matrix [rows, cols], named once
  Tensor param(const std::string& name, int cols, Init init) { return param(name, 1, cols, init); }

  Tensor embed(Tensor table);                            // table [vocab, C] -> [N, C], row of each token
  Tensor linear(Tensor x, Tensor weight);                // x [N, in], weight [out, in] -> [N, out]
  Tensor rmsnorm(Tensor x, int group = 0);               // each group of channels to unit mean square; 0: all channels are one group
  Tensor rope(Tensor x, int head_dim, float base);       // rotates by -position*base^(-2i/head_dim), half split
  Tensor attention(Tensor q, Tensor k, Tensor v, const AttentionOptions& options);
  Tensor token_shift(Tensor x, int k);                   // x of the token k >= 1 places before, zeros at the start of a row
  Tensor conv(Tensor x, Tensor weight);                  // causal, each channel by itself; weight [taps <= 8, C], row 0 is the token itself
  Tensor scan(Tensor a, Tensor b);                       // h[t] = a[t] * h[t-1] + b[t], 0 before the row
  Tensor slice(Tensor x, int first, int count);          // channels first .. first+count-1
  Tensor concat(const std::vector<Tensor>& parts);       // channels side by side

  // One number of the output from one number of each input: g.ew({x, gate}, [](auto x, auto s) { return x * sigmoid(s); }).
  // The first input has the full width [N, C]; others may be [N, C], one number per head [N, H], a parameter [C] or a parameter [1].
  template <size_t K, class Function>
  Tensor ew(const Tensor (&inputs)[K], Function function) {
    Program program;
    program.inputs = K;
    record_call(program, function, std::make_index_sequence<K>{});
    return ew_program(std::vector<Tensor>(inputs, inputs + K), program);
  }
  Tensor ew_program(const std::vector<Tensor>& inputs, const Program& program);

  // An op of your own, where no other will do: inputs activations or parameters, `cols` channels a token out, causal inside rows of T.
  //   struct Halve {
  //     template <class Real> void forward(const Frame<Real>& f) const { for (int i = 0; i < f.N * 64; i++) f.out[i] = f.in[0][i] / 2; }
  //     template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i < f.N * 64; i++) f.din[0][i] += f.dout[i] / 2; }
  //   };
  //   y = g.custom<Halve>("halve", {x}, 64);
  // Refused unless gradient, precision and causality pass a trial; trains under wall and cpu budgets only; its score is probed, not proved.
  template <class Own>
  Tensor custom(const std::string& name, const std::vector<Tensor>& inputs, int cols) {
    return custom(name, inputs, cols, &custom_functions<Own>);
  }
  Tensor custom(const std::string& name, const std::vector<Tensor>& inputs, int cols, const CustomFunctions* functions);

  void output(Tensor logits);  // [N, vocab], once

  const Shape& shape() const { return shape_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& operator[](Tensor t) const { return nodes_[t.node]; }
  int output_node() const { return output_; }
  Tensor append(Node node);  // checks the op's shape rule and fills in cols; what all of the above and the reader of checkpoints call

 private:
  template <class Function, size_t... I>
  static void record_call(Program& program, Function& function, std::index_sequence<I...>) {
    program.outputs = {function(Scalar(&program, static_cast<int>(I))...).value()};
  }

  Shape shape_;
  std::vector<Node> nodes_;
  int output_ = -1;
};

Graph with_rows(const Graph& graph, int rows);  // the same network for another number of rows

}  // namespace swarm
