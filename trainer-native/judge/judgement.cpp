#include "judge/judgement.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "engine/core/layout.h"
#include "harness/data_set.h"
#include "harness/failure.h"
#include "harness/frozen.h"
#include "harness/packing.h"
#include "harness/scale.h"
#include "harness/witness.h"
#include "judge/evaluator.h"
#include "judge/probe.h"

namespace swarm {
namespace {

constexpr int cut_batches = 4;  // batches of 16 rows, each row with a cut of its own

// The first rows of T+1 tokens that packing makes of a held-out text, in file order: the same for every checkpoint.
std::vector<uint16_t> rows_of(const TokenFile& held_out, const Scale& scale) {
  const std::vector<Document> documents = documents_of(held_out);
  size_t at = 0;
  Packing packing(scale.T + 1, [&](Document& document) {
    if (at == documents.size()) return false;
    document = documents[at++];
    return true;
  });
  std::vector<uint16_t> rows, row(size_t(scale.T) + 1);
  for (int r = 0; r < scale.eval_rows && packing.row(row.data()); ++r) rows.insert(rows.end(), row.begin(), row.end());
  rows.resize(rows.size() - rows.size() % (row.size() * size_t(scale.eval_batch_rows)));  // whole batches only
  if (rows.empty())
    throw Failure(Exit::data, "the held-out text is shorter than " + std::to_string(scale.eval_batch_rows * scale.T) +
                                  " tokens; run `swarm prepare` with more text");
  return rows;
}

// By the length of the rows its graph was made for.
const Scale& scale_of_network(const Checkpoint& checkpoint) {
  const int T = graph_of(checkpoint).shape().T;
  if (const Scale* scale = scale_of(T)) return *scale;
  refuse_network("its graph is for rows of " + std::to_string(T) + " tokens, which is no scale of this judge");
}

// The custom ops that the output depends on, each name once.
std::vector<std::string> own_ops(const Graph& graph) {
  const std::vector<bool> live = live_nodes(graph);
  std::vector<std::string> names;
  for (size_t n = 0; n < live.size(); ++n) {
    const Node& node = graph.nodes()[n];
    if (live[n] && node.op == Op::Custom && !std::count(names.begin(), names.end(), node.name)) names.push_back(node.name);
  }
  return names;
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

Judgement judge(const std::string& data_folder, const std::string& checkpoint_path, const std::string& split, const std::string& backend, bool own_code) {
  const DataSet data(data_folder);
  const Checkpoint checkpoint = read_checkpoint(checkpoint_path);
  require_acceptable(checkpoint.header, frozen_sha256, data.manifest());
  const TokenFile held_out = data.open_held_out(split), token_bytes = data.open_token_bytes();
  if (token_bytes.vocab != held_out.vocab)
    throw Failure(Exit::data, "token_bytes.bin and " + split + ".bin have different vocabularies; run `swarm prepare` again");

  const Scale& scale = scale_of_network(checkpoint);
  const int T = scale.T, batch = scale.eval_batch_rows, vocab = int(held_out.vocab);
  Judgement out{{}, checkpoint.header, checkpoint.sha256, choose_backend(backend, scale), scale.name, own_ops(graph_of(checkpoint))};
  const bool probed = !out.custom_ops.empty();
  if (probed) out.backend = {false, "ops of its own are judged on the CPU"};
  std::optional<OwnCode> code;
  if (own_code && probed) code.emplace();
  Evaluator evaluator(checkpoint, batch, T, vocab, out.backend.cuda, code ? &*code : nullptr);
  const std::vector<uint16_t> rows = rows_of(held_out, scale);
  const size_t batches = rows.size() / (size_t(batch) * size_t(T + 1));

  std::vector<uint16_t> tokens(size_t(batch) * T), targets(tokens.size());
  const auto load = [&](size_t b) {
    for (int r = 0; r < batch; ++r) {
      const uint16_t* row = rows.data() + (b * size_t(batch) + size_t(r)) * size_t(T + 1);
      std::memcpy(&tokens[size_t(r) * T], row, T * sizeof(uint16_t));
      std::memcpy(&targets[size_t(r) * T], row + 1, T * sizeof(uint16_t));
    }
  };
  const uint64_t seed = std::stoull(checkpoint.sha256.substr(0, 16), nullptr, 16);
  const Forward forward = evaluator.forward();
  if (probed) require_as_trained(checkpoint.witness, forward.run, batch, T, vocab);
  load((seed + 1) % batches);
  const std::vector<uint16_t> others = tokens;
  load(seed % batches);
  require_alone_in_its_row(forward, tokens.data(), others.data(), batch, T, seed);
  for (int probe = 0; probe < cut_batches; ++probe) {
    load((seed + uint64_t(probe) * (batches / cut_batches + 1)) % batches);
    require_blind_to_the_future(forward, tokens.data(), batch, T, vocab, seed + uint64_t(probe));
  }

  Twins twins(forward, batch, T);
  std::vector<uint16_t> mates(tokens.size());
  for (size_t b = 0; b < batches; ++b) {
    if (probed) {
      load((b + 1) % batches);
      std::rotate_copy(tokens.begin(), tokens.begin() + T, tokens.end(), mates.begin());  // where there is one batch alone: no row its own mate
    }
    load(b);
    if (probed) add_to(out.score, twins.logits(tokens.data(), mates.data(), seed + b), vocab, targets.data(), batch * T, token_bytes.items);
    else evaluator.add(out.score, tokens.data(), targets.data(), token_bytes.items);
  }
  if (!std::isfinite(out.score.all_nats) || out.score.bytes == 0)
    throw Failure(Exit::checkpoint, "the logits give no finite score; the network is broken");
  return out;
}

}  // namespace swarm
