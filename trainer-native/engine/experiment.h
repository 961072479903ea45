// What experiment/train.cu includes: everything it may use, and nothing else.
#pragma once
#include "engine/core/graph.h"      // defines: Graph, Tensor, Shape, Init, Frame and all ops
#include "engine/core/optimizer.h"  // defines: Optimizer, Adam, Muon, Schedule, UpdateGraph for rules of your own
#include "engine/core/refused.h"    // defines: refuse(why), for combinations of knobs that make no network

namespace swarm {

// A knob that differs between the two scales has both values side by side: at_scale(4, 8) is 4 in `make trainer` and 8 in
// `make trainer SCALE=gpu`. What else the scales are: harness/scale.h.
#ifdef SWARM_SCALE_GPU
template <class T> constexpr T at_scale(T, T gpu) { return gpu; }
#else
template <class T> constexpr T at_scale(T cpu, T) { return cpu; }
#endif

struct Settings {
  int tokens_per_step;  // a multiple of 2*T
  int depth;            // for the report
};

}  // namespace swarm
