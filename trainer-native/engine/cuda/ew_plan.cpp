// Whether an expression is a known form; else where each of its values lives while a thread interprets it.
#include <algorithm>

#include "engine/core/refused.h"
#include "engine/cuda/ew_known.h"
#include "engine/cuda/rows.h"

namespace swarm::cuda {
namespace {

struct KnownForm {
  Program program;
  std::vector<Spread> in, out;
};

template <class F, size_t... I, size_t... O>
KnownForm recorded(std::index_sequence<I...>, std::index_sequence<O...>) {
  KnownForm form;
  form.program.inputs = F::In::count;
  std::vector<Scalar> x, c, y(F::Out::count, Scalar(nullptr, -1));
  for (int i = 0; i < F::In::count; i++) x.emplace_back(&form.program, i);
  for (int k = 0; k < F::constants; k++) c.push_back(record_constant(&form.program, 0));
  F::of(x.data(), c.data(), y.data());
  for (Scalar output : y) form.program.outputs.push_back(output.value());
  const auto kind = [](auto operands, size_t i) {
    for (Spread s : {Spread::Full, Spread::Head, Spread::Channel}) if (operands.bits(s) >> i & 1) return s;
    return Spread::Single;
  };
  form.in = {kind(typename F::In(), I)...}, form.out = {kind(typename F::Out(), O)...};
  return form;
}
template <class F>
KnownForm recorded() { return recorded<F>(std::make_index_sequence<F::In::count>(), std::make_index_sequence<F::Out::count>()); }

const std::vector<KnownForm>& known_forms() {
#define SWARM_RECORDED(name) recorded<known::name>(),
  static const std::vector<KnownForm> all{SWARM_KNOWN_FORMS(SWARM_RECORDED)};
#undef SWARM_RECORDED
  return all;
}

}  // namespace

EwPlan::EwPlan(const Program& program, int C, std::vector<EwOperand> inputs, std::vector<EwOperand> outputs)
    : C_(C), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
  if (program.code.size() > size_t(most_code))
    refuse("ew: an expression or its derivative has " + std::to_string(program.code.size()) + " instructions, the CUDA backend takes " +
           std::to_string(most_code) + ": split it in two");
  find_form(program);
  allocate(program);
}

// Kernels of forms move eight channels at a time and let neighbouring lanes add up a head, whose numbers they must share evenly.
void EwPlan::find_form(const Program& program) {
  if (C_ % 8) return;
  int heads = 0;
  for (const auto* operands : {&inputs_, &outputs_})
    for (const EwOperand& o : *operands) {
      if (o.spread != Spread::Head) continue;
      if (heads && heads != o.width) return;
      heads = o.width;
    }
  if (heads) {
    const int items = C_ / heads / 8;
    while (1 << head_shift_ < items) head_shift_++;
    if (C_ != heads * 8 * (1 << head_shift_) || items > 32) return;
  }
  for (size_t f = 0; f < known_forms().size() && form_ < 0; f++) {
    const KnownForm& form = known_forms()[f];
    const auto reads = [&](int i, int in) { return form.in[size_t(i)] == inputs_[size_t(in)].spread; };
    const auto gives = [&](int o, int out) { return form.out[size_t(o)] == outputs_[size_t(out)].spread; };
    if (const auto laid = laid_over(form.program, program, reads, gives)) form_ = int(f), laid_ = *laid;
  }
}

KnownWork EwPlan::known_work(int N, const std::vector<const void*>& in, const std::vector<void*>& out, const std::vector<bool>& add,
                             float* scratch) const {
  KnownWork w{};
  w.items = long(N) * (C_ / 8), w.head_shift = head_shift_, w.partial = scratch;
  for (size_t i = 0; i < laid_.in.size(); i++) w.in[i] = in[size_t(laid_.in[i])];
  for (size_t o = 0; o < laid_.out.size(); o++) {
    w.out[o] = out[size_t(laid_.out[o])];
    bool written = true;  // before this output: unless one of those at this place says it is the first
    for (size_t i = 0; i < out.size(); i++) written &= out[i] != w.out[o] || add[i];
    w.add[o] = std::find(w.out, w.out + o, w.out[o]) != w.out + o ? Adding::Late : written ? Adding::Yes : Adding::No;
  }
  std::copy(laid_.constants.begin(), laid_.constants.end(), w.constants);
  return w;
}

bool EwPlan::has_norm() const { return is_known() && has_normed(form_, C_); }

void EwPlan::record_with_norm(Tape& tape, int N, const std::vector<const void*>& in, bf16* out, float eps, bf16* y, float* rstd) const {
  launch_normed(tape, form_, known_work(N, in, {out}, {false}, nullptr), {N, C_, eps, y, rstd});
}

void EwPlan::record_known(Tape& tape, int N, const std::vector<const void*>& in, const std::vector<void*>& out, const std::vector<bool>& add,
                          float* scratch) const {
  const KnownWork w = known_work(N, in, out, add, scratch);
  launch_known(tape, form_, w);
  const int blocks = known_blocks(form_, w.items);
  for (size_t o = 0; o < laid_.out.size(); o++) {
    if (outputs_[size_t(laid_.out[o])].spread != Spread::Single) continue;
    sum_all(tape, blocks, scratch, w.add[o] != Adding::No, static_cast<float*>(w.out[o]));
    scratch += blocks;
  }
}

// A slot is free again after the last use of its value; outputs keep theirs.
void EwPlan::allocate(const Program& program) {
  const int values = program.inputs + int(program.code.size());
  std::vector<int> last(size_t(values), -1), slot(size_t(values), -1), spare;
  for (size_t i = 0; i < program.code.size(); i++)
    for (int v : {program.code[i].a, program.code[i].b, program.code[i].c})
      if (v >= 0) last[size_t(v)] = int(i);
  for (int output : program.outputs)
    if (output >= 0) last[size_t(output)] = int(program.code.size());
  const auto take = [&] {
    if (spare.empty()) return slots_++;
    const int s = spare.back();
    spare.pop_back();
    return s;
  };
  for (int i = 0; i < program.inputs; i++) {
    if (last[size_t(i)] >= 0) slot[size_t(i)] = take();
    input_slot_.push_back(slot[size_t(i)]);
  }
  for (size_t i = 0; i < program.code.size(); i++) {
    const Instruction& from = program.code[i];
    Code code{static_cast<unsigned char>(from.calc), 0, 0, 0, {from.constant}};
    if (from.a >= 0) code.a = static_cast<unsigned char>(slot[size_t(from.a)]);
    if (from.b >= 0) code.b = static_cast<unsigned char>(slot[size_t(from.b)]);
    if (from.c >= 0) code.c = slot[size_t(from.c)];
    for (int v : {from.a, from.b, from.c})  // a thread reads all operands before it writes: the result may take an operand's slot
      if (v >= 0 && last[size_t(v)] == int(i)) {
        spare.push_back(slot[size_t(v)]);
        last[size_t(v)] = -1;
      }
    const int value = program.inputs + int(i);
    slot[size_t(value)] = take();
    if (last[size_t(value)] < 0) spare.push_back(slot[size_t(value)]);  // nobody reads it
    code.to = static_cast<unsigned char>(slot[size_t(value)]);
    code_.push_back(code);
  }
  if (slots_ > 255) refuse("ew: an expression keeps more than 255 values at once: split it in two");
  for (int output : program.outputs) output_slot_.push_back(output < 0 ? -1 : slot[size_t(output)]);
}

}  // namespace swarm::cuda
