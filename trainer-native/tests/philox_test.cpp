// Known answers from the Random123 distribution (kat_vectors, philox4x32-10), and the shape of what is drawn.
#include "check.h"
#include "engine/core/philox.h"
#include "engine/core/start.h"

using namespace swarm;

TEST("philox: known answers") {
  const auto zero = philox({0, 0, 0, 0}, {0, 0});
  CHECK((zero == std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const auto ones = philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u});
  CHECK((ones == std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  const auto pi = philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  CHECK((pi == std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST("start: normal and uniform numbers have their moments, constants are constant") {
  const size_t count = 200001;  // odd: the last block is cut
  std::vector<float> v(count);
  start(normal(2), 1, "a", count, v.data());
  double mean = 0, square = 0, fourth = 0;
  for (float x : v) mean += x / count, square += double(x) * x / count, fourth += double(x) * x * x * x / count;
  CHECK_NEAR(mean, 0, 0.02);
  CHECK_NEAR(square, 4, 0.05);
  CHECK_NEAR(fourth / (square * square), 3, 0.05);  // kurtosis of a normal
  start(uniform(3), 1, "a", count, v.data());
  mean = square = 0;
  for (float x : v) {
    CHECK(x >= -3 && x < 3);
    mean += x / count, square += double(x) * x / count;
  }
  CHECK_NEAR(mean, 0, 0.02);
  CHECK_NEAR(square, 3, 0.03);
  start(constant(0.25f), 1, "a", count, v.data());
  for (float x : v) CHECK_EQUAL(x, 0.25f);
}

TEST("start: streams differ by seed and by name, and do not depend on the count") {
  float a[8], b[8], c[8], d[5];
  start(normal(1), 1, "q", 8, a);
  start(normal(1), 2, "q", 8, b);
  start(normal(1), 1, "k", 8, c);
  start(normal(1), 1, "q", 5, d);
  CHECK(a[0] != b[0] && a[0] != c[0] && b[0] != c[0]);
  for (int i = 0; i < 5; i++) CHECK_EQUAL(a[i], d[i]);
}
