// Ops that run as one and gradients that share a place: found where they may be, left alone elsewhere, and right in both cases.
#include <algorithm>
#include <array>

#include "cuda_step_check.h"

using namespace cuda_check;

TEST("cuda joins: a rope and the rmsnorm of its heads run as one, unless somebody else reads the rope or the heads differ") {
  const auto ropes = [](const Body& body) {  // launches of the joined kernel and of the rope alone, forward and backward
    const Graph g = network_of({2, 7, 13, 64}, body);
    check_step(g, {}, 0.7, 2e-2);
    const DeviceNetwork network(g, support::plain_adam(), {});
    std::array<long, 2> count{};
    for (const auto& l : network.first_micro_step().launches()) {
      count[0] += std::string(l.kernel).find("rope_rmsnorm") == 0;
      count[1] += std::string(l.kernel) == "rope" || std::string(l.kernel) == "rope_backward";
    }
    return count;
  };
  using Count = std::array<long, 2>;
  // Between the two comes work that would take the memory of what they read, were it free.
  CHECK((ropes([](Graph& g, Tensor x) {
    Tensor w = g.param("w", 64, 64, constant(0));
    Tensor turned = g.rope(g.linear(x, w), 32, 100);
    Tensor other = g.ew({g.linear(g.linear(x, w), w)}, [](auto x) { return 0.1f * x * tanh(x); });
    Tensor normed = g.rmsnorm(turned, 32), third = g.rmsnorm(g.linear(other, w));
    return g.ew({normed, other, third}, [](auto a, auto b, auto c) { return a * b + c; });
  }) == Count{2, 0}));
  CHECK((ropes([](Graph& g, Tensor x) { return g.concat({g.rmsnorm(g.rope(x, 16, 100), 16), g.rmsnorm(x)}); }) == Count{2, 0}));  // dx is added to
  CHECK((ropes([](Graph& g, Tensor x) { return g.rmsnorm(g.rope(x, 32, 100)); }) == Count{0, 2}));  // one norm over two heads
  CHECK((ropes([](Graph& g, Tensor x) { return g.rmsnorm(g.rope(x, 8, 100), 8); }) == Count{0, 2}));
  CHECK((ropes([](Graph& g, Tensor x) {
    Tensor turned = g.rope(x, 32, 100);
    return g.concat({g.rmsnorm(turned, 32), turned, g.rope(x, 2, 7)});
  }) == Count{0, 4}));
}

TEST("cuda joins: gradients that go through a sum unchanged share one place as long as none of them changes") {
  const auto written = [](const Body& body) {
    const Graph g = network_of({2, 7, 13, 16}, body);
    check_step(g, {}, 0.5, 3e-2);
    const DeviceNetwork network(g, support::plain_adam(), {});
    const auto& launches = network.first_micro_step().launches();
    return std::count_if(launches.begin(), launches.end(), [](const auto& l) { return std::string(l.kernel) == "ew SumSlope"; });
  };
  const auto sum = [](auto a, auto b) { return a + b; };
  CHECK_EQUAL(written([&](Graph& g, Tensor x) {  // a residual stream: nothing is written
    Tensor w = g.param("w", 16, 16, constant(0));
    for (int layer = 0; layer < 3; layer++) x = g.ew({x, g.linear(g.rmsnorm(x), w)}, sum);
    return x;
  }), 0);
  CHECK_EQUAL(written([&](Graph& g, Tensor x) {  // the branch is a sum itself: what it hands on may not lie in the stream's place
    Tensor w = g.param("w", 16, 16, constant(0)), a = g.linear(x, w), b = g.linear(g.rmsnorm(x), w);
    return g.ew({x, g.ew({a, b}, sum)}, sum);
  }), 1);
  CHECK_EQUAL(written([&](Graph& g, Tensor x) {  // the branch's gradient is added to later
    Tensor w = g.param("w", 16, 16, constant(0)), y = g.linear(g.rmsnorm(x), w), z = g.linear(y, w);
    return g.ew({g.ew({x, y}, sum), z}, [](auto a, auto b) { return a * b; });
  }), 1);
  CHECK_EQUAL(written([&](Graph& g, Tensor x) {  // y is read after x changed
    Tensor w = g.param("w", 16, 16, constant(0)), y = g.linear(x, w), z = g.linear(x, w);
    return g.linear(g.ew({g.ew({x, y}, sum), g.rmsnorm(z)}, [](auto a, auto b) { return a + b * b; }), w);
  }), 1);
  written([&](Graph& g, Tensor x) {  // three summands are interpreted: only that it is right
    Tensor w = g.param("w", 16, 16, constant(0)), y = g.rmsnorm(x), z = g.linear(x, w);
    return g.ew({g.ew({x, y, z}, [](auto a, auto b, auto c) { return a + b + c; }), z, z}, [](auto a, auto b, auto c) { return a + (b + c); });
  });
  CHECK_EQUAL(written([&](Graph& g, Tensor x) {  // the normed rope's gradient is read at the rope's step, when the stream's has moved on
    Tensor w = g.param("w", 16, 16, constant(0)), turned = g.rope(g.linear(x, w), 16, 100), y = g.linear(x, w), z = g.linear(y, w);
    Tensor stream = g.ew({y, z}, sum);
    return g.ew({stream, g.rmsnorm(turned, 16)}, sum);
  }), 1);
}

TEST("cuda joins: a rmsnorm of rows that an expression makes runs with it, whatever comes between the two") {
  const auto norms = [](const Body& body) {
    const Graph g = network_of({2, 7, 13, 16}, body);
    check_step(g, {}, 0.5, 3e-2);
    const DeviceNetwork network(g, support::plain_adam(), {});
    const auto& launches = network.first_micro_step().launches();
    return std::count_if(launches.begin(), launches.end(), [](const auto& l) { return std::string(l.kernel) == "rmsnorm"; });
  };
  const auto sum = [](auto a, auto b) { return a + b; };
  CHECK_EQUAL(norms([&](Graph& g, Tensor x) {  // what comes between would take the memory of the normed rows, did they not exist yet
    Tensor w = g.param("w", 16, 16, constant(0)), made = g.ew({x, g.linear(x, w)}, sum), other = g.ew({g.linear(made, w), made}, sum);
    Tensor normed = g.rmsnorm(made);
    return g.ew({normed, g.linear(other, w)}, [](auto a, auto b) { return a * b; });
  }), 0);
  CHECK_EQUAL(norms([&](Graph& g, Tensor x) {  // groups, and a second norm of the same rows
    Tensor made = g.ew({x, g.rmsnorm(x, 4)}, sum);
    return g.concat({g.rmsnorm(made, 8), g.rmsnorm(made), g.rmsnorm(made)});
  }), 3);
  CHECK_EQUAL(norms([&](Graph& g, Tensor x) { return g.rmsnorm(g.ew({x}, [](auto x) { return square(relu(x)) + 0.1f * x; })); }), 1);
}

TEST("cuda joins: the shipped recipe interprets nothing, stores no turned head and copies no gradient of its residual stream") {
  const Graph g = shipped(2, 16, 32);
  const DeviceNetwork network(g, support::plain_adam(), {});
  for (const auto& l : network.first_micro_step().launches())
    for (const char* kernel : {"ew", "ew SumSlope", "rope", "rope_backward", "sum_groups"}) CHECK(std::string(l.kernel) != kernel);
  const auto& launches = network.first_micro_step().launches();
  long normed = 0;  // a layer's mix and its first sum, and the last layer's second
  for (const auto& l : launches) normed += std::string(l.kernel) == "ew Mix rmsnorm" || std::string(l.kernel) == "ew Sum rmsnorm";
  CHECK_EQUAL(normed, 2 * experiment_settings().depth + 1);
  long copies = 0;  // the gate's channels, forward and backward
  for (const auto& l : launches) copies += std::string(l.kernel) == "copy_columns";
  long gates = 0;
  for (const Node& node : g.nodes()) gates += node.op == Op::Slice;
  CHECK_EQUAL(copies, 2 * gates);
}
