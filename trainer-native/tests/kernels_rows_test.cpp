// Norm, rotation, embedding, cross-entropy and sums against float64, and the same bits on every instruction set.
#include <functional>

#include "engine/cpu/fmath.h"
#include "kernel_check.h"

using namespace kernel_check;

namespace {

// Runs `body` on every table; what it returns is a hash of all it wrote, and must not depend on the table.
void on_every_table(const std::function<uint64_t(const Kernels&)>& body) {
  const uint64_t wanted = body(*tables().front());
  for (const Kernels* k : tables()) CHECK_EQUAL(body(*k), wanted);
}

constexpr float kEps = 1.19e-7f;

}  // namespace

TEST("rmsnorm: forward and backward agree with float64 and its central differences") {
  on_every_table([](const Kernels& k) {
    uint64_t bits = 0;
    for (int groups : {1, 3})
      for (int C : {1, 15, 16, 33, 128}) {
        const int rows = 5;
        const long xs = groups * C + 2, ys = groups * C + 1;
        Random random(C + groups);
        Buffer x(rows * xs), y(rows * ys), rstd(rows * groups), dy(rows * ys), dx(rows * xs), sum(rows * xs);
        random.fill(x, -3, 3), random.fill(dy);
        for (size_t i = 0; i < sum.size(); i++) sum[static_cast<long>(i)] = 2;
        k.rmsnorm_forward(rows, groups, C, x, xs, kEps, y, ys, rstd);
        k.rmsnorm_backward(rows, groups, C, dy, ys, x, xs, rstd, false, dx, xs);
        k.rmsnorm_backward(rows, groups, C, dy, ys, x, xs, rstd, true, sum, xs);
        for (const Buffer* b : {&y, &rstd, &dx, &sum}) b->check_canaries();
        for (int n = 0; n < rows; n++)
          for (int g = 0; g < groups; g++) {
            const auto output = [&](int i, int moved, double by) {
              double squares = 0;
              for (int c = 0; c < C; c++) {
                const double value = x[n * xs + g * C + c] + (c == moved ? by : 0);
                squares += value * value;
              }
              return (x[n * xs + g * C + i] + (i == moved ? by : 0)) / std::sqrt(squares / C + kEps);
            };
            for (int i = 0; i < C; i++) {
              close("y", k.isa, i, y[n * ys + g * C + i], output(i, -1, 0), 0.1);
              double slope = 0;
              for (int c = 0; c < C; c++) slope += dy[n * ys + g * C + c] * (output(c, i, 1e-5) - output(c, i, -1e-5)) / 2e-5;
              close("dx", k.isa, i, dx[n * xs + g * C + i], slope, 1);
              close("dx added", k.isa, i, sum[n * xs + g * C + i], 2 + slope, 1);
            }
          }
        bits = hash(dx, dx.size(), hash(y, y.size(), bits));
      }
    return bits;
  });
}

TEST("rope: agrees with float64, keeps lengths, and backward undoes forward") {
  on_every_table([](const Kernels& k) {
    uint64_t bits = 0;
    for (int head_dim : {2, 16, 32, 48, 128}) {
      const int T = 9, rows = 2 * T, heads = 3, half = head_dim / 2;
      const long stride = heads * head_dim + 3;
      Buffer x(rows * stride), y(rows * stride), back(rows * stride), cos(T * half), sin(T * half);
      Random(head_dim).fill(x);
      swarm::cpu::rope_table(T, head_dim, 10000, cos, sin);
      k.rope(rows, T, heads, head_dim, x, stride, cos, sin, false, false, y, stride);
      k.rope(rows, T, heads, head_dim, y, stride, cos, sin, true, false, back, stride);
      for (const Buffer* b : {&y, &back, &cos, &sin}) b->check_canaries();
      for (int n = 0; n < rows; n++)
        for (int h = 0; h < heads; h++)
          for (int i = 0; i < half; i++) {
            const double angle = n % T * std::pow(10000.0, -2.0 * i / head_dim);
            const long at = n * stride + h * head_dim + i;
            const double x1 = x[at], x2 = x[at + half];
            close("y1", k.isa, at, y[at], x1 * std::cos(angle) + x2 * std::sin(angle), 1, 1e-6);
            close("y2", k.isa, at, y[at + half], x2 * std::cos(angle) - x1 * std::sin(angle), 1, 1e-6);
            close("back", k.isa, at, back[at], x1, 1, 1e-6);
          }
      k.rope(rows, T, heads, head_dim, y, stride, cos, sin, true, true, back, stride);
      for (int i = 0; i < heads * head_dim; i++) close("added", k.isa, i, back[i], 2.0 * x[i], 1, 1e-6);
      bits = hash(back, back.size(), hash(y, y.size(), bits));
    }
    return bits;
  });
}

TEST("embed: gathers rows, and backward adds them in the order of the tokens") {
  on_every_table([](const Kernels& k) {
    const int rows = 7, C = 21;
    const uint16_t tokens[rows] = {3, 0, 3, 4, 3, 0, 1};
    Buffer table(5 * C), y(rows * (C + 2)), dtable(5 * C);
    Random(1).fill(table);
    k.embed(rows, C, table, tokens, y, C + 2);
    y.check_canaries();
    for (int n = 0; n < rows; n++)
      for (int i = 0; i < C; i++) CHECK_EQUAL(y[n * (C + 2) + i], table[tokens[n] * C + i]);
    k.fill(5 * C, 1, dtable);
    k.embed_backward(rows, C, y, C + 2, tokens, dtable);
    dtable.check_canaries();
    for (int i = 0; i < C; i++) {
      CHECK_EQUAL(dtable[3 * C + i], ((1 + table[3 * C + i]) + table[3 * C + i]) + table[3 * C + i]);
      CHECK_EQUAL(dtable[2 * C + i], 1);
    }
    return hash(dtable, dtable.size());
  });
}

TEST("cross_entropy: losses and gradients agree with float64, also far from zero, also in place") {
  on_every_table([](const Kernels& k) {
    uint64_t bits = 0;
    for (int V : {2, 16, 17, 1024})
      for (float shift : {0.0f, 300.0f}) {
        const int rows = 6;
        const long stride = V + 1;
        Buffer logits(rows * stride), copy(rows * stride), losses(rows), slopes(rows * stride), only(rows);
        Random random(V);
        random.fill(logits, shift - 15, shift + 15);
        std::memcpy(copy, logits, logits.size() * sizeof(float));
        uint16_t targets[rows];
        for (uint16_t& t : targets) t = static_cast<uint16_t>(random.whole(0, V - 1));
        k.cross_entropy(rows, V, logits, stride, targets, 0.25f, losses, slopes, stride);
        k.cross_entropy(rows, V, logits, stride, targets, 0.25f, only, nullptr, 0);
        k.cross_entropy(rows, V, copy, stride, targets, 0.25f, only, copy, stride);
        for (const Buffer* b : {&losses, &slopes, &copy, &only}) b->check_canaries();
        CHECK_EQUAL(hash(only, rows), hash(losses, rows));
        for (int n = 0; n < rows; n++) {
          double total = 0;
          for (int i = 0; i < V; i++) total += std::exp(double(logits[n * stride + i]) - shift);
          close("loss", k.isa, n, losses[n], std::log(total) + shift - logits[n * stride + targets[n]], 1, 1e-6);
          for (int i = 0; i < V; i++) {
            const double p = std::exp(double(logits[n * stride + i]) - shift) / total;
            close("dlogits", k.isa, i, slopes[n * stride + i], 0.25 * (p - (i == targets[n])), 0.01, 1e-5);
            CHECK_EQUAL(copy[n * stride + i], slopes[n * stride + i]);
          }
        }
        bits = hash(slopes, slopes.size(), hash(losses, rows, bits));
      }
    return bits;
  });
}

TEST("cross_entropy: a NaN logit is a NaN loss") {
  for (const Kernels* k : tables()) {
    Buffer logits(20), losses(1);
    k->fill(20, 1, logits);
    logits[7] = std::nanf("");
    const uint16_t target = 3;
    k->cross_entropy(1, 20, logits, 20, &target, 1, losses, nullptr, 0);
    CHECK(std::isnan(losses[0]));
  }
}

TEST("sums: agree with float64, and add to what is there where promised") {
  on_every_table([](const Kernels& k) {
    uint64_t bits = 0;
    for (int C : {1, 16, 31, 70, 128}) {
      const int rows = 9, heads = 3;
      const long stride = heads * C + 1;
      Buffer x(rows * stride), columns(C), per_head(rows * (heads + 2));
      Random(C).fill(x);
      k.fill(C, 3, columns);
      for (size_t i = 0; i < per_head.size(); i++) per_head[static_cast<long>(i)] = 5;
      k.sum_columns(rows, C, x, stride, columns);
      k.sum_heads(rows, heads, C, x, stride, per_head, heads + 2);
      columns.check_canaries(), per_head.check_canaries();
      for (int i = 0; i < C; i++) {
        double sum = 3;
        for (int n = 0; n < rows; n++) sum += x[n * stride + i];
        close("columns", k.isa, i, columns[i], sum, 3, 1e-6);
      }
      for (int n = 0; n < rows; n++)
        for (int h = 0; h < heads; h++) {
          double sum = 5;
          for (int i = 0; i < C; i++) sum += x[n * stride + h * C + i];
          close("heads", k.isa, n * heads + h, per_head[n * (heads + 2) + h], sum, 5, 1e-6);
          CHECK_EQUAL(per_head[n * (heads + 2) + heads], 5);
        }
      bits = hash(per_head, per_head.size(), hash(columns, C, bits));
    }
    for (long n : {1L, 15L, 16L, 2047L, 2048L, 2049L, 70001L}) {
      Buffer a(n), b(n);
      Random random(n);
      random.fill(a), random.fill(b);
      double sum = 0, squares = 0, dot = 0;
      for (long i = 0; i < n; i++) sum += a[i], squares += double(a[i]) * a[i], dot += double(a[i]) * b[i];
      float got[3] = {k.sum(n, a), k.sum_squares(n, a), k.dot(n, a, b)};
      close("sum", k.isa, n, got[0], sum, std::sqrt(n), 1e-6);
      close("sum_squares", k.isa, n, got[1], squares, std::sqrt(n), 1e-6);
      close("dot", k.isa, n, got[2], dot, std::sqrt(n), 1e-6);
      bits = hash(got, 3, bits);
    }
    return bits;
  });
}
