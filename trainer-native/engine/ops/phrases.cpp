#include "engine/ops/phrases.h"

#include <algorithm>
#include <array>

namespace swarm {
namespace {

constexpr int phrases = static_cast<int>(cpu::Phrase::Count);

template <class P>
Program record_phrase() {
  static_assert(P::inputs <= cpu::max_phrase_inputs && P::constants <= cpu::max_phrase_constants);
  Program program;
  program.inputs = P::inputs;
  std::vector<Scalar> x, c;
  for (int i = 0; i < P::inputs; i++) x.emplace_back(&program, i);
  for (int k = 0; k < P::constants; k++) c.push_back(record_constant(&program, 0));
  program.outputs = {P::template of<Scalar>(x.data(), c.data()).value()};
  return program;
}

bool either_way(Calc calc) { return calc == Calc::Add || calc == Calc::Multiply; }

// A phrase laid over a program so that the phrase's output is value `root`; a form, output by output.
class Fit {
 public:
  Fit(const Program& phrase, const Program& program, int root) : Fit(phrase, program, nullptr) { fits_ = lay(phrase.outputs[0], root); }
  // reads: says which inputs of the form may be which of the program's. Operands then may stand the other way round.
  Fit(const Program& form, const Program& program, const std::function<bool(int, int)>* reads)
      : phrase_(form), program_(program), reads_(reads), place_(form.inputs + form.code.size(), -1) {}
  bool lays(int output, int at) {
    const std::vector<int> before = place_;
    if (lay(phrase_.outputs[output], at)) return true;
    place_ = before;
    return false;
  }
  bool fits() const { return fits_; }
  int place(int value) const { return place_[value]; }  // of a value of the phrase, in the program
  // The values between inputs and output.
  std::vector<int> inside() const {
    std::vector<int> all;
    for (size_t n = 0; n < phrase_.code.size(); n++) {
      const int value = phrase_.inputs + static_cast<int>(n);
      if (phrase_.code[n].calc != Calc::Constant && value != phrase_.outputs[0]) all.push_back(place_[value]);
    }
    return all;
  }

 private:
  bool lay(int value, int at) {
    if (place_[value] >= 0) return place_[value] == at;
    place_[value] = at;
    if (value < phrase_.inputs) return !reads_ || (at < program_.inputs && (*reads_)(value, at));
    if (at < program_.inputs) return false;
    const Instruction &wanted = phrase_.code[value - phrase_.inputs], &there = program_.code[at - program_.inputs];
    if (wanted.calc != there.calc) return false;
    const std::vector<int> before = place_;
    if (operands(wanted, there.a, there.b, there.c)) return true;
    if (!reads_ || !either_way(wanted.calc)) return false;
    place_ = before;
    return operands(wanted, there.b, there.a, there.c);
  }
  bool operands(const Instruction& wanted, int a, int b, int c) {
    return (wanted.a < 0 || lay(wanted.a, a)) && (wanted.b < 0 || lay(wanted.b, b)) && (wanted.c < 0 || lay(wanted.c, c));
  }

  const Program &phrase_, &program_;
  const std::function<bool(int, int)>* reads_;
  std::vector<int> place_;
  bool fits_ = false;
};

bool holds(const std::vector<int>& values, int value) { return std::find(values.begin(), values.end(), value) != values.end(); }

// What a phrase reads may not lie inside it: nobody would compute it.
bool reads_inside(const Fit& fit, int inputs) {
  const std::vector<int> inside = fit.inside();
  for (int in = 0; in < inputs; in++)
    if (holds(inside, fit.place(in))) return true;
  return false;
}

// Nobody but the phrase itself reads what is inside it.
bool closed(const Program& program, const std::vector<int>& inside, int root) {
  for (int value : program.outputs) if (holds(inside, value)) return false;
  for (size_t n = 0; n < program.code.size(); n++) {
    const Instruction& i = program.code[n];
    const int reader = program.inputs + static_cast<int>(n);
    if (reader != root && !holds(inside, reader) && (holds(inside, i.a) || holds(inside, i.b) || holds(inside, i.c))) return false;
  }
  return true;
}

}  // namespace

Program phrase_program(cpu::Phrase phrase) {
  switch (phrase) {
#define SWARM_CASE(name) case cpu::Phrase::name: return record_phrase<cpu::name>();
    SWARM_PHRASES(SWARM_CASE)
#undef SWARM_CASE
    case cpu::Phrase::None: case cpu::Phrase::Count: break;
  }
  return {};
}

std::optional<Laid> laid_over(const Program& form, const Program& program, const std::function<bool(int, int)>& reads,
                              const std::function<bool(int, int)>& gives) {
  if (form.outputs.size() != program.outputs.size()) return {};
  Fit fit(form, program, &reads);
  Laid laid{{}, std::vector<int>(form.outputs.size(), -1), {}};
  for (int out = 0; out < static_cast<int>(program.outputs.size()); out++) {
    int found = -1;
    for (int o = 0; o < static_cast<int>(form.outputs.size()) && found < 0; o++)
      if (laid.out[o] < 0 && program.outputs[out] >= 0 && gives(o, out) && fit.lays(o, program.outputs[out])) found = o;
    if (found < 0) return {};
    laid.out[found] = out;
  }
  for (int in = 0; in < form.inputs; in++) laid.in.push_back(fit.place(in));
  for (size_t n = 0; n < form.code.size(); n++)
    if (form.code[n].calc == Calc::Constant) laid.constants.push_back(program.code[fit.place(form.inputs + int(n)) - program.inputs].constant);
  return laid;
}

std::vector<TilePass> tile_passes_of(const Program& program) {
  std::array<Program, phrases> known;
  for (int i = 0; i < phrases; i++) known[i] = phrase_program(cpu::Phrase(i));

  std::vector<bool> inside(program.code.size(), false);
  std::vector<TilePass> passes;
  for (int n = static_cast<int>(program.code.size()) - 1; n >= 0; n--) {  // from the end: an output is found before what leads to it
    const Instruction& instruction = program.code[n];
    if (inside[n] || instruction.calc == Calc::Constant) continue;
    const int value = program.inputs + n;
    TilePass pass{value, instruction.calc, {instruction.a, instruction.b, instruction.c, -1}};
    for (int i = 0; i < phrases && pass.phrase == cpu::Phrase::None; i++) {
      const Fit fit(known[i], program, value);
      if (!fit.fits() || reads_inside(fit, known[i].inputs) || !closed(program, fit.inside(), value)) continue;
      pass.phrase = cpu::Phrase(i);
      for (int in = 0; in < cpu::max_phrase_inputs; in++) pass.in[in] = in < known[i].inputs ? fit.place(in) : -1;
      for (int k = 0; k < static_cast<int>(known[i].code.size()) && known[i].code[k].calc == Calc::Constant; k++)
        pass.constants[k] = program.code[fit.place(known[i].inputs + k) - program.inputs].constant;
      for (int v : fit.inside()) inside[v - program.inputs] = true;
    }
    passes.push_back(pass);
  }
  std::reverse(passes.begin(), passes.end());
  return passes;
}

}  // namespace swarm
