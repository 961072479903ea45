// Phrases: what elementwise expressions of recipes are full of, each computed in one pass instead of one per instruction.
// A phrase is written once, for any number: over Scalars it records the Program by which engine/ops/phrases.h finds it in an
// expression, over lanes it is the kernel. So the two cannot disagree, and a phrase gives the bits of its instructions one by one.
// The CUDA backend computes them too, over numbers in registers (engine/cuda/ew_known.h).
// x: inputs; c: constants of the expression, whatever their values. The largest come first: the first that fits is taken.
// defines: Phrase, SWARM_PHRASES and a struct for each of them
#pragma once

namespace swarm::cpu {

#ifdef __CUDACC__
#define SWARM_PHRASE_RUNS_ON __host__ __device__
#else
#define SWARM_PHRASE_RUNS_ON
#endif

constexpr int max_phrase_inputs = 4, max_phrase_constants = 2;

#define SWARM_PHRASE(name, inputs_, constants_, expression)                  \
  struct name {                                                              \
    static constexpr int inputs = inputs_, constants = constants_;           \
    template <class T>                                                       \
    [[gnu::always_inline]] SWARM_PHRASE_RUNS_ON static inline T of(const T* x, const T* c) { \
      static_cast<void>(c);                                                  \
      return expression;                                                     \
    }                                                                        \
  };
SWARM_PHRASE(SoftcapSlope, 2, 2, ((x[1] * c[0]) * (c[1] - square(tanh(x[0] / c[0])))) / c[0])
SWARM_PHRASE(Softcap, 1, 1, c[0] * tanh(x[0] / c[0]))
SWARM_PHRASE(SquaredReluSlope, 2, 1, (x[1] * (c[0] * relu(x[0]))) * is_positive(x[0]))
SWARM_PHRASE(SquaredRelu, 1, 0, square(relu(x[0])))
SWARM_PHRASE(GateSlope, 3, 2, ((x[0] * x[1]) * c[0]) * (x[2] * (c[1] - x[2])))
SWARM_PHRASE(Gated, 3, 1, x[0] + (c[0] * sigmoid(x[1])) * x[2])
SWARM_PHRASE(Mix, 4, 0, x[0] * x[1] + x[2] * x[3])
#undef SWARM_PHRASE
#define SWARM_PHRASES(each) each(SoftcapSlope) each(Softcap) each(SquaredReluSlope) each(SquaredRelu) each(GateSlope) each(Gated) each(Mix)

#define SWARM_PHRASE_NAME(name) name,
enum class Phrase : int { SWARM_PHRASES(SWARM_PHRASE_NAME) Count, None = -1 };
#undef SWARM_PHRASE_NAME

}  // namespace swarm::cpu
