// A checkpoint reads back whole or not at all, and the judge's terms of acceptance.
#include <limits>

#include "check.h"
#include "data_folder.h"
#include "harness/checkpoint.h"
#include "harness/failure.h"
#include "judge/evaluator.h"
#include "judge/judgement.h"

using namespace swarm;

namespace {

constexpr int T = 8, vocab = 64;

// The smallest network there is: each token's logits are a row of a table times a head.
Graph small_graph(int rows) {
  Graph g(Shape{rows, T, vocab});
  const Tensor table = g.param("table", vocab, 16, normal(1));
  const Tensor head = g.param("head", vocab, 16, normal(0.1f));
  g.output(g.linear(g.embed(table), head));
  return g;
}

struct Written {
  check::Folder folder;
  std::string path = folder.path + "/checkpoint.bin", sha256;
  CheckpointHeader header{false, 7, 12, 96, std::string(64, 'a'), std::string(64, 'b'), "work:20s"};
  Network network{small_graph(2), 2};
  Written() {
    network.init(5);
    sha256 = write_checkpoint(path, header, network);
  }
};

}  // namespace

TEST("checkpoint: reads back every value, and the file's own sha256") {
  Written w;
  const Checkpoint read = read_checkpoint(w.path);
  CHECK_EQUAL(read.sha256, w.sha256);
  const std::string bytes = check::read_all(w.path);
  CHECK_EQUAL(sha256_hex(bytes.data(), bytes.size()), w.sha256);
  CHECK(!read.header.partial);
  CHECK_EQUAL(read.header.seed, 7u);
  CHECK_EQUAL(read.header.steps, 12u);
  CHECK_EQUAL(read.header.tokens, 96u);
  CHECK_EQUAL(read.header.frozen, w.header.frozen);
  CHECK_EQUAL(read.header.manifest, w.header.manifest);
  CHECK_EQUAL(read.header.budget, "work:20s");
  CHECK_EQUAL(read.tensors.size(), size_t(2));
  for (size_t i = 0; i < 2; ++i)
    CHECK(std::equal(read.tensors[i].values.begin(), read.tensors[i].values.end(), w.network.parameters()[i].values));
  const auto judged = network_of(read, 4, T, vocab);
  std::vector<uint16_t> tokens(4 * T, 3);
  const float* logits = judged->forward_logits(tokens.data());
  const float first = logits[0], last = logits[4 * T * vocab - vocab];
  CHECK(first != 0);
  CHECK_EQUAL(first, last);
}

TEST("checkpoint: any flipped byte and any missing end is found") {
  Written w;
  const std::string whole = check::read_all(w.path);
  for (size_t at = 0; at < whole.size(); at += at < 256 ? 1 : 97) {
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 1);
    check::write_all(w.path, damaged);
    CHECK_FAILS(read_checkpoint(w.path), Exit::checkpoint, at < 8 ? "is not a checkpoint" : "is damaged");
  }
  for (size_t bytes : {size_t(0), size_t(39), size_t(200), whole.size() - 1}) {
    check::write_all(w.path, whole.substr(0, bytes));
    CHECK_FAILS(read_checkpoint(w.path), Exit::checkpoint, "checkpoint");
  }
  CHECK_FAILS(read_checkpoint(w.folder.path), Exit::checkpoint, "is not a file");
  CHECK_FAILS(read_checkpoint(w.folder.path + "/absent"), Exit::checkpoint, "No such file");
}

TEST("checkpoint: what is damaged but carries a right sha256 is still refused, never read past its end") {
  Written w;
  const std::string whole = check::read_all(w.path);
  const std::string content = whole.substr(0, whole.size() - 32);
  const auto forge = [&](const std::string& forged) {
    Sha256 hash;
    hash.add(forged.data(), forged.size());
    const auto digest = hash.digest();
    check::write_all(w.path, forged + std::string(digest.begin(), digest.end()));
  };
  for (size_t bytes = 12; bytes < content.size(); bytes += bytes < 400 ? 1 : 211) {
    forge(content.substr(0, bytes));
    CHECK_FAILS(read_checkpoint(w.path), Exit::checkpoint, "ends early");
  }
  forge(content + "x");
  CHECK_FAILS(read_checkpoint(w.path), Exit::checkpoint, "something follows");
  std::string newer = content;
  newer[8] = 9;
  forge(newer);
  CHECK_FAILS(read_checkpoint(w.path), Exit::checkpoint, "version 9");
}

TEST("judge: refuses a changed harness, another data set and a run that stopped early") {
  const CheckpointHeader good{false, 7, 12, 96, "f", "m", "work:20s"};
  require_acceptable(good, "f", "m");
  CHECK_FAILS(require_acceptable(good, "g", "m"), Exit::checkpoint, "compiled from a changed harness");
  CHECK_FAILS(require_acceptable(good, "f", "n"), Exit::checkpoint, "trained on another data set");
  CheckpointHeader partial = good;
  partial.partial = true;
  CHECK_FAILS(require_acceptable(partial, "f", "m"), Exit::checkpoint, "stopped before its budget");
}

TEST("judge: refuses weights that are not numbers, tensors that are not the graph's, and graphs of another shape") {
  Written w;
  const Checkpoint good = read_checkpoint(w.path);
  network_of(good, 2, T, vocab);
  const auto refused = [&](auto change, const char* words) {
    Checkpoint bad = good;
    change(bad);
    CHECK_FAILS(network_of(bad, 2, T, vocab), Exit::checkpoint, words);
  };
  refused([](Checkpoint& c) { c.tensors[1].values[5] = std::numeric_limits<float>::infinity(); }, "tensor head holds a value that is not a finite number");
  refused([](Checkpoint& c) { c.tensors[0].name = "other"; }, "tensor other is not the graph's table");
  refused([](Checkpoint& c) { std::swap(c.tensors[0].rows, c.tensors[0].cols); }, "is not the graph's");
  refused([](Checkpoint& c) { c.tensors.pop_back(); }, "another number of tensors");
  refused([](Checkpoint& c) { c.graph.resize(c.graph.size() / 2); }, "the checkpoint's network is refused");
  CHECK_FAILS(network_of(good, 2, 2 * T, vocab), Exit::checkpoint, "rows of 8 tokens");
  CHECK_FAILS(network_of(good, 2, T, vocab + 16), Exit::checkpoint, "a vocabulary of 64");
}
