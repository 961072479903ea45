// The interpreter of expressions, forward and derivative, against float64 run by the same program, over every kind of input.
#include "cuda_check.h"
#include "engine/core/calculate.h"
#include "engine/cuda/ew.h"

using namespace cuda_check;
using namespace swarm;
using cuda::EwOperand;
using cuda::EwPlan;
using cuda::Spread;

namespace {

template <size_t K, class Function, size_t... I>
Program recorded(Function function, std::index_sequence<I...>) {
  Program program;
  program.inputs = K;
  program.outputs = {function(Scalar(&program, int(I))...).value()};
  return program;
}
template <size_t K, class Function>
Program expression(Function function) { return recorded<K>(function, std::make_index_sequence<K>{}); }

size_t place(const EwOperand& o, size_t at, size_t C) {
  return o.spread == Spread::Full ? at : o.spread == Spread::Head ? at / (C / o.width) : o.spread == Spread::Channel ? at % C : 0;
}
size_t size_of(const EwOperand& o, size_t N) { return o.spread == Spread::Full || o.spread == Spread::Head ? N * size_t(o.width) : size_t(o.width); }
bool is_bf16(const EwOperand& o) { return o.spread == Spread::Full || o.spread == Spread::Head; }

// Runs `program` on the device and in float64; its outputs are shaped like `outputs`. Returns the bits of all of them.
std::string check_program(const Program& program, size_t N, size_t C, const std::vector<EwOperand>& inputs, const std::vector<EwOperand>& outputs, bool add) {
  support::Random random(N * 31 + C);
  std::vector<std::vector<double>> in, wanted;
  std::vector<std::unique_ptr<On<bf16>>> narrow;
  std::vector<std::unique_ptr<On<float>>> full;
  std::vector<const void*> from;
  std::vector<void*> to;
  const auto place_on_device = [&](const EwOperand& o, bool filled) -> void* {
    const auto values = numbers(random, size_of(o, N));
    in.push_back(doubles(values));
    if (is_bf16(o)) {
      narrow.push_back(std::make_unique<On<bf16>>(values));
      if (!filled) narrow.back()->poison();
      return static_cast<bf16*>(*narrow.back());
    }
    std::vector<float> wide(in.back().begin(), in.back().end());
    full.push_back(std::make_unique<On<float>>(wide));
    if (!filled) full.back()->poison();
    return static_cast<float*>(*full.back());
  };
  for (const EwOperand& o : inputs) from.push_back(place_on_device(o, true));
  for (const EwOperand& o : outputs) to.push_back(place_on_device(o, add));

  const EwPlan plan(program, int(C), inputs, outputs);
  const On<float> scratch(plan.scratch_floats(int(N)));
  Tape tape;
  plan.record(tape, int(N), from, to, std::vector<bool>(outputs.size(), add), scratch);
  tape.run();

  for (size_t o = 0; o < outputs.size(); o++) wanted.push_back(add ? in[inputs.size() + o] : std::vector<double>(size_of(outputs[o], N), 0.0));
  std::vector<double> v(size_t(program.inputs) + program.code.size());
  for (size_t at = 0; at < N * C; at++) {
    for (size_t i = 0; i < inputs.size(); i++) v[i] = in[i][place(inputs[i], at, C)];
    calculate<LibraryFunctions>(program, v.data());
    for (size_t o = 0; o < outputs.size(); o++)
      if (program.outputs[o] >= 0) wanted[o][place(outputs[o], at, C)] += v[size_t(program.outputs[o])];
  }
  std::string bits;
  for (size_t o = 0; o < outputs.size(); o++) {
    const std::string what = "output " + std::to_string(o);
    if (is_bf16(outputs[o])) {
      std::vector<bf16> got(wanted[o].size());
      cuda::download(got.data(), to[o], got.size() * 2);
      check_close(what, got, wanted[o]);
      bits += bits_of(got);
    } else {
      std::vector<float> got(wanted[o].size());
      cuda::download(got.data(), to[o], got.size() * 4);
      check_close(what, got, wanted[o], got.size() > 1 || add ? std::vector<float>(wanted[o].begin(), wanted[o].end()) : got);
      bits += bits_of(got);
    }
  }
  return bits;
}

// The expression and its derivative: inputs plus the output's gradient to the gradient of every input.
std::string check_both(const Program& program, size_t N, size_t C, const std::vector<EwOperand>& inputs, bool add) {
  const EwOperand full{Spread::Full, int(C)};
  std::vector<EwOperand> with_gradient = inputs;
  with_gradient.push_back(full);
  return check_program(simplified(program), N, C, inputs, {full}, false) +
         check_program(simplified(derivative(program)), N, C, with_gradient, inputs, add);
}

}  // namespace

TEST("cuda ew: every instruction and its derivative") {
  const EwOperand x16{Spread::Full, 16}, x13{Spread::Full, 13};
  check_both(expression<1>([](auto x) { return 3.0f - (x + 2.0f) * x / (square(x) + 1.0f); }), 5, 16, {x16}, false);
  check_both(expression<1>([](auto x) { return relu(x) - min(x, 0.3f) * max(x, -x); }), 5, 13, {x13}, true);
  check_both(expression<1>([](auto x) { return exp(x) * tanh(x) + sigmoid(4.0f * x); }), 5, 16, {x16}, false);
  check_both(expression<1>([](auto x) { return log(square(x) + 0.5f) + sqrt(square(x) + 0.1f) / exp(-x); }), 5, 13, {x13}, false);
  check_both(expression<2>([](auto x, auto y) { return fma(x, y, 2.0f) * is_at_least(x, 0.5f) - abs(y); }), 5, 16, {x16, x16}, true);
  check_both(expression<2>([](auto x, auto) { return x; }), 5, 13, {x13, x13}, false);  // a gradient of zeros
}

TEST("cuda ew: inputs per head, per channel and single; their gradients are sums") {
  for (int C : {2, 24, 40, 1032, 1030}) {
    const std::vector<EwOperand> inputs{{Spread::Full, C}, {Spread::Channel, C}, {Spread::Single, 1}, {Spread::Head, 2}};
    const auto mixed = expression<4>([](auto x, auto c, auto s, auto gate) { return x * c + s * tanh(x) + x * sigmoid(gate); });
    check_both(mixed, 6, size_t(C), inputs, C == 40);
    if (C == 24) every_order([&] { return check_both(mixed, 70, 24, inputs, true); });
  }
}

TEST("cuda ew: a program too long for the kernel is refused") {
  const Program longer = expression<1>([](auto x) {
    auto y = x;
    for (int i = 0; i < 400; i++) y = y + x * float(i);
    return y;
  });
  CHECK_THROWS(EwPlan(longer, 8, {{Spread::Full, 8}}, {{Spread::Full, 8}}), Refused, "split it in two");
}
