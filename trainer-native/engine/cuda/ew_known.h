// Forms: whole expressions and derivatives that recipes are full of, compiled with their values in registers. A form is written once,
// for any number: over Scalars it records the Program by which an expression is known again (laid_over in engine/ops/phrases.h), over
// Numbers it is the kernel. So the two cannot disagree. What is no form stays with the interpreter.
// x: inputs, of a derivative the output's gradient last; c: constants of the expression, whatever their values; y: outputs.
// defines: Operands, SWARM_KNOWN_FORMS and a struct for each of them, KnownWork, known_blocks(), launch_known(), Normed, has_normed(), launch_normed()
#pragma once
#include "engine/cpu/phrases.h"
#include "engine/cuda/ew.h"

namespace swarm::cuda::known {

template <Spread... spreads>
struct Operands {
  static constexpr int count = sizeof...(spreads);
  SWARM_BOTH static constexpr unsigned bits(Spread which) {  // bit i: operand i is `which`
    unsigned all = 0, i = 0;
    ((all |= unsigned(spreads == which) << i++), ...);
    return all;
  }
  static constexpr int count_of(Spread which) { return (int(spreads == which) + ...); }
};

constexpr int most_in = 5, most_out = 4;
constexpr Spread Full = Spread::Full, Head = Spread::Head, Single = Spread::Single;

#define SWARM_KNOWN(name, constants_, takes, gives, ...)             \
  struct name {                                                      \
    using In = Operands<SWARM_EACH takes>;                           \
    using Out = Operands<SWARM_EACH gives>;                          \
    static constexpr int constants = constants_;                     \
    template <class T>                                               \
    SWARM_BOTH static inline void of(const T* x, const T* c, T* y) { \
      static_cast<void>(c);                                          \
      __VA_ARGS__;                                                   \
    }                                                                \
  };
#define SWARM_EACH(...) __VA_ARGS__
SWARM_KNOWN(Sum, 0, (Full, Full), (Full), y[0] = x[0] + x[1])
SWARM_KNOWN(SumSlope, 0, (Full), (Full, Full), y[0] = y[1] = x[0])
SWARM_KNOWN(Product, 0, (Full, Full), (Full), y[0] = x[0] * x[1])
SWARM_KNOWN(ProductSlope, 0, (Full, Full, Full), (Full, Full), y[0] = x[2] * x[1]; y[1] = x[2] * x[0])
SWARM_KNOWN(SquaredRelu, 0, (Full), (Full), y[0] = cpu::SquaredRelu::of(x, c))
SWARM_KNOWN(SquaredReluSlope, 1, (Full, Full), (Full), y[0] = cpu::SquaredReluSlope::of(x, c))
SWARM_KNOWN(Mix, 0, (Single, Full, Single, Full), (Full), y[0] = cpu::Mix::of(x, c))
SWARM_KNOWN(MixSlope, 0, (Single, Full, Single, Full, Full), (Full, Full, Single, Single),
           y[0] = x[4] * x[0]; y[1] = x[4] * x[2]; y[2] = x[4] * x[1]; y[3] = x[4] * x[3])
SWARM_KNOWN(Gated, 1, (Full, Head, Full), (Full), y[0] = cpu::Gated::of(x, c))
SWARM_KNOWN(GatedSlope, 2, (Head, Full, Full), (Full, Head, Full),
           const T s[] = {x[2], x[1], sigmoid(x[0])}; y[0] = x[2]; y[1] = cpu::GateSlope::of(s, c); y[2] = x[2] * (c[0] * s[2]))
#undef SWARM_EACH
#undef SWARM_KNOWN
#define SWARM_KNOWN_FORMS(each) \
  each(Sum) each(SumSlope) each(Product) each(ProductSlope) each(SquaredRelu) each(SquaredReluSlope) each(Mix) each(MixSlope) each(Gated) each(GatedSlope)

}  // namespace swarm::cuda::known

namespace swarm::cuda {

enum class Adding : unsigned char {
  No,
  Yes,
  Late  // what an output of the same kernel wrote just before: two inputs of the expression are one tensor
};

// What a form's kernel is told. Operands are the form's, in its order.
struct KnownWork {
  long items;      // eight neighbouring numbers of [N, C] each
  int head_shift;  // 2^head_shift items share a number of a Head operand
  const void* in[known::most_in];
  void* out[known::most_out];
  Adding add[known::most_out];
  float constants[cpu::max_phrase_constants];
  float* partial;  // [Single sums][blocks]
};

// Of the form at this place of SWARM_KNOWN_FORMS.
int known_blocks(int form, long items);
void launch_known(Tape& tape, int form, const KnownWork& work);

// The rmsnorm of whole rows of what a form made, by the same kernel.
struct Normed {
  int rows, C;
  float eps;
  bf16* y;
  float* rstd;
};
bool has_normed(int form, int C);
void launch_normed(Tape& tape, int form, const KnownWork& work, const Normed& normed);

}  // namespace swarm::cuda
