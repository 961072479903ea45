// What experiment/train.cu includes: everything it may use, and nothing else.
#pragma once
#include "engine/core/graph.h"      // defines: Graph, Tensor, Shape, Init, Frame and all ops
#include "engine/core/optimizer.h"  // defines: Optimizer, Adam, Muon, Schedule, UpdateGraph for rules of your own
#include "engine/core/refused.h"    // defines: refuse(why), for combinations of knobs that make no network

namespace swarm {

struct Settings {
  int tokens_per_step;  // a multiple of 2*T
  int depth;            // for the report
};

}  // namespace swarm
