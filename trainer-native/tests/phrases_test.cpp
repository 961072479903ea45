// Phrases give the bits of their instructions one by one, on every instruction set, and are found where they stand alone.
#include "engine/core/graph.h"
#include "harness/contract.h"
#include "engine/ops/phrases.h"
#include "kernel_check.h"

using namespace swarm;
using kernel_check::Buffer;

namespace {

const float special[] = {0.0f, -0.0f, 1e-45f, 1.17549435e-38f, 1, -1, 100, -100, 3.4e38f, -3.4e38f, INFINITY, -INFINITY, NAN};

void calculate(const cpu::Kernels& k, Calc calc, long n, const float* a, const float* b, float* to) {
  switch (calc) {
    case Calc::Add: return k.add(n, a, b, to);
    case Calc::Subtract: return k.subtract(n, a, b, to);
    case Calc::Multiply: return k.multiply(n, a, b, to);
    case Calc::Divide: return k.divide(n, a, b, to);
    case Calc::Relu: return k.relu(n, a, to);
    case Calc::Square: return k.square(n, a, to);
    case Calc::Tanh: return k.tanh(n, a, to);
    case Calc::Sigmoid: return k.sigmoid(n, a, to);
    case Calc::IsPositive: return k.is_positive(n, a, to);
    default: check::fail(__FILE__, __LINE__, "a phrase uses an instruction that this test does not know");
  }
}

std::vector<TilePass> passes_of_gradient(const Node& node) { return tile_passes_of(simplified(derivative(node.program))); }

}  // namespace

TEST("phrases: one pass gives the bits of all instructions one by one, on every instruction set") {
  for (const cpu::Kernels* k : kernel_check::tables())
    for (int which = 0; which < static_cast<int>(cpu::Phrase::Count); which++)
      for (long n : {1, 15, 16, 37, 1000}) {
        const Program program = phrase_program(cpu::Phrase(which));
        const size_t inputs = size_t(program.inputs);
        std::vector<Buffer> values(inputs + program.code.size(), Buffer(size_t(n)));
        kernel_check::Random random(uint64_t(which) * 1000 + uint64_t(n));
        const float* in[cpu::max_phrase_inputs] = {};
        for (size_t i = 0; i < inputs; i++) {
          random.fill(values[i], -3, 3);
          for (size_t s = 0; s < std::size(special) && long(s) < n; s++) values[i][(s * (i + 1) * 7 + i) % size_t(n)] = special[s];
          in[i] = values[i];
        }
        const float constants[cpu::max_phrase_constants] = {15, 1};
        int constant = 0;
        for (size_t c = 0; c < program.code.size(); c++) {
          const Instruction& code = program.code[c];
          if (code.calc == Calc::Constant) k->fill(n, constants[constant++], values[inputs + c]);
          else calculate(*k, code.calc, n, values[code.a], code.b < 0 ? nullptr : static_cast<const float*>(values[code.b]), values[inputs + c]);
        }
        Buffer out{size_t(n)};
        k->phrase(cpu::Phrase(which), n, in, constants, out);
        out.check_canaries();
        const float* wanted = values[size_t(program.outputs[0])];
        for (long i = 0; i < n; i++)
          if (!(std::memcmp(&out[i], wanted + i, 4) == 0 || (std::isnan(out[i]) && std::isnan(wanted[i])))) kernel_check::close("phrase", k->isa, i, out[i], wanted[i], 0, 0);
      }
}

TEST("phrases: the shipped recipe's expressions take one pass forward and as few backward as they are meant to") {
  Graph graph({2, 16, 32});
  experiment_build(graph, graph.shape());
  for (const Node& node : graph.nodes()) {
    if (node.op != Op::Ew) continue;
    CHECK_EQUAL(tile_passes_of(simplified(node.program)).size(), size_t{1});
    const size_t inputs = node.inputs.size();  // 1: relu squared and softcap, 2: a sum, 3: a gate, 4: a mix
    CHECK_EQUAL(passes_of_gradient(node).size(), inputs == 1 ? size_t{1} : inputs == 2 ? size_t{0} : size_t{4});
  }
}

TEST("phrases: what somebody else reads is still computed") {
  Program program;
  program.inputs = 1;
  program.code = {{Calc::Relu, 0}, {Calc::Square, 1}, {Calc::Add, 2, 1}};
  program.outputs = {3};
  CHECK_EQUAL(tile_passes_of(program).size(), size_t{3});
  program.code.pop_back();
  program.outputs = {2};
  CHECK_EQUAL(tile_passes_of(program).size(), size_t{1});
  program.outputs = {2, 1};
  CHECK_EQUAL(tile_passes_of(program).size(), size_t{2});
}

TEST("phrases: none is laid over a value that it would read itself, since nobody would compute it") {
  // m = x*y; m + m*z: the shape of a mix with m as one of its inputs.
  Program program;
  program.inputs = 3;
  program.code = {{Calc::Multiply, 0, 1}, {Calc::Multiply, 3, 2}, {Calc::Add, 3, 4}};
  program.outputs = {5};
  const std::vector<TilePass> passes = tile_passes_of(program);
  CHECK_EQUAL(passes.size(), size_t(3));
  for (const TilePass& pass : passes) CHECK(pass.phrase == cpu::Phrase::None);
}
