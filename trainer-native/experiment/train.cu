// The experiment: network, optimizer groups and schedules of one training run. This is the file researchers edit.
// `experiment_build` describes the network once; it sees no data and no weights. The engine derives gradients, plans memory
// and runs it; the loss (mean cross-entropy of the logits) belongs to the engine. Ops: engine/core/graph.h.
//
// The recipe is karpathy/autoresearch's reference, at a small scale or, with the second value of each at_scale, at its own: value embeddings with gates, RoPE then QK-norm, sliding
// windows, relu squared, softcap, residual and x0 lambdas, Muon with Polar Express and NorMuon, Adam for the rest.
#include "engine/experiment.h"

#include <cmath>
#include <string>
#include <vector>

using namespace swarm;

// ---- Knobs: a line saying what it is and its range or choices, then the line with its value. ----

// Layers of the network. range 1..12 int
constexpr int DEPTH = at_scale(4, 8);
// Attention heads in a layer; the model dimension is heads times head dim. range 1..12 int
constexpr int HEADS = 4;
// Channels of one head. choices 16|32|64|128
constexpr int HEAD_DIM = at_scale(32, 128);
// Width of the feed-forward layer as a multiple of the model dimension. range 1..8 int
constexpr int MLP_RATIO = 4;
// Attention windows, layer by layer and repeated: S short, L the whole context; the last layer is always L. choices SSSL|SSL|SL|L|S
constexpr char WINDOW_PATTERN[] = "SSSL";
// Share of the context a short window reaches back. range 0.05..1 linear
constexpr float SHORT_WINDOW = 0.5f;
// Base of the rotary position angles. range 100..1000000 log
constexpr float ROPE_BASE = 10000.0f;
// Value embeddings: a second token embedding that enters the values of every other layer through a gate. choices true|false
constexpr bool VALUE_EMBEDDINGS = true;
// Logits are squeezed into plus or minus this by tanh. range 4..100 log
constexpr float SOFTCAP = 15.0f;

// Tokens in one optimizer step; fewer means more steps in the same budget. range 256..16384 pow2 gpu 65536..1048576 pow2
constexpr int TOKENS_PER_STEP = at_scale(512, 524288);
// Muon learning rate of all matrices inside the blocks. range 0.004..0.4 log
constexpr float MATRIX_LR = 0.04f;
// Adam learning rate of the token embedding (times sqrt(768/d), as for the next two). range 0.01..2 log
constexpr float EMBEDDING_LR = at_scale(0.18f, 0.6f);
// Adam learning rate of the value embeddings. range 0.01..2 log
constexpr float VALUE_EMBEDDING_LR = at_scale(0.18f, 0.6f);
// Adam learning rate of the output head. range 0.0004..0.04 log
constexpr float HEAD_LR = 0.004f;
// Adam learning rate of the residual lambdas. range 0.0005..0.05 log
constexpr float RESID_LAMBDA_LR = 0.005f;
// Adam learning rate of the x0 lambdas. range 0.02..2 log
constexpr float X0_LAMBDA_LR = 0.5f;
// Adam's decay of the mean gradient. range 0.5..0.95 linear
constexpr float ADAM_BETA1 = 0.8f;
// Adam's decay of the mean squared gradient. range 0.8..0.999 linear
constexpr float ADAM_BETA2 = 0.95f;
// Polar Express iterations of a Muon step. range 2..8 int
constexpr int POLAR_STEPS = 5;
// Weight decay of the matrices, falling to 0 with progress. range 0..1 linear
constexpr float WEIGHT_DECAY = 0.2f;
// Muon momentum at the first step. range 0.5..0.98 linear
constexpr float MOMENTUM_START = 0.85f;
// Muon momentum once risen. range 0.5..0.99 linear
constexpr float MOMENTUM_END = 0.95f;
// Steps over which the momentum rises. range 1..1000 log
constexpr int MOMENTUM_STEPS = 300;
// Steps over which the learning rate rises from zero. range 0..200 int
constexpr int WARMUP_STEPS = 0;
// Share of the budget at its end over which the learning rate falls. range 0..1 linear
constexpr float WARMDOWN_SHARE = 0.5f;
// Learning rate at the very end, as a share of the full one. range 0..0.5 linear
constexpr float FINAL_LR_SHARE = 0.0f;

// Standard deviation of the token embedding at the start. range 0.1..3 log
constexpr float EMBEDDING_SD = 1.0f;
// Standard deviation of the output head at the start. range 0.0001..0.1 log
constexpr float HEAD_SD = 0.001f;
// Standard deviation of q, k, v and the first feed-forward matrix, in units of 1/sqrt(d). range 0.2..3 log
constexpr float MATRIX_SD = 1.0f;
// What multiplies the residual stream before each layer, at the start. range 0.5..1.5 linear
constexpr float RESID_LAMBDA_START = 1.0f;
// What multiplies the token embedding added before each layer, at the start. range 0..1 linear
constexpr float X0_LAMBDA_START = 0.1f;

// ---- Network ----

constexpr int D = HEADS * HEAD_DIM;
constexpr int KV_HEADS = HEADS;      // fewer share keys and values among heads; must divide HEADS
constexpr int GATE_CHANNELS = 32;    // of the block input, read by the value gates

// The last layer, and every second one before it, mixes a value embedding into its values.
bool has_value_embedding(int layer) { return VALUE_EMBEDDINGS && layer % 2 == (DEPTH - 1) % 2; }

// How many tokens before itself a token of this layer may look at.
int window_of(int layer, int T) {
  const std::string pattern = WINDOW_PATTERN;
  const char kind = layer == DEPTH - 1 ? 'L' : pattern[layer % pattern.size()];
  if (kind == 'L') return T;
  if (kind != 'S') refuse("WINDOW_PATTERN may hold only S and L");
  return static_cast<int>(SHORT_WINDOW * T);
}

Tensor attention_block(Graph& g, Tensor h, int layer, const std::string& name) {
  const Init spread = uniform(MATRIX_SD * std::sqrt(3.0f / D));
  Tensor q = g.linear(h, g.param(name + "q", D, D, spread));
  Tensor k = g.linear(h, g.param(name + "k", KV_HEADS * HEAD_DIM, D, spread));
  Tensor v = g.linear(h, g.param(name + "v", KV_HEADS * HEAD_DIM, D, spread));
  if (has_value_embedding(layer)) {
    Tensor table = g.param("value." + std::to_string(layer), g.shape().vocab, KV_HEADS * HEAD_DIM, spread);
    Tensor gate = g.linear(g.slice(h, 0, GATE_CHANNELS), g.param(name + "gate", KV_HEADS, GATE_CHANNELS, constant(0)));
    v = g.ew({v, gate, g.embed(table)}, [](auto v, auto gate, auto ve) { return v + 2.0f * sigmoid(gate) * ve; });
  }
  q = g.rmsnorm(g.rope(q, HEAD_DIM, ROPE_BASE), HEAD_DIM);
  k = g.rmsnorm(g.rope(k, HEAD_DIM, ROPE_BASE), HEAD_DIM);
  AttentionOptions options;
  options.heads = HEADS;
  options.kv_heads = KV_HEADS;
  options.window = window_of(layer, g.shape().T);
  return g.linear(g.attention(q, k, v, options), g.param(name + "o", D, D, constant(0)));
}

Tensor mlp_block(Graph& g, Tensor h, const std::string& name) {
  Tensor up = g.linear(h, g.param(name + "up", MLP_RATIO * D, D, uniform(MATRIX_SD * std::sqrt(3.0f / D))));
  Tensor active = g.ew({up}, [](auto x) { return square(relu(x)); });
  return g.linear(active, g.param(name + "down", D, MLP_RATIO * D, constant(0)));
}

Tensor add(Graph& g, Tensor a, Tensor b) {
  return g.ew({a, b}, [](auto a, auto b) { return a + b; });
}

void require_possible_knobs() {
  if (DEPTH < 1 || HEADS < 1 || HEAD_DIM < 1 || MLP_RATIO < 1) refuse("DEPTH, HEADS, HEAD_DIM and MLP_RATIO must be at least 1");
  if (GATE_CHANNELS > D) refuse("HEADS * HEAD_DIM must be at least GATE_CHANNELS");
  if (sizeof WINDOW_PATTERN < 2) refuse("WINDOW_PATTERN must name at least one layer");
  if (!(SHORT_WINDOW >= 0 && SHORT_WINDOW <= 1)) refuse("SHORT_WINDOW must lie between 0 and 1");
  if (!(SOFTCAP > 0)) refuse("SOFTCAP must be above 0");
}

void experiment_build(Graph& g, const Shape& shape) {
  require_possible_knobs();
  Tensor x = g.rmsnorm(g.embed(g.param("wte", shape.vocab, D, normal(EMBEDDING_SD))));
  const Tensor x0 = x;
  for (int layer = 0; layer < DEPTH; layer++) {
    const std::string number = std::to_string(layer), name = "block." + number + ".";
    Tensor resid = g.param("lambda.resid." + number, 1, constant(RESID_LAMBDA_START));
    Tensor back = g.param("lambda.x0." + number, 1, constant(X0_LAMBDA_START));
    x = g.ew({x, x0, resid, back}, [](auto x, auto x0, auto resid, auto back) { return resid * x + back * x0; });
    x = add(g, x, attention_block(g, g.rmsnorm(x), layer, name));
    x = add(g, x, mlp_block(g, g.rmsnorm(x), name));
  }
  Tensor logits = g.linear(g.rmsnorm(x), g.param("head", shape.vocab, D, normal(HEAD_SD)));
  g.output(g.ew({logits}, [](auto l) { return SOFTCAP * tanh(l / SOFTCAP); }));
}

// ---- Optimizer: every parameter is in exactly one group; a rule of your own: optimizer.group, docs/ops.md ----

void experiment_optimizer(const Graph&, Optimizer& optimizer) {
  const float wider = std::sqrt(768.0f / D);  // the Adam rates of tables were tuned at 768 channels
  auto adam = [](float lr, float beta1) {
    Adam rule;
    rule.lr = lr;
    rule.beta1 = beta1;
    rule.beta2 = ADAM_BETA2;
    return rule;
  };
  optimizer.adam("head", adam(HEAD_LR * wider, ADAM_BETA1));
  optimizer.adam("wte", adam(EMBEDDING_LR * wider, ADAM_BETA1));
  optimizer.adam("value.*", adam(VALUE_EMBEDDING_LR * wider, ADAM_BETA1));
  optimizer.adam("lambda.resid.*", adam(RESID_LAMBDA_LR, ADAM_BETA1));
  optimizer.adam("lambda.x0.*", adam(X0_LAMBDA_LR, 0.96f));
  Muon matrices;
  matrices.lr = MATRIX_LR;
  matrices.beta2 = 0.95f;
  matrices.weight_decay = WEIGHT_DECAY;
  matrices.polar_steps = POLAR_STEPS;
  optimizer.muon("block.*", matrices);
}

// ---- Schedule: pure; progress is the share of the budget spent before this step ----

Schedule experiment_schedule(int step, float progress) {
  Schedule now;
  if (progress > 1 - WARMDOWN_SHARE) {
    const float left = (1 - progress) / WARMDOWN_SHARE;  // 1 to 0
    now.lr = left + (1 - left) * FINAL_LR_SHARE;
  }
  if (step < WARMUP_STEPS) now.lr *= float(step + 1) / float(WARMUP_STEPS + 1);
  const float risen = step < MOMENTUM_STEPS ? float(step) / float(MOMENTUM_STEPS) : 1;
  now.momentum = MOMENTUM_START + risen * (MOMENTUM_END - MOMENTUM_START);
  now.weight_decay = 1 - progress;
  return now;
}

Settings experiment_settings() { return {TOKENS_PER_STEP, DEPTH}; }
