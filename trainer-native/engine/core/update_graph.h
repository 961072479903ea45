// The update of one parameter as plain data: what a step makes of the parameter, its gradient and its states. An update rule is a
// function that describes this once for every parameter of its group; it sees shapes, never values. The engine plans the memory,
// joins elementwise neighbours into one pass and counts the work. Written rules to read: engine/optim/adam.cpp, muon.cpp.
// defines: Value, Each, Product, UpdateNode, UpdateGraph, UpdateRule
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/expression.h"

namespace swarm {

struct Value {  // a matrix, a column [rows, 1], a row [1, cols] or a number [1, 1]
  int node = -1;
};

enum class Each : uint8_t { Matrix, Row, Column };  // what a sum gives one number for
enum class Product : uint8_t { AB, ABt, AtB };      // t: transposed

enum class UpdateOp : uint8_t { Parameter, Gradient, State, Lr, Momentum, WeightDecay, Step, Ew, Sum, Matmul, Polar };

struct UpdateNode {
  UpdateOp op = UpdateOp::Parameter;
  std::vector<int> inputs;
  int rows = 1, cols = 1;
  bool known_before = false;  // a number that needs no tensor: computed in float64, rounded where it meets one
  float base = 1;             // of Lr and WeightDecay
  Each each = Each::Matrix;
  Product product = Product::AB;
  int steps = 0;              // of Polar
  Program program;            // of Ew
};

class UpdateGraph {
 public:
  UpdateGraph(std::string name, int rows, int cols);
  const std::string& name() const { return name_; }
  int rows() const { return nodes_[0].rows; }
  int cols() const { return nodes_[0].cols; }

  Value parameter() const { return {0}; }
  Value gradient() const { return {1}; }
  Value state() { return state(rows(), cols()); }  // as large as the parameter; every state starts at 0
  Value state(int rows, int cols);

  // The numbers of a step, from the schedule.
  Value lr(float base = 1);            // base times its lr
  Value momentum();
  Value weight_decay(float base = 1);  // base times its weight_decay
  Value step();                        // 1, 2, 3, ..

  // One number of the result from one number of each input: u.ew({m, g}, [](auto m, auto g) { return 0.9f * m + g; }).
  // Columns, rows and numbers stretch to the largest input.
  template <size_t K, class Function>
  Value ew(const Value (&inputs)[K], Function function) {
    Program program;
    program.inputs = K;
    record_call(program, function, std::make_index_sequence<K>{});
    return ew_program(std::vector<Value>(inputs, inputs + K), program);
  }
  Value ew_program(const std::vector<Value>& inputs, const Program& program);

  Value sum(Value x, Each each = Each::Matrix);
  Value mean_square(Value x, Each each = Each::Matrix);
  Value norm(Value x);                                            // root of the sum of squares
  Value matmul(Value a, Value b, Product product = Product::AB);  // of x with itself transposed: half the work
  Value polar(Value x, int steps);                                // nearly the orthogonal factor of x, by Polar Express

  // What the parameter or a state becomes when the step is over. Every value above is of before; each target is set once.
  void set(Value target, Value value);

  const std::vector<UpdateNode>& nodes() const { return nodes_; }
  const std::vector<std::pair<int, int>>& sets() const { return sets_; }  // target, value
  void require_whole() const;  // throws Refused when the parameter or a state is never set

 private:
  template <class Function, size_t... I>
  static void record_call(Program& program, Function& function, std::index_sequence<I...>) {
    program.outputs = {function(Scalar(&program, static_cast<int>(I))...).value()};
  }
  Value append(UpdateNode node);
  Value number(UpdateOp op, float base);
  const UpdateNode& at(Value value) const;  // throws Refused

  std::string name_;
  std::vector<UpdateNode> nodes_;
  std::vector<std::pair<int, int>> sets_;
};

using UpdateRule = std::function<void(UpdateGraph&)>;

}  // namespace swarm
