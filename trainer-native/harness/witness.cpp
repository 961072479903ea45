#include "harness/witness.h"

#include <algorithm>
#include <cstring>

#include "harness/failure.h"
#include "harness/sha256.h"

namespace swarm {

Witness witness_of(const Network& trained, const uint16_t* tokens) {
  const int rows = trained.rows_at_once();
  const Shape& shape = trained.graph().shape();
  Network forward(trained.graph(), rows);
  for (size_t i = 0; i < forward.parameters().size(); ++i) {
    const Parameter &to = forward.parameters()[i], &from = trained.parameters()[i];
    std::memcpy(to.values, from.values, sizeof(float) * size_t(to.rows) * size_t(to.cols));
  }
  const size_t kept = size_t(std::min(rows, witness_rows)) * size_t(shape.T);
  const float* logits = forward.forward_logits(tokens);
  return {std::vector<uint16_t>(tokens, tokens + kept), sha256_hex(logits, kept * size_t(shape.vocab) * sizeof(float))};
}

void require_as_trained(const Witness& witness, const std::function<const float*(const uint16_t*)>& judged, int batch_rows, int T, int vocab) {
  const size_t kept = witness.tokens.size(), width = size_t(T);
  if (kept == 0 || kept % width != 0 || kept > size_t(std::min(witness_rows, batch_rows)) * width) throw Failure(Exit::checkpoint, "a network with code of the experiment's own brings no proper witness of its training; train it again");
  std::vector<uint16_t> tokens(size_t(batch_rows) * width);
  for (size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = witness.tokens[i % kept];
    if (tokens[i] >= vocab) throw Failure(Exit::checkpoint, "the witness of its training holds tokens that are not in the vocabulary");
  }
  const float* logits = judged(tokens.data());
  if (sha256_hex(logits, kept * size_t(vocab) * sizeof(float)) != witness.logits_sha256)
    throw Failure(Exit::checkpoint, "the network is another than the one that trained: on text of its training it has other logits here than it had there");
}

}  // namespace swarm
