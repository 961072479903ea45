// The whole judgement of one checkpoint: may it be judged, is it causal, what is its score.
#pragma once
#include <memory>
#include <string>

#include "harness/checkpoint.h"
#include "judge/score.h"

namespace swarm {

struct Judgement {
  Score score;
  CheckpointHeader header;
  std::string checkpoint_sha256;
};

// Refuses what was trained by other frozen code, on other data, or not to the end of its budget.
void require_acceptable(const CheckpointHeader& header, const std::string& own_frozen, const std::string& own_manifest);

// The network of a checkpoint, forward only, `rows` rows a call, every tensor where the graph wants it and finite.
std::unique_ptr<Network> network_of(const Checkpoint& checkpoint, int rows, int T, int vocab);

// Throws Failure: Exit::checkpoint with the reason it is refused, Exit::data when the data set cannot be read.
// split: "val", or "hidden" for results that are too good to be believed.
Judgement judge(const std::string& data_folder, const std::string& checkpoint_path, const std::string& split);

}  // namespace swarm
