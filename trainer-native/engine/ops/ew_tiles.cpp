#include "engine/ops/ew_tiles.h"

#include <algorithm>

#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {
namespace {
constexpr size_t max_ew_values = 2048;

// Long tiles make few calls, but what a tile touches must stay in a first-level cache of 32 KiB: inputs, outputs, constants and
// about two values between them.
int tile_floats(const Program& program) {
  size_t touched = program.inputs + program.outputs.size() + 2;
  for (const Instruction& i : program.code) touched += i.calc == Calc::Constant;
  int floats = 1024;
  while (floats > 256 && touched * floats * sizeof(float) > (28 << 10)) floats /= 2;
  return floats;
}

void calculate(const cpu::Kernels& k, const TilePass& pass, long n, const float* const* in, float* to) {
  if (pass.phrase != cpu::Phrase::None) return k.phrase(pass.phrase, n, in, pass.constants, to);
  switch (pass.calc) {
    case Calc::Add: return k.add(n, in[0], in[1], to);
    case Calc::Subtract: return k.subtract(n, in[0], in[1], to);
    case Calc::Multiply: return k.multiply(n, in[0], in[1], to);
    case Calc::Divide: return k.divide(n, in[0], in[1], to);
    case Calc::Maximum: return k.maximum(n, in[0], in[1], to);
    case Calc::Minimum: return k.minimum(n, in[0], in[1], to);
    case Calc::Relu: return k.relu(n, in[0], to);
    case Calc::Square: return k.square(n, in[0], to);
    case Calc::Exp: return k.exp(n, in[0], to);
    case Calc::Log: return k.log(n, in[0], to);
    case Calc::Tanh: return k.tanh(n, in[0], to);
    case Calc::Sigmoid: return k.sigmoid(n, in[0], to);
    case Calc::Sqrt: return k.sqrt(n, in[0], to);
    case Calc::IsPositive: return k.is_positive(n, in[0], to);
    case Calc::IsAtLeast: return k.is_at_least(n, in[0], in[1], to);
    case Calc::MultiplyAdd: return k.multiply_add(n, in[0], in[1], in[2], to);
    case Calc::Constant: case Calc::Count: return;
  }
}
}  // namespace

TileProgram::TileProgram(const Program& program, int C, std::vector<Broadcast> inputs, std::vector<int> widths,
                         std::vector<Broadcast> outputs, std::vector<int> output_widths, const std::vector<int>& in_place)
    : program_(program), passes_(tile_passes_of(program)), C_(C), inputs_(std::move(inputs)), outputs_(std::move(outputs)), widths_(std::move(widths)),
      output_widths_(std::move(output_widths)) {
  const bool by_heads = std::count(inputs_.begin(), inputs_.end(), Broadcast::Head) + std::count(outputs_.begin(), outputs_.end(), Broadcast::Head) > 0;
  if (program_.code.size() > max_ew_values) refuse("an elementwise expression and its gradient have more than 2048 instructions: split it");
  const int floats = tile_floats(program_);
  rows_ = std::max(1, floats / C);
  width_ = by_heads ? C : std::min(C, floats);
  stride_ = (rows_ * width_ + 15) / 16 * 16;

  // Slots: constants and expanded inputs keep theirs, other values give theirs back after the last use.
  const int K = program_.inputs, count = static_cast<int>(program_.code.size()), passes = static_cast<int>(passes_.size());
  std::vector<int> last_use(K + count, -1), pass_of(K + count, -1);  // passes
  for (int n = 0; n < passes; n++) {
    pass_of[passes_[n].value] = n;
    for (int operand : passes_[n].in) if (operand >= 0) last_use[operand] = n;
  }
  for (int value : program_.outputs) if (value >= 0) last_use[value] = passes;
  direct_.assign(passes, -1);
  for (size_t o = 0; o < outputs_.size(); o++) {
    const int pass = program_.outputs[o] < 0 ? -1 : pass_of[program_.outputs[o]];
    if (pass < 0) continue;  // nothing computes it: an input or a constant
    bool overwrites = false;  // what is still to be read
    for (int i = 0; o < in_place.size() && i < K; i++)
      overwrites |= (in_place[o] == i || in_place[o] == any_full) && inputs_[i] == Broadcast::Full && last_use[i] > pass;
    if (!overwrites && outputs_[o] == Broadcast::Full && direct_[pass] < 0) direct_[pass] = static_cast<int>(o);
  }
  input_slot_.assign(K, -1);
  for (int i = 0; i < K; i++)
    if (last_use[i] >= 0 && inputs_[i] != Broadcast::Full && !(inputs_[i] == Broadcast::Channel && rows_ == 1)) input_slot_[i] = slots_++;
  value_slot_.assign(count, -1);
  for (int n = 0; n < count; n++) if (program_.code[n].calc == Calc::Constant && last_use[K + n] >= 0) value_slot_[n] = slots_++;
  std::vector<int> free;
  for (int n = 0; n < passes; n++) {
    const int value = passes_[n].value;
    if (free.empty()) free.push_back(slots_++);
    value_slot_[value - K] = free.back();  // held even when written straight to an output: whether that output is added to is known only at run time
    free.pop_back();
    for (int earlier = 0; earlier < n; earlier++) if (last_use[passes_[earlier].value] == n) free.push_back(value_slot_[passes_[earlier].value - K]);
    if (last_use[value] < 0) free.push_back(value_slot_[value - K]);
  }
}

double TileProgram::flops_per_element() const {
  double flops = 0;
  for (const Instruction& i : program_.code) {
    switch (i.calc) {
      case Calc::Constant: break;
      case Calc::Divide: case Calc::Exp: case Calc::Log: case Calc::Tanh: case Calc::Sigmoid: case Calc::Sqrt: flops += special_flops; break;
      case Calc::MultiplyAdd: flops += 2; break;
      default: flops += 1;
    }
  }
  return flops;
}

// Points at[i] to input i of this tile, expanding what is broadcast.
void TileProgram::load(int row, int rows, int c0, const float* const* in, float* scratch, const float** at) const {
  const auto& k = cpu::kernels();
  for (int i = 0; i < program_.inputs; i++) {
    float* slot = input_slot_[i] < 0 ? nullptr : scratch + size_t(input_slot_[i]) * stride_;
    switch (inputs_[i]) {
      case Broadcast::Full: at[i] = in[i] + size_t(row) * C_ + c0; break;
      case Broadcast::Head:
        if (slot) k.expand_heads(rows, widths_[i], C_ / widths_[i], in[i] + size_t(row) * widths_[i], widths_[i], slot, C_);
        at[i] = slot;
        break;
      case Broadcast::Channel:
        if (slot && row == 0) for (int r = 0; r < rows_; r++) k.copy(C_, in[i], slot + size_t(r) * C_);
        at[i] = slot ? slot : in[i] + c0;
        break;
      case Broadcast::Single:
        if (slot && row == 0 && c0 == 0) k.fill(stride_, in[i][0], slot);
        at[i] = slot;
        break;
    }
  }
}

void TileProgram::reduce(size_t o, const float* value, int row, int rows, int c0, int n, float* out, bool add, double* total) const {
  const auto& k = cpu::kernels();
  const int width = output_widths_[o];
  switch (outputs_[o]) {
    case Broadcast::Full: {
      float* to = out + size_t(row) * C_ + c0;
      if (add) k.add(n, to, value, to);
      else if (to != value) k.copy(n, value, to);
      break;
    }
    case Broadcast::Head:
      if (!add) k.fill(long(rows) * width, 0.0f, out + size_t(row) * width);
      k.sum_heads(rows, width, C_ / width, value, C_, out + size_t(row) * width, width);
      break;
    case Broadcast::Channel:
      if (!add && row == 0) k.fill(n / rows, 0.0f, out + c0);
      k.sum_columns(rows, n / rows, value, n / rows, out + c0);
      break;
    case Broadcast::Single:
      *total += k.sum(n, value);
      break;
  }
}

void TileProgram::run(int N, const float* const* in, float* const* out, const bool* add, float* scratch) const {
  const auto& k = cpu::kernels();
  const int K = program_.inputs, count = static_cast<int>(program_.code.size()), passes = static_cast<int>(passes_.size());
  const float* at[max_ew_inputs + 1 + max_ew_values];
  for (int i = 0; i < count; i++)
    if (program_.code[i].calc == Calc::Constant && value_slot_[i] >= 0) {
      float* slot = scratch + size_t(value_slot_[i]) * stride_;
      k.fill(stride_, program_.code[i].constant, slot);
      at[K + i] = slot;
    }
  double totals[max_ew_outputs] = {};
  for (size_t o = 0; o < outputs_.size(); o++) {
    const bool per_token = outputs_[o] == Broadcast::Full || outputs_[o] == Broadcast::Head;
    if (program_.outputs[o] < 0 && !add[o])  // an input the expression does not depend on
      k.fill(long(per_token ? N : 1) * output_widths_[o], 0.0f, out[o]);
  }
  for (int row = 0; row < N; row += rows_)
    for (int c0 = 0; c0 < C_; c0 += width_) {
      const int rows = std::min(rows_, N - row), n = rows * std::min(width_, C_ - c0);
      load(row, rows, c0, in, scratch, at);
      for (int i = 0; i < passes; i++) {
        const TilePass& pass = passes_[i];
        const int o = direct_[i];
        float* to = o >= 0 && !add[o] ? out[o] + size_t(row) * C_ + c0 : scratch + size_t(value_slot_[pass.value - K]) * stride_;
        const float* operands[cpu::max_phrase_inputs];
        for (int n = 0; n < cpu::max_phrase_inputs; n++) operands[n] = pass.in[n] < 0 ? nullptr : at[pass.in[n]];
        calculate(k, pass, n, operands, to);
        at[pass.value] = to;
      }
      for (size_t o = 0; o < outputs_.size(); o++)
        if (program_.outputs[o] >= 0) reduce(o, at[program_.outputs[o]], row, rows, c0, n, out[o], add[o], &totals[o]);
    }
  for (size_t o = 0; o < outputs_.size(); o++)
    if (outputs_[o] == Broadcast::Single && program_.outputs[o] >= 0) out[o][0] = static_cast<float>(totals[o]) + (add[o] ? out[o][0] : 0.0f);
}

}  // namespace swarm
