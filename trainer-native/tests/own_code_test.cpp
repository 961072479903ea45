// Code of an experiment's own beside the judge: what its process may do, what becomes of answers that are none, and what the judge looks for.
#include <cstring>

#include "check.h"
#include "harness/checkpoint.h"
#include "harness/data_set.h"
#include "harness/failure.h"
#include "harness/frozen.h"
#include "harness/scale.h"
#include "harness/witness.h"
#include "judge/probe.h"
#include "process.h"
#include "support.h"

using namespace swarm;
using check::run;

namespace {

constexpr int C = 16;

struct Half {
  template <class Real> void forward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.out[i] = f.in[0][i] / 2; }
  template <class Real> void backward(const Frame<Real>& f) const { for (int i = 0; i < f.N * C; i++) f.din[0][i] += f.dout[i] / 2; }
};

Graph graph_with_half() {
  Graph g({4, cpu_scale.T, int(check::DataFolder::vocab)});
  Tensor x = g.embed(g.param("table", int(check::DataFolder::vocab), C, normal(1)));
  g.output(g.linear(g.custom<Half>("half", {x}, C), g.param("head", int(check::DataFolder::vocab), C, normal(1))));
  return g;
}

// A data folder with the checkpoint of a network whose custom op no program has the code of.
struct Court : check::DataFolder {
  Court() : DataFolder(sentences(300, 1), sentences(120, 2)) {
    Network network(graph_with_half(), support::plain_adam(), {});
    network.init(1);
    const std::vector<uint16_t> tokens(size_t(2) * cpu_scale.T, 7);
    write_checkpoint(path + "/checkpoint.bin", {false, 1, 1, 1, frozen_sha256, DataSet(path).manifest(), "cpu:1s"}, network, witness_of(network, tokens.data()));
    std::filesystem::create_directory(path + "/judged");
  }
  std::string judging(const std::string& trainer) const {
    return check::program("judge") + " --data " + path + " --checkpoint " + path + "/checkpoint.bin --out " + path + "/judged/judge.json --own-code " + trainer;
  }
};

std::function<const float*(const uint16_t*)> logits_of(Network& network) {
  return [&network](const uint16_t* tokens) { return network.forward_logits(tokens); };
}

bool whole_jail() {
  const std::string why = check::why_no_jail();
  if (why.empty()) return true;
  std::printf("NOT TESTED: code of an experiment's own beside the judge, %s\n", why.c_str());
  return false;
}

}  // namespace

TEST("own code: the judge asks nobody without the launcher, and a process that answers something else is refused, one that is not there an outage") {
  const Court court;
  CHECK_ENDS(run(court, court.judging("anything")), 1, "behind walls only");
  if (!whole_jail()) return;
  const std::string jail = check::program("jail") + " judge ";
  CHECK_ENDS(run(court, jail + court.judging(check::program("prisoner"))), 6, "custom_op half: its code ended with exit code 0 after 5 of");
  CHECK_ENDS(run(court, jail + court.judging(court.path + "/absent")), 1, "custom_op half: its code could not be started");  // no fault of the code
  CHECK(!std::filesystem::exists(court.path + "/judged/judge.json"));
}

TEST("own code: what never answers is given up, and ends with a judge that is killed") {
  if (!whole_jail()) return;
  const Court court;
  const std::string hanging = court.path + "/hanging";  // a name that tests/jail/prisoner.cpp knows
  std::filesystem::copy_file(check::program("prisoner"), hanging);
  const std::string judging = check::program("jail") + " judge " + court.judging(hanging), there = "pgrep -f '^" + hanging + "' >" + court.path + "/pids";
  // Here for as long as the judge is, though it would wait ten seconds for an answer; gone with it.
  const auto killed = run(court, judging + " & judge=$!; for i in $(seq 80); do " + there + " && break; sleep 0.1; done; " + there +
                                     " || exit 11; kill -9 $judge; for i in $(seq 40); do " + there + " || exit 0; sleep 0.1; done; exit 12");
  CHECK_EQUAL(killed.exit, 0);
  CHECK_ENDS(run(court, judging), 6, "custom_op half: its code gave no answer within 10 s");
}

TEST("own code: a witness holds the judged network to the one that trained, bit for bit, in another batch") {
  Network network(graph_with_half(), support::plain_adam(), {}), other(graph_with_half(), 16), same(graph_with_half(), 16);
  network.init(3);
  std::vector<uint16_t> tokens;
  for (int i = 0; i < 2 * cpu_scale.T; i++) tokens.push_back(uint16_t(i * 7 % 61));
  const Witness witness = witness_of(network, tokens.data());
  CHECK_EQUAL(witness.tokens.size(), tokens.size());
  for (Network* judged : {&same, &other})
    for (size_t i = 0; i < judged->parameters().size(); i++) {
      const Parameter& p = judged->parameters()[i];
      std::memcpy(p.values, network.parameters()[i].values, sizeof(float) * size_t(p.rows) * size_t(p.cols));
    }
  require_as_trained(witness, logits_of(same), 16, cpu_scale.T, int(check::DataFolder::vocab));
  other.parameters()[0].values[7 * C] += 1e-6f;
  CHECK_FAILS(require_as_trained(witness, logits_of(other), 16, cpu_scale.T, int(check::DataFolder::vocab)), Exit::checkpoint, "another than the one that trained");
  CHECK_FAILS(require_as_trained({}, logits_of(same), 16, cpu_scale.T, int(check::DataFolder::vocab)), Exit::checkpoint, "no proper witness");
  Witness foreign = witness;
  foreign.tokens[5] = check::DataFolder::vocab;
  CHECK_FAILS(require_as_trained(foreign, logits_of(same), 16, cpu_scale.T, int(check::DataFolder::vocab)), Exit::checkpoint, "not in the vocabulary");
}

TEST("own code: twins keep every bit for an honest network, and find one that looks ahead once in fifty, knows its place, or remembers") {
  constexpr int batch = 4, T = 32, vocab = 8;
  std::vector<uint16_t> rows, others;
  for (int i = 0; i < batch * T; i++) rows.push_back(uint16_t(i * i % 7)), others.push_back(uint16_t(i * 5 % 8));
  std::vector<float> logits(size_t(batch) * T * vocab);
  // One logit a token, from what `see` makes of row and position.
  const auto network = [&](auto see) {
    return Forward{[&logits, see](const uint16_t* tokens) {
      for (int n = 0; n < batch * T; n++) std::fill_n(&logits[size_t(n) * 8], 8, float(see(tokens, n / T, n % T)));
      return const_cast<const float*>(logits.data());
    }, 8};
  };
  const auto tried = [&](const Forward& forward) {
    Twins twins(forward, batch, T);
    for (uint64_t seed = 0; seed < 64; seed++) twins.logits(rows.data(), others.data(), seed);  // as many cuts as 256 rows have
  };
  const auto honest = network([](const uint16_t* tokens, int r, int t) { return tokens[r * T + t] + (t ? tokens[r * T + t - 1] : 0); });
  tried(honest);
  Twins twins(honest, batch, T);
  const float* kept = twins.logits(rows.data(), others.data(), 1);
  const float* plain = honest.run(rows.data());
  CHECK(!std::memcmp(kept, plain, logits.size() * sizeof(float)));
  CHECK_FAILS(tried(network([](const uint16_t* tokens, int r, int t) { return t + 1 < T && t % 16 == 3 ? tokens[r * T + t + 1] : 0; })), Exit::checkpoint, "sees the future");
  CHECK_FAILS(tried(network([](const uint16_t* tokens, int r, int t) { return tokens[r * T + t] + r; })), Exit::checkpoint, "among other rows");
  int calls = 0;
  CHECK_FAILS(tried(network([&calls](const uint16_t*, int, int) { return ++calls; })), Exit::checkpoint, "has other logits");
}
