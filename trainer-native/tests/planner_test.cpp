// No two buffers that live at the same time overlap, and the arena is close to what lives at once.
#include <algorithm>

#include "check.h"
#include "engine/core/layout.h"
#include "support.h"

using namespace swarm;

namespace {

void require_apart(const std::vector<Buffer>& buffers, size_t arena) {
  for (size_t a = 0; a < buffers.size(); a++) {
    CHECK_EQUAL(buffers[a].offset % arena_alignment, size_t{0});
    CHECK(buffers[a].offset + buffers[a].bytes <= arena);
    for (size_t b = 0; b < a; b++) {
      const Buffer &x = buffers[a], &y = buffers[b];
      const bool together = x.first <= y.last && y.first <= x.last;
      const bool overlap = x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
      if (together && overlap) check::fail(__FILE__, __LINE__, "two live buffers share memory");
    }
  }
}

size_t most_alive(const std::vector<Buffer>& buffers) {
  size_t most = 0;
  for (const Buffer& at : buffers) {  // the peak is at some buffer's birth
    size_t sum = 0;
    for (const Buffer& b : buffers) if (b.first <= at.first && at.first <= b.last) sum += b.bytes;
    most = std::max(most, sum);
  }
  return most;
}

// A random network of every kind of op that changes what is saved, added to or needed as scratch, with reuse everywhere.
Graph random_graph(support::Random& random) {
  Graph g({2, 3, 6});
  std::vector<Tensor> all{g.embed(g.param("table", 6, 8, constant(0)))};
  auto any = [&] { return all[random.below(int(all.size()))]; };
  const int count = 2 + random.below(14);
  for (int i = 0; i < count; i++) {
    Tensor x = any(), y = any();
    const std::string name = "p" + std::to_string(i);
    auto as_wide = [&](Tensor t, int width) { return g[t].cols == width ? t : g.linear(t, g.param(name, width, g[t].cols, constant(0))); };
    switch (random.below(13)) {
      case 0: all.push_back(g.rmsnorm(x)); break;
      case 1: all.push_back(g.linear(x, g.param(name, 1 + random.below(9), g[x].cols, constant(0)))); break;
      case 2: all.push_back(g.slice(x, 0, 1 + random.below(g[x].cols))); break;
      case 3: all.push_back(g[x].cols + g[y].cols < 40 ? g.concat({x, y, x}) : x); break;
      case 4: all.push_back(g.ew({x}, [](auto x) { return tanh(x); })); break;
      case 5: all.push_back(g.token_shift(x, 1 + random.below(2))); break;
      case 6: all.push_back(g.conv(x, g.param(name, 1 + random.below(4), g[x].cols, constant(0)))); break;
      case 7: all.push_back(g.scan(x, as_wide(y, g[x].cols))); break;
      case 8: {
        AttentionOptions o;
        o.window = random.below(3);
        o.softcap = random.below(2) ? 2.0f : 0.0f;
        Tensor wide = as_wide(x, 16);
        all.push_back(g.attention(wide, wide, g[y].cols == 16 ? y : wide, o));
        break;
      }
      case 9: {
        Tensor even = as_wide(x, 4);
        all.push_back(g.rope(even, 4, 100));
        break;
      }
      case 10: case 11: {  // gradients that are passed on
        y = as_wide(y, g[x].cols);
        all.push_back(g.ew({x, y}, [](auto x, auto y) { return x + y; }));
        break;
      }
      default: {
        y = as_wide(y, g[x].cols);
        all.push_back(g.ew({x, y}, [](auto x, auto y) { return x * y + x; }));
      }
    }
  }
  // Everything reaches the output, so that every gradient has a value.
  Tensor sum = all[0];
  for (size_t i = 1; i < all.size(); i++) {
    const std::string name = "join" + std::to_string(i);
    Tensor part = g.linear(all[i], g.param(name, 8, g[all[i]].cols, constant(0)));
    sum = i % 2 ? g.ew({sum, part}, [](auto a, auto b) { return a + 0.5f * b; }) : g.ew({part, sum}, [](auto a, auto b) { return a + b; });
  }
  g.output(g.linear(sum, g.param("head", 6, 8, constant(0))));
  return g;
}

}  // namespace

TEST("planner: 1000 random sets of buffers never overlap and waste under a half") {
  support::Random random(3);
  for (int round = 0; round < 1000; round++) {
    std::vector<Buffer> buffers(1 + random.below(40));
    for (Buffer& b : buffers) {
      b.bytes = size_t(1 + random.below(5000));
      b.first = random.below(30);
      b.last = b.first + random.below(30);
    }
    const size_t arena = plan(buffers);
    require_apart(buffers, arena);
    CHECK(arena <= most_alive(buffers) * 3 / 2 + 64 * buffers.size());
  }
}

TEST("layout: buffers of 1000 random networks never overlap while alive") {
  support::Random random(4);
  for (int round = 0; round < 1000; round++) {
    const Graph g = random_graph(random);
    const Layout layout = lay_out(g, 3, true);
    require_apart(layout.buffers, layout.arena_bytes);
  }
}

TEST("layout: an output is written over an input that nobody reads again, and over no other") {
  Graph g({2, 3, 6});
  const auto square = [](auto x) { return x * x; };
  const Tensor x = g.embed(g.param("table", 6, 8, constant(0))), x2 = g.linear(x, g.param("w", 8, 8, constant(0)));
  const Tensor turned = g.rope(x2, 4, 100);       // x2 has no other reader, and a rotation's gradient reads nothing
  const Tensor squared = g.ew({turned}, square);  // the gradient of a square reads what was squared
  const Tensor normed = g.rmsnorm(squared);       // its gradient reads its input
  const Tensor sum = g.ew({normed, squared}, [](auto a, auto b) { return a + b; });  // the rmsnorm still needs squared, nobody normed
  const Tensor back = g.rope(sum, 4, 100), twice = g.ew({sum, back}, [](auto a, auto b) { return a + b; });  // sum has two readers
  g.output(g.linear(twice, g.param("head", 6, 8, constant(0))));
  const auto shares = [&](const Layout& layout, Tensor a, Tensor b) { return layout.value[a.node] == layout.value[b.node]; };
  const Layout training = lay_out(g, 3, true, true), judging = lay_out(g, 3, false, true), apart = lay_out(g, 3, true);
  CHECK(shares(training, turned, x2) && shares(judging, turned, x2) && !shares(apart, turned, x2));
  CHECK(!shares(training, squared, turned) && shares(judging, squared, turned));
  CHECK(shares(training, sum, normed) && !shares(training, sum, squared));
  CHECK(!shares(training, back, sum) && shares(training, twice, back));
  CHECK(training.arena_bytes < apart.arena_bytes);
}

TEST("layout: 200 random networks computed from one arena agree with float64, which shares no memory") {
  support::Random random(5);
  for (int round = 0; round < 200; round++) {
    const Graph g = random_graph(random);
    Network network(g, support::plain_adam(), {});
    Reference reference(g, 2);
    support::same_random_weights(network, reference, random, 0.7);
    const auto tokens = support::random_tokens(random, 6, 6), targets = support::random_tokens(random, 6, 6);
    network.poison();
    const double loss = reference.loss_and_gradients(tokens.data(), targets.data());
    CHECK_NEAR(network.loss_and_gradients(tokens.data(), targets.data()), loss, 2e-4);
    // 2e-3: norms of rows that are nearly zero enlarge what was rounded before. The floor: gradients that cancel to nothing.
    const double floor = 1e-3 * support::length_of_gradients(reference, g);
    size_t p = 0;
    for (size_t n = 0; n < g.nodes().size(); n++)
      if (g.nodes()[n].op == Op::Param) CHECK_NEAR(support::distance(network.gradient(int(p++)), reference.gradients[n], floor), 0, 2e-3);
  }
}
