#include "judge/judgement.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "harness/data_set.h"
#include "harness/failure.h"
#include "harness/frozen.h"
#include "harness/packing.h"
#include "harness/scale.h"
#include "judge/probe.h"

namespace swarm {
namespace {

constexpr int cut_batches = 4;  // batches of 16 rows, each row with a cut of its own

// The first rows of T+1 tokens that packing makes of a held-out text, in file order: the same for every checkpoint.
std::vector<uint16_t> rows_of(const TokenFile& held_out) {
  const std::vector<Document> documents = documents_of(held_out);
  size_t at = 0;
  Packing packing(cpu_scale.T + 1, [&](Document& document) {
    if (at == documents.size()) return false;
    document = documents[at++];
    return true;
  });
  std::vector<uint16_t> rows, row(size_t(cpu_scale.T) + 1);
  for (int r = 0; r < cpu_scale.eval_rows && packing.row(row.data()); ++r) rows.insert(rows.end(), row.begin(), row.end());
  rows.resize(rows.size() - rows.size() % (row.size() * size_t(cpu_scale.eval_batch_rows)));  // whole batches only
  if (rows.empty())
    throw Failure(Exit::data, "the held-out text is shorter than " + std::to_string(cpu_scale.eval_batch_rows * cpu_scale.T) +
                                  " tokens; run `swarm prepare` with more text");
  return rows;
}

}  // namespace

void require_acceptable(const CheckpointHeader& header, const std::string& own_frozen, const std::string& own_manifest) {
  if (header.frozen != own_frozen)
    throw Failure(Exit::checkpoint, "compiled from a changed harness: the trainer's frozen sources are " + header.frozen.substr(0, 12) +
                                        ", the judge's " + own_frozen.substr(0, 12) + "; build the trainer from unchanged sources");
  if (header.manifest != own_manifest)
    throw Failure(Exit::checkpoint, "trained on another data set: manifest " + header.manifest.substr(0, 12) + ", this one is " +
                                        own_manifest.substr(0, 12) + "; train and judge on the same");
  if (header.partial) throw Failure(Exit::checkpoint, "stopped before its budget was spent (partial); only a whole run is judged");
}

std::unique_ptr<Network> network_of(const Checkpoint& checkpoint, int rows, int T, int vocab) {
  try {
    const Graph graph = deserialize(checkpoint.graph.data(), checkpoint.graph.size());
    if (graph.shape().T != T || graph.shape().vocab != vocab)
      refuse("its graph is for rows of " + std::to_string(graph.shape().T) + " tokens and a vocabulary of " + std::to_string(graph.shape().vocab));
    require_causal(graph);
    Running running;
    running.memory_limit = cpu_scale.memory_limit;
    auto network = std::make_unique<Network>(graph, rows, running);
    const std::vector<Parameter>& parameters = network->parameters();
    if (parameters.size() != checkpoint.tensors.size()) refuse("it holds another number of tensors than its graph");
    for (size_t i = 0; i < parameters.size(); ++i) {
      const Parameter& to = parameters[i];
      const CheckpointTensor& from = checkpoint.tensors[i];
      if (to.name != from.name || uint32_t(to.rows) != from.rows || uint32_t(to.cols) != from.cols)
        refuse("tensor " + from.name + " is not the graph's " + to.name);
      for (float value : from.values)
        if (!std::isfinite(value)) refuse("tensor " + from.name + " holds a value that is not a finite number");
      std::memcpy(to.values, from.values.data(), from.values.size() * sizeof(float));
    }
    return network;
  } catch (const Refused& refused) {
    throw Failure(Exit::checkpoint, std::string("the checkpoint's network is refused: ") + refused.what());
  }
}

Judgement judge(const std::string& data_folder, const std::string& checkpoint_path, const std::string& split) {
  const DataSet data(data_folder);
  const Checkpoint checkpoint = read_checkpoint(checkpoint_path);
  require_acceptable(checkpoint.header, frozen_sha256, data.manifest());
  const TokenFile held_out = data.open_held_out(split), token_bytes = data.open_token_bytes();
  if (token_bytes.vocab != held_out.vocab)
    throw Failure(Exit::data, "token_bytes.bin and " + split + ".bin have different vocabularies; run `swarm prepare` again");

  const int T = cpu_scale.T, batch = cpu_scale.eval_batch_rows, vocab = int(held_out.vocab);
  const std::unique_ptr<Network> network = network_of(checkpoint, batch, T, vocab);
  const std::vector<uint16_t> rows = rows_of(held_out);
  const size_t batches = rows.size() / (size_t(batch) * size_t(T + 1));

  Judgement out{{}, checkpoint.header, checkpoint.sha256};
  std::vector<uint16_t> tokens(size_t(batch) * T), targets(tokens.size());
  const auto load = [&](size_t b) {
    for (int r = 0; r < batch; ++r) {
      const uint16_t* row = rows.data() + (b * size_t(batch) + size_t(r)) * size_t(T + 1);
      std::memcpy(&tokens[size_t(r) * T], row, T * sizeof(uint16_t));
      std::memcpy(&targets[size_t(r) * T], row + 1, T * sizeof(uint16_t));
    }
  };
  const uint64_t seed = std::stoull(checkpoint.sha256.substr(0, 16), nullptr, 16);
  const Forward forward = [&](const uint16_t* changed) { return network->forward_logits(changed); };
  for (int probe = 0; probe < cut_batches; ++probe) {
    load((seed + uint64_t(probe) * (batches / cut_batches + 1)) % batches);
    require_blind_to_the_future(forward, tokens.data(), batch, T, vocab, seed + uint64_t(probe));
  }
  load((seed + 1) % batches);
  const std::vector<uint16_t> others = tokens;
  load(seed % batches);
  require_alone_in_its_row(forward, tokens.data(), others.data(), batch, T, vocab, seed);

  for (size_t b = 0; b < batches; ++b) {
    load(b);
    const float* logits = network->forward_logits(tokens.data());
    add_to(out.score, logits, vocab, targets.data(), batch * T, token_bytes.items);
  }
  if (!std::isfinite(out.score.all_nats) || out.score.bytes == 0)
    throw Failure(Exit::checkpoint, "the logits give no finite score; the network is broken");
  return out;
}

}  // namespace swarm
