// Update rules are graphs; the device has kernels for two of them. This knows them again.
// defines: KnownRule, known_rule()
#pragma once
#include "engine/core/graph.h"
#include "engine/core/optimizer.h"

namespace swarm::cuda {

struct KnownRule {
  bool is_muon = false;
  Adam adam;
  Muon muon;
};

// Throws Refused when the group's rule is neither Adam nor Muon as engine/optim describes them.
KnownRule known_rule(const Group& group, const Node& parameter);

}  // namespace swarm::cuda
