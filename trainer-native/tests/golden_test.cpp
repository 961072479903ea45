// The shipped experiment against tests/golden/reference.py, an implementation of the same recipe by other means.
// How far float32 is from float64 in PyTorch itself (reference.py --spread) is the measure of each tolerance.
#include <cmath>
#include <memory>

#include "check.h"
#include "eigenvalues.h"
#include "engine/core/start.h"
#include "engine/optim/polar.h"
#include "golden.h"
#include "harness/contract.h"
#include "harness/packing.h"
#include "harness/training_text.h"
#include "judge/score.h"
#include "support.h"

using namespace swarm;
using golden::agree;
using golden::agree_tensor;
using golden::goldens;

namespace {

constexpr int vocab = 64, T = 32, rows = 4, steps = 20, seed = 42;
constexpr uint16_t bos = check::DataFolder::bos;

check::Documents documents() {  // without their BOS
  check::Documents out;
  for (uint16_t token : goldens().tokens("documents")) {
    if (token == bos) out.emplace_back();
    else out.back().push_back(token);
  }
  return out;
}

struct Batches {  // the golden's rows, a step at a time
  std::vector<uint16_t> all = goldens().tokens("rows"), tokens, targets;
  void load(int step) {
    tokens.clear(), targets.clear();
    for (int r = 0; r < rows; r++)
      for (int t = 0; t < T; t++) {
        const size_t at = size_t(step * rows + r) * (T + 1) + t;
        tokens.push_back(all[at]), targets.push_back(all[at + 1]);
      }
  }
};

Graph shipped(int step_rows) {
  Graph g({step_rows, T, vocab});
  experiment_build(g, g.shape());
  return g;
}

Network to_train() {
  const Graph g = shipped(rows);
  Optimizer optimizer;
  experiment_optimizer(g, optimizer);
  return Network(g, optimizer, {});
}

size_t count_of(const Parameter& p) { return size_t(p.rows) * p.cols; }

// At the shipped start o, down and gate are zero and hide the gradients behind them; here nothing is.
void make_hot(Network& network, bool only_zeros = false) {
  for (const Parameter& p : network.parameters()) {
    if (only_zeros && !std::all_of(p.values, p.values + count_of(p), [](float v) { return v == 0; })) continue;
    const std::string group = p.name.substr(0, p.name.find('.'));
    const bool as_is = group == "wte" || group == "value" || group == "lambda";
    start(uniform(as_is ? 1 : float(std::sqrt(3.0 / p.cols))), 7, p.name, count_of(p), p.values);
  }
}

void gradients_agree(Network& network, const std::string& where, double loss_tolerance, double tolerance) {
  Batches batch;
  batch.load(0);
  agree("loss." + where, {network.loss_and_gradients(batch.tokens.data(), batch.targets.data())}, goldens().numbers("loss." + where), loss_tolerance);
  double all = 0;
  for (const Parameter& p : network.parameters()) {
    const double length = goldens().numbers("gradient." + where + "." + p.name + ":sums")[0];
    all += length * length;
  }
  // The floor is a hundredth of all gradients together: those of the lambdas cancel to zero at the start, as norms follow them.
  for (size_t i = 0; i < network.parameters().size(); i++) {
    const Parameter& p = network.parameters()[i];
    agree_tensor("gradient." + where + "." + p.name, network.gradient(int(i)), count_of(p), tolerance, std::sqrt(all) / 100);
  }
}

}  // namespace

TEST("golden: initial tensors") {
  Network network = to_train();
  network.init(seed);
  // Their logarithms and cosines are libm's, ours polynomials: the last bit of a float may differ.
  for (const Parameter& p : network.parameters()) agree_tensor("init." + p.name, p.values, count_of(p), 1.2e-7);
}

TEST("golden: the training text and its packing, token by token") {
  const check::DataFolder folder(documents(), check::DataFolder::sentences(3, 2));
  const std::vector<TokenFile> files = DataSet(folder.path).open_training();
  TrainingText text(files, T, seed);
  const std::vector<uint16_t> theirs = goldens().tokens("rows");
  const int count = int(theirs.size()) / (T + 1);
  CHECK(count == 400);  // enough for refills and a second time through the documents
  std::vector<uint16_t> tokens(T), targets(T);
  for (int r = 0; r < count; r++) {
    text.fill(1, tokens.data(), targets.data());
    for (int t = 0; t < T; t++) {
      CHECK_EQUAL(tokens[t], theirs[size_t(r) * (T + 1) + t]);
      CHECK_EQUAL(targets[t], theirs[size_t(r) * (T + 1) + t + 1]);
    }
  }
}

TEST("golden: loss and every gradient at the shipped start") {
  Network network = to_train();
  network.init(seed);
  gradients_agree(network, "init", 1e-6, 1e-5);
}

TEST("golden: loss and every gradient where no weight is zero") {
  Network network = to_train();
  network.init(seed);
  make_hot(network);
  gradients_agree(network, "hot", 1e-5, 1e-5);  // float32 in PyTorch: 2e-6
}

TEST("golden: the losses of twenty steps with the shipped optimizer and schedule") {
  Network network = to_train();
  network.init(seed);
  make_hot(network, true);  // else the lambdas' first gradients are nothing but rounding, and Adam follows them with its whole rate
  const std::vector<double> theirs = goldens().numbers("curve");
  CHECK_EQUAL(theirs.size(), size_t(steps));
  Batches batch;
  for (int step = 0; step < steps; step++) {
    batch.load(step);
    const double loss = network.train_step(batch.tokens.data(), batch.targets.data(), experiment_schedule(step, float(step) / steps));
    agree("the loss of step " + std::to_string(step), {loss}, {theirs[step]}, 3e-5 * theirs[step]);  // between two precisions of PyTorch: 3e-6
  }
}

TEST("golden: muon of every shape, three steps") {
  constexpr int words = 160, N = 2048;
  for (const auto& [r, c] : {std::pair{4, 32}, {32, 4}, {128, 128}, {512, 128}, {128, 512}, {48, 80}}) {
    Graph g({16, N / 16, words});
    const Tensor e = g.param("e", words, c, uniform(1));
    const Tensor w = g.param("w", r, c, uniform(float(std::sqrt(3.0 / c))));
    const Tensor h = g.param("h", words, r, uniform(float(std::sqrt(3.0 / r))));
    g.output(g.linear(g.linear(g.embed(e), w), h));
    Optimizer optimizer;
    Muon rule;
    rule.lr = 0.04f, rule.beta2 = 0.95f, rule.weight_decay = 0.2f, rule.polar_steps = 5;
    optimizer.muon("w", rule);
    optimizer.adam("e", Adam{});  // a rate of 0: these stay
    optimizer.adam("h", Adam{});
    Network network(g, optimizer, {});
    network.init(5);
    support::Random random(3);
    for (int step = 0; step < 3; step++) {
      const auto tokens = support::random_tokens(random, N, words), targets = support::random_tokens(random, N, words);
      Schedule now;
      now.momentum = 0.85f + 0.03f * float(step);
      network.train_step(tokens.data(), targets.data(), now);
    }
    // 512x128 rounds worst: its gradient's singular values span three decades, and the smallest grow a thousandfold. PyTorch: 6e-5.
    agree_tensor("muon." + std::to_string(r) + "x" + std::to_string(c), network.parameters()[1].values, size_t(r) * c, r == 512 ? 3e-4 : 1e-5);
  }
}

TEST("golden: polar express and the singular values it leaves") {
  for (const auto& [r, c] : {std::pair{4, 32}, {32, 4}, {96, 32}, {32, 96}}) {
    const std::string shape = std::to_string(r) + "x" + std::to_string(c);
    std::vector<float> x(size_t(r) * c), result(x.size()), scratch(size_t(optim::polar_scratch_floats(r, c)));
    start(uniform(1), 5, "polar", x.size(), x.data());
    optim::polar(r, c, 5, x.data(), result.data(), scratch.data());
    agree_tensor("polar." + shape, result.data(), x.size(), 1e-5);  // five products deep, a few roundings each

    const int small = std::min(r, c);
    std::vector<double> gram(size_t(small) * small);
    for (int i = 0; i < small; i++)
      for (int j = 0; j < small; j++)
        for (int l = 0; l < std::max(r, c); l++)
          gram[i * small + j] += r < c ? double(result[i * c + l]) * result[j * c + l] : double(result[l * c + i]) * result[l * c + j];
    std::vector<double> singular = check::eigenvalues(small, gram);
    for (double& v : singular) v = std::sqrt(v);
    std::sort(singular.rbegin(), singular.rend());
    agree("singular." + shape, singular, goldens().numbers("singular." + shape), 1e-5 * std::sqrt(double(small)));
    CHECK(singular.back() > 0.7 && singular.front() < 1.2);
  }
}

TEST("golden: schedules at 0, 1/4, 1/2, 3/4 and 1") {
  const std::vector<double> theirs = goldens().numbers("schedule");
  CHECK_EQUAL(theirs.size(), size_t(5 * 5));
  for (size_t at = 0; at < theirs.size(); at += 5) {
    const Schedule ours = experiment_schedule(int(theirs[at]), float(theirs[at + 1]));
    agree("schedule at step " + std::to_string(int(theirs[at])), {ours.lr, ours.momentum, ours.weight_decay},
          {theirs[at + 2], theirs[at + 3], theirs[at + 4]}, 2e-7);  // one rounding of numbers up to 1
  }
}

TEST("golden: bits per byte of a fixed model") {
  const check::Documents texts = documents();
  std::vector<std::vector<uint16_t>> whole;
  for (const auto& text : texts) {
    whole.push_back({bos});
    whole.back().insert(whole.back().end(), text.begin(), text.end());
  }
  size_t at = 0;
  Packing packing(T + 1, [&](Document& document) {
    if (at == whole.size()) return false;
    document = {whole[at].data(), uint32_t(whole[at].size())};
    at++;
    return true;
  });
  const std::vector<uint16_t> theirs = goldens().tokens("validation"), bytes = goldens().tokens("bytes");
  constexpr int count = 16;
  Network network(shipped(count), count);
  network.init(0);
  make_hot(network);
  std::vector<uint16_t> tokens, targets, row(T + 1);
  for (int r = 0; r < count; r++) {
    CHECK(packing.row(row.data()));
    for (int t = 0; t <= T; t++) CHECK_EQUAL(row[t], theirs[size_t(r) * (T + 1) + t]);
    tokens.insert(tokens.end(), row.begin(), row.end() - 1);
    targets.insert(targets.end(), row.begin() + 1, row.end());
  }
  Score score;
  add_to(score, network.forward_logits(tokens.data()), vocab, targets.data(), count * T, bytes.data());
  const double golden = goldens().numbers("bpb.hot")[0];
  agree("bpb.hot", {score.bits_per_byte()}, {golden}, 1e-6 * golden);
}
