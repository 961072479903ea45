// What a graph refuses, what a causality walk refuses, and graphs as bytes.
#include <algorithm>
#include <cstring>

#include "check.h"
#include "harness/contract.h"
#include "support.h"

using namespace swarm;

namespace {

struct Small {
  Graph g{Shape{2, 8, 16}};
  Tensor table = g.param("table", 16, 32, constant(0));
  Tensor x = g.embed(table);
};

Graph shipped() {
  Graph g({4, 16, 64});
  experiment_build(g, g.shape());
  return g;
}

}  // namespace

TEST("graph: a product with an activation would mix tokens and is refused") {
  Small s;
  CHECK_THROWS(s.g.linear(s.x, s.x), Refused, "would mix tokens");
  CHECK_THROWS(s.g.embed(s.x), Refused, "would mix tokens");
}

TEST("graph: attention that looks ahead, or heads that do not fit, are refused") {
  Small s;
  AttentionOptions o;
  o.heads = 2;
  o.window = -1;
  CHECK_THROWS(s.g.attention(s.x, s.x, s.x, o), Refused, "look ahead");
  o.window = 4;
  o.heads = 3;
  CHECK_THROWS(s.g.attention(s.x, s.x, s.x, o), Refused, "heads");
  o.heads = 4;
  CHECK_THROWS(s.g.attention(s.x, s.x, s.x, o), Refused, "multiple of 16");
  o.heads = 2;
  o.kv_heads = 1;
  CHECK_THROWS(s.g.attention(s.x, s.x, s.x, o), Refused, "keys and values");
  o.kv_heads = 2;
  o.softcap = -1;
  CHECK_THROWS(s.g.attention(s.x, s.x, s.x, o), Refused, "softcap");
}

TEST("graph: shapes that do not fit are refused with the numbers") {
  Small s;
  CHECK_THROWS(s.g.linear(s.x, s.g.param("w", 4, 31, constant(0))), Refused, "31");
  CHECK_THROWS(s.g.rmsnorm(s.x, 5), Refused, "groups of 5");
  CHECK_THROWS(s.g.rope(s.x, 7, 10000), Refused, "even");
  CHECK_THROWS(s.g.rope(s.x, 8, 0), Refused, "base");
  CHECK_THROWS(s.g.slice(s.x, 30, 4), Refused, "slice");
  CHECK_THROWS(s.g.token_shift(s.x, 0), Refused, "a later one");
  CHECK_THROWS(s.g.token_shift(s.x, -1), Refused, "a later one");
  CHECK_THROWS(s.g.token_shift(s.x, 8), Refused, "leaves nothing");
  CHECK_THROWS(s.g.token_shift(s.table, 1), Refused, "activation");
  CHECK_THROWS(s.g.conv(s.x, s.g.param("nine", 9, 32, constant(0))), Refused, "at most 8");
  CHECK_THROWS(s.g.conv(s.x, s.g.param("thin", 3, 31, constant(0))), Refused, "31 channels");
  CHECK_THROWS(s.g.conv(s.x, s.x), Refused, "would mix tokens");
  CHECK_THROWS(s.g.scan(s.x, s.g.slice(s.x, 0, 5)), Refused, "as wide");
  CHECK_THROWS(s.g.scan(s.table, s.x), Refused, "activation");
  CHECK_THROWS(s.g.concat({}), Refused, "concat");
  CHECK_THROWS(s.g.embed(s.g.param("short", 15, 4, constant(0))), Refused, "15 rows");
  CHECK_THROWS((s.g.ew({s.x, s.g.slice(s.x, 0, 5)}, [](auto a, auto b) { return a + b; })), Refused, "divide");
  CHECK_THROWS(s.g.ew({s.table}, [](auto a) { return a; }), Refused, "activation");
  CHECK_THROWS(s.g.ew({s.g.tokens()}, [](auto a) { return a; }), Refused, "ids");
  CHECK_THROWS(s.g.param("table", 1, 1, constant(0)), Refused, "twice");
  CHECK_THROWS(s.g.param("none", 0, 1, constant(0)), Refused, "0x1");
  CHECK_THROWS(s.g.output(s.x), Refused, "vocabulary");
  CHECK_THROWS((Graph({0, 8, 16})), Refused, "rows");
  CHECK_THROWS((Graph({1, 8, 100000})), Refused, "vocabulary");
}

TEST("graph: a network without output, with idle or ungrouped parameters is refused") {
  Small s;
  CHECK_THROWS(Network(s.g, support::plain_adam(), {}), Refused, "no output");
  s.g.output(s.g.linear(s.x, s.g.param("head", 16, 32, constant(0))));
  Network(s.g, support::plain_adam(), {});
  Optimizer partial;
  partial.adam("head", {});
  CHECK_THROWS(Network(s.g, partial, {}), Refused, "in no optimizer group");
  partial.adam("*", {});
  CHECK_THROWS(Network(s.g, partial, {}), Refused, "two optimizer groups");
  Optimizer muon;
  muon.muon("*", {});
  Small v;
  Tensor scaled = v.g.ew({v.x, v.g.param("scale", 1, constant(1))}, [](auto x, auto s) { return x * s; });
  v.g.output(v.g.linear(scaled, v.g.param("head", 16, 32, constant(0))));
  CHECK_THROWS(Network(v.g, muon, {}), Refused, "use Adam");
  s.g.param("idle", 3, 3, constant(0));
  CHECK_THROWS(Network(s.g, support::plain_adam(), {}), Refused, "does not reach the output");
}

TEST("graph: as bytes and back gives the same bytes and the same logits") {
  const Graph g = shipped();
  const auto bytes = serialize(g);
  const Graph again = deserialize(bytes.data(), bytes.size());
  CHECK(serialize(again) == bytes);
  Network a(g, 4), b(again, 4);
  a.init(3);
  for (size_t p = 0; p < a.parameters().size(); p++) {
    CHECK_EQUAL(a.parameters()[p].name, b.parameters()[p].name);
    std::copy_n(a.parameters()[p].values, size_t(a.parameters()[p].rows) * a.parameters()[p].cols, b.parameters()[p].values);
  }
  support::Random random(1);
  const auto tokens = support::random_tokens(random, 64, 64);
  CHECK(!std::memcmp(a.forward_logits(tokens.data()), b.forward_logits(tokens.data()), 64 * 64 * sizeof(float)));
}

TEST("graph: no damaged bytes are taken for a graph that could not have been described") {
  const auto good = serialize(shipped());
  CHECK_THROWS(deserialize(good.data(), good.size() - 1), Refused, "ends early");
  CHECK_THROWS(deserialize(good.data(), 3), Refused, "ends early");
  auto longer = good;
  longer.push_back(0);
  CHECK_THROWS(deserialize(longer.data(), longer.size()), Refused, "after its end");
  CHECK_THROWS(deserialize(longer.data() + 1, good.size()), Refused, "no graph");
  support::Random random(9);
  int refused = 0;
  for (int round = 0; round < 3000; round++) {
    auto bytes = good;
    for (int i = random.below(3); i >= 0; i--) bytes[8 + random.bits() % (bytes.size() - 8)] = uint8_t(random.bits());
    try {
      require_causal(deserialize(bytes.data(), bytes.size()));
    } catch (const Refused&) {
      refused++;
    }
  }
  CHECK(refused > 1000);  // the others changed an init, a constant or a name: still causal networks
}

TEST("graph: a file that makes an activation the weight of a product is refused") {
  Small s;
  Tensor w = s.g.param("w", 32, 32, constant(0));
  Tensor y = s.g.linear(s.x, w);
  s.g.output(s.g.linear(y, s.g.param("head", 16, 32, constant(0))));
  auto bytes = serialize(s.g);
  // The inputs of node `y` are written as two numbers, x then w: make both x.
  for (size_t at = 0; at + 8 <= bytes.size(); at += 1) {
    const uint8_t wanted[8] = {uint8_t(s.x.node), 0, 0, 0, uint8_t(w.node), 0, 0, 0};
    if (std::memcmp(&bytes[at], wanted, 8)) continue;
    bytes[at + 4] = uint8_t(s.x.node);
    CHECK_THROWS(deserialize(bytes.data(), bytes.size()), Refused, "would mix tokens");
    return;
  }
  check::fail(__FILE__, __LINE__, "the inputs were not found in the bytes");
}
