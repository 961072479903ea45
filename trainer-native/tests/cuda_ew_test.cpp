// Expressions, interpreted and as known forms, forward and derivative, against float64 run by the same program, over every kind of input.
#include "cuda_check.h"
#include "engine/core/calculate.h"
#include "engine/cuda/ew.h"
#include "harness/contract.h"

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
      if (got.size() > 1) check_close(what, got, wanted[o], std::vector<float>(wanted[o].begin(), wanted[o].end()));
      else CHECK_NEAR(got[0], wanted[o][0], 1e-6 * (std::fabs(wanted[o][0]) + std::sqrt(double(N * C))));  // terms below 1 that cancel
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

TEST("cuda ew: known forms, forward and derivative, written and added to, in every order of threads") {
  const auto gated = expression<3>([](auto v, auto gate, auto ve) { return v + 2.0f * sigmoid(gate) * ve; });
  const auto mix = expression<4>([](auto x, auto x0, auto resid, auto back) { return resid * x + back * x0; });
  const auto mix_turned = expression<4>([](auto resid, auto x, auto x0, auto back) { return x0 * back + x * resid; });
  const auto relu2 = expression<1>([](auto x) { return square(relu(x)); });
  const auto sum = expression<2>([](auto a, auto b) { return a + b; }), product = expression<2>([](auto a, auto b) { return b * a; });
  const auto check = [](const Program& program, size_t N, int C, const std::vector<EwOperand>& inputs, bool add, bool known) {
    std::vector<EwOperand> with_gradient = inputs;
    with_gradient.push_back({Spread::Full, C});
    CHECK_EQUAL(EwPlan(simplified(program), C, inputs, {{Spread::Full, C}}).is_known(), known);
    CHECK_EQUAL(EwPlan(simplified(derivative(program)), C, with_gradient, inputs).is_known(), known);
    return check_both(program, N, size_t(C), inputs, add);
  };
  const EwOperand one{Spread::Single, 1};
  for (bool add : {false, true})
    for (int C : {8, 64, 136, 2048, 20}) {  // 136: the last block is not full; 20: no eights, interpreted
      const EwOperand full{Spread::Full, C};
      const size_t N = C == 2048 ? 3 : 19;
      check(relu2, N, C, {full}, add, C != 20);
      check(sum, N, C, {full, full}, add, C != 20);
      check(product, N, C, {full, full}, add, C != 20);
      check(mix, N, C, {full, full, one, one}, add, C != 20);
      check(mix_turned, N, C, {one, full, full, one}, add, C != 20);
      const int heads = C == 20 ? 2 : C == 136 ? 17 : C == 2048 ? 8 : 1;
      check(gated, N, C, {full, {Spread::Head, heads}, full}, add, C != 20);
    }
  const EwOperand full{Spread::Full, 48};  // heads of 24 channels, or two kinds of heads: no even share of a warp
  check(gated, 5, 48, {full, {Spread::Head, 2}, full}, false, false);
  check(mix, 5, 48, {full, full, {Spread::Channel, 48}, one}, false, false);
  every_order([&] {
    const EwOperand wide{Spread::Full, 256};
    return check(mix, 40, 256, {wide, wide, one, one}, true, true) + check(gated, 33, 256, {wide, {Spread::Head, 4}, wide}, true, true);
  });
}

TEST("cuda ew: one tensor as two inputs of a known form gets both parts of its gradient") {
  const auto program = simplified(derivative(expression<2>([](auto a, auto b) { return a * b; })));
  support::Random random(5);
  const EwOperand full{Spread::Full, 16};
  const EwPlan plan(program, 16, {full, full, full}, {full, full});
  CHECK(plan.is_known());
  const auto x = numbers(random, 7 * 16), d = numbers(random, x.size());
  const On<bf16> X(x), D(d), dx(x.size());
  Tape tape;
  plan.record(tape, 7, {X, X, D}, {dx, dx}, {false, true}, nullptr);
  tape.run();
  std::vector<double> wanted;
  std::vector<bf16> naive;
  for (size_t i = 0; i < x.size(); i++) {
    const float part = to_float(x[i]) * to_float(d[i]);
    wanted.push_back(2.0 * part), naive.push_back(to_bf16(to_float(to_bf16(part)) + part));
  }
  check_close("dx", dx.get(), wanted, naive);
}

TEST("cuda ew: a sum or a mix with the rmsnorm of its rows, up to what a warp holds") {
  const auto mix = simplified(expression<4>([](auto x, auto x0, auto resid, auto back) { return resid * x + back * x0; }));
  const auto check = [&](int N, int C) {
    support::Random random(uint64_t(N + C));
    const EwOperand full{Spread::Full, C}, one{Spread::Single, 1};
    const EwPlan plan(mix, C, {full, full, one, one}, {full});
    CHECK_EQUAL(plan.has_norm(), C <= 1024);
    if (!plan.has_norm()) return std::string();
    const auto x = numbers(random, size_t(N) * C), x0 = numbers(random, x.size());
    const On<bf16> X(x), X0(x0), made(x.size()), y(x.size());
    const On<float> resid(std::vector<float>{0.9f}), back(std::vector<float>{-0.3f}), rstd{size_t(N)};
    Tape tape;
    plan.record_with_norm(tape, N, {X, X0, resid, back}, made, 1e-7f, y, rstd);
    tape.run();
    std::vector<double> wanted, normed;
    for (size_t i = 0; i < x.size(); i++) wanted.push_back(double(0.9f) * to_float(x[i]) + double(-0.3f) * to_float(x0[i]));
    check_close("made", made.get(), wanted);
    const auto row = made.get();
    for (size_t n = 0; n < size_t(N); n++) {
      double squares = 0;
      for (size_t i = n * C; i < (n + 1) * C; i++) squares += double(to_float(row[i])) * to_float(row[i]);
      for (size_t i = n * C; i < (n + 1) * C; i++) normed.push_back(to_float(row[i]) / std::sqrt(squares / C + 1e-7));
      CHECK_NEAR(rstd.get()[n], 1 / std::sqrt(squares / C + 1e-7), 1e-5);
    }
    check_close("y", y.get(), normed);
    return bits_of(made.get()) + bits_of(y.get()) + bits_of(rstd.get());
  };
  for (int C : {8, 128, 264, 512, 768, 1024, 1032}) check(11, C);
  every_order([&] { return check(9, 520); });
}

TEST("cuda ew: every expression of the shipped recipe but the head's is a known form, forward and backward") {
  Graph graph({2, 16, 32});
  experiment_build(graph, graph.shape());
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    const Node& node = graph.nodes()[n];
    if (node.op != Op::Ew || int(n) == graph.output_node()) continue;
    std::vector<EwOperand> inputs;
    for (int i : node.inputs) {
      const Node& in = graph.nodes()[size_t(i)];
      inputs.push_back(in.op == Op::Param ? EwOperand{Spread::Single, 1} : in.cols == node.cols ? EwOperand{Spread::Full, in.cols} : EwOperand{Spread::Head, in.cols});
    }
    const EwOperand full{Spread::Full, node.cols};
    std::vector<EwOperand> with_gradient = inputs;
    with_gradient.push_back(full);
    CHECK(EwPlan(simplified(node.program), node.cols, inputs, {full}).is_known());
    CHECK(EwPlan(simplified(derivative(node.program)), node.cols, with_gradient, inputs).is_known());
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
