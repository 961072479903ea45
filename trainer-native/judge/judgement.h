// The whole judgement of one checkpoint: may it be judged, is it causal, what is its score.
#pragma once
#include <string>
#include <vector>

#include "harness/backend_choice.h"
#include "harness/checkpoint.h"
#include "judge/score.h"

namespace swarm {

struct Judgement {
  Score score;
  CheckpointHeader header;
  std::string checkpoint_sha256;
  BackendChoice backend;
  std::string scale;
  std::vector<std::string> custom_ops;  // whose code is the experiment's own: with any the score is probed, without proved
};

// Refuses what was trained by other frozen code, on other data, or not to the end of its budget.
void require_acceptable(const CheckpointHeader& header, const std::string& own_frozen, const std::string& own_manifest);

// Throws Failure: Exit::checkpoint with the reason it is refused, Exit::data when the data set cannot be read.
// own_code: whether code of the experiment's own may be asked (judge/own_code.h), which is done on the CPU.
// split: "val", or "hidden" for results that are too good to be believed. backend: as harness/backend_choice.h says, by the scale of the checkpoint.
Judgement judge(const std::string& data_folder, const std::string& checkpoint_path, const std::string& split, const std::string& backend = "",
                bool own_code = false);

}  // namespace swarm
