// The row kernels against float64: wide and odd rows, gradients that are added to, sums in one order.
#include "cuda_check.h"
#include "engine/cpu/kernels.h"
#include "engine/cuda/head.h"
#include "engine/cuda/rope_norm.h"
#include "engine/cuda/rows.h"

using namespace cuda_check;
namespace cuda = swarm::cuda;

namespace {

std::vector<bf16> add_to(const std::vector<double>& d, const std::vector<bf16>& old) {
  std::vector<bf16> sum;
  for (size_t i = 0; i < d.size(); i++) sum.push_back(to_bf16(float(d[i]) + to_float(old[i])));
  return sum;
}
std::vector<double> plus(std::vector<double> d, const std::vector<bf16>& old, bool add) {
  for (size_t i = 0; add && i < d.size(); i++) d[i] += to_float(old[i]);
  return d;
}

std::string check_embed(int N, int V, int C, bool add) {
  support::Random random(uint64_t(N + V + C));
  const auto tokens = support::random_tokens(random, N, std::max(1, V - 2));  // two ids never occur
  const auto table = numbers(random, size_t(V) * C), dy = numbers(random, size_t(N) * C);
  const auto before = numbers32(random, size_t(V) * C);
  std::vector<int32_t> sorted(cuda::SortedTokens::ints(N, V));
  cuda::SortedTokens::sort(tokens.data(), N, V, sorted.data());
  const On<bf16> Table(table), Dy(dy), out(size_t(N) * C);
  const On<uint16_t> Tokens(tokens);
  const On<int32_t> Sorted(sorted);
  const On<float> D(size_t(V) * C), scratch(cuda::SortedTokens::most_pieces(N, V) * C);
  if (add) D.put(before);
  Tape tape;
  cuda::embed(tape, N, C, Table, Tokens, out);
  cuda::embed_backward(tape, N, V, C, Dy, Sorted, add, D, scratch);
  tape.run();
  const auto got = out.get();
  std::vector<double> d(size_t(V) * C, 0.0);
  for (size_t n = 0; n < size_t(N); n++)
    for (size_t c = 0; c < size_t(C); c++) {
      CHECK_EQUAL(got[n * C + c].bits, table[tokens[n] * size_t(C) + c].bits);
      d[tokens[n] * size_t(C) + c] += to_float(dy[n * C + c]);
    }
  for (size_t i = 0; add && i < d.size(); i++) d[i] += before[i];
  std::vector<float> plain(d.begin(), d.end());
  check_close("dtable", D.get(), d, plain);
  return bits_of(D.get());
}

std::string check_rmsnorm(int N, int cols, int group, bool add) {
  support::Random random(uint64_t(N * 7 + cols + group));
  const auto x = numbers(random, size_t(N) * cols, 2), dy = numbers(random, x.size()), before = numbers(random, x.size());
  const On<bf16> X(x), Dy(dy), Y(x.size()), Dx(before);
  if (!add) cuda::fill_bytes(Dx, 0xff, x.size() * 2);
  const On<float> rstd(x.size() / size_t(group));
  Tape tape;
  cuda::rmsnorm(tape, N, cols, group, 1e-7f, X, Y, rstd);
  cuda::rmsnorm_backward(tape, N, cols, group, Dy, X, rstd, add, Dx);
  tape.run();
  std::vector<double> y(x.size()), dx(x.size());
  for (size_t g = 0; g < x.size() / size_t(group); g++) {
    double squares = 0, mean = 0;
    for (size_t i = g * group; i < (g + 1) * group; i++) squares += double(to_float(x[i])) * to_float(x[i]);
    const double r = 1 / std::sqrt(squares / group + 1e-7);
    for (size_t i = g * group; i < (g + 1) * group; i++) y[i] = to_float(x[i]) * r, mean += y[i] * to_float(dy[i]) / group;
    for (size_t i = g * group; i < (g + 1) * group; i++) dx[i] = r * (to_float(dy[i]) - y[i] * mean);
  }
  check_close("y", Y.get(), y);
  check_close("dx", Dx.get(), plus(dx, before, add));
  return bits_of(Y.get()) + bits_of(Dx.get());
}

std::string check_rope(int N, int T, int cols, int head_dim, bool backward, bool add) {
  support::Random random(uint64_t(N + T * 5 + cols + head_dim));
  const auto x = numbers(random, size_t(N) * cols), before = numbers(random, x.size());
  std::vector<float> cos(size_t(T) * head_dim / 2), sin(cos.size());
  swarm::cpu::rope_table(T, head_dim, 500, cos.data(), sin.data());
  const On<bf16> X(x), Y(before);
  if (!add) cuda::fill_bytes(Y, 0xff, x.size() * 2);
  const On<float> Cos(cos), Sin(sin);
  Tape tape;
  cuda::rope(tape, N, T, cols, head_dim, X, Cos, Sin, backward, add, Y);
  tape.run();
  std::vector<double> y(x.size());
  for (size_t n = 0; n < size_t(N); n++)
    for (size_t first = 0; first < size_t(cols); first += size_t(head_dim))
      for (size_t i = 0; i < size_t(head_dim) / 2; i++) {
        const double angle = double(n % T) * std::pow(500.0, -2.0 * double(i) / head_dim), c = std::cos(angle), s = std::sin(angle) * (backward ? -1 : 1);
        const size_t a = n * cols + first + i, b = a + size_t(head_dim) / 2;
        y[a] = to_float(x[a]) * c + to_float(x[b]) * s;
        y[b] = to_float(x[b]) * c - to_float(x[a]) * s;
      }
  check_close("y", Y.get(), plus(y, before, add));
  return bits_of(Y.get());
}

// The two as one: what lies between is not rounded to bf16, and backward goes by the rounded y alone.
std::string check_rope_rmsnorm(int N, int T, int cols, int head_dim, bool add) {
  support::Random random(uint64_t(N + T * 5 + cols + head_dim));
  const auto x = numbers(random, size_t(N) * cols, 2), dy = numbers(random, x.size()), before = numbers(random, x.size());
  const size_t half = size_t(head_dim) / 2;
  std::vector<float> cos(size_t(T) * half), sin(cos.size());
  swarm::cpu::rope_table(T, head_dim, 500, cos.data(), sin.data());
  const On<bf16> X(x), Dy(dy), Y(x.size()), Dx(before);
  if (!add) cuda::fill_bytes(Dx, 0xff, x.size() * 2);
  const On<float> Cos(cos), Sin(sin), rstd(x.size() / size_t(head_dim));
  Tape tape;
  cuda::rope_rmsnorm(tape, N, T, cols, head_dim, 1e-7f, X, Cos, Sin, Y, rstd);
  cuda::rope_rmsnorm_backward(tape, N, T, cols, head_dim, Dy, Y, rstd, Cos, Sin, add, Dx);
  tape.run();
  std::vector<double> y(x.size()), dx(x.size());
  for (size_t g = 0; g < rstd.size(); g++) {
    const size_t at = g * size_t(head_dim), n = at / size_t(cols);
    double squares = 0, mean = 0;
    const auto turn = [&](size_t i, double sign, double a, double b, double& first, double& second) {
      const double c = cos[n % T * half + i], s = sign * sin[n % T * half + i];
      first = a * c + b * s, second = b * c - a * s;
    };
    for (size_t i = 0; i < half; i++) turn(i, 1, to_float(x[at + i]), to_float(x[at + half + i]), y[at + i], y[at + half + i]);
    for (size_t i = at; i < at + 2 * half; i++) squares += y[i] * y[i];
    const double r = 1 / std::sqrt(squares / head_dim + 1e-7);
    for (size_t i = at; i < at + 2 * half; i++) y[i] *= r, mean += y[i] * to_float(dy[i]) / head_dim;
    const auto d = [&](size_t i) { return r * (to_float(dy[i]) - y[i] * mean); };
    for (size_t i = 0; i < half; i++) turn(i, -1, d(at + i), d(at + half + i), dx[at + i], dx[at + half + i]);
  }
  check_close("y", Y.get(), y);
  check_close("dx", Dx.get(), plus(dx, before, add));
  return bits_of(Y.get()) + bits_of(Dx.get()) + bits_of(rstd.get());
}

std::string check_cross_entropy(int rows, int V, float cap, double spread = 20) {
  support::Random random(uint64_t(rows + V));
  const auto logits = numbers(random, size_t(rows) * V, spread);
  const auto targets = support::random_tokens(random, rows, V);
  const On<bf16> L(logits);
  const On<uint16_t> Targets(targets);
  const On<float> losses{size_t(rows)};
  Tape tape;
  cuda::cross_entropy(tape, rows, V, cap, 1.0f / 64, Targets, L, losses);
  tape.run();
  std::vector<double> loss, d;
  for (size_t n = 0; n < size_t(rows); n++) {
    const auto squeezed = [&](size_t c) { const double x = to_float(logits[n * V + c]); return cap > 0 ? cap * std::tanh(x / cap) : x; };
    double total = 0;
    for (size_t c = 0; c < size_t(V); c++) total += std::exp(squeezed(c));
    loss.push_back(std::log(total) - squeezed(targets[n]));
    for (size_t c = 0; c < size_t(V); c++)
      d.push_back((std::exp(squeezed(c)) / total - (c == targets[n])) / 64 * (cap > 0 ? 1 - std::pow(squeezed(c) / cap, 2) : 1));
  }
  std::vector<float> plain(loss.begin(), loss.end());
  check_close("losses", losses.get(), loss, plain);
  for (size_t n = 0; n < loss.size(); n++) CHECK_NEAR(losses.get()[n], loss[n], 1e-4 * loss[n] + 1e-5);
  check_close("dlogits", L.get(), d);
  return bits_of(L.get()) + bits_of(losses.get());
}

}  // namespace

TEST("cuda embed: rows by token, and the table's gradient by sorted pieces, also for ids that fill several or never occur") {
  check_embed(37, 11, 5, false);
  check_embed(40, 9, 24, true);
  every_order([] { return check_embed(1200, 3, 16, false); });  // one id, five pieces
}

TEST("cuda rmsnorm: whole rows and groups, wide and odd, written and added to") {
  check_rmsnorm(5, 13, 13, false);
  check_rmsnorm(3, 512, 512, false);
  check_rmsnorm(3, 96, 32, true);
  every_order([] { return check_rmsnorm(7, 21, 7, true) + check_rmsnorm(9, 72, 72, false); });
}

TEST("cuda rope: both ways, wide and odd halves") {
  check_rope(14, 7, 12, 4, false, false);
  check_rope(10, 5, 64, 32, true, false);
  every_order([] { return check_rope(8, 8, 32, 16, false, true) + check_rope(6, 3, 20, 10, true, true); });
}

TEST("cuda rope and rmsnorm as one: heads of one lane to a whole warp's, the last block not full") {
  for (int head_dim : {16, 32, 64, 128, 512}) {
    CHECK(cuda::has_rope_rmsnorm(head_dim));
    for (bool add : {false, true}) check_rope_rmsnorm(14, 7, 3 * head_dim, head_dim, add);
  }
  for (int head_dim : {8, 24, 48, 1024}) CHECK(!cuda::has_rope_rmsnorm(head_dim));
  every_order([] { return check_rope_rmsnorm(9, 3, 256, 128, true) + check_rope_rmsnorm(5, 5, 96, 32, false); });
}

TEST("cuda copy_columns, fill, round: only what they should, sums of columns, groups and all") {
  support::Random random(3);
  for (auto [count, first, stride] : {std::array{8, 16, 32}, std::array{5, 3, 13}, std::array{8, 4, 32}}) {
    const auto from = numbers(random, size_t(6) * stride), before = numbers(random, size_t(6) * count);
    for (bool add : {false, true}) {
      const On<bf16> From(from), To(before);
      Tape tape;
      cuda::copy_columns(tape, 6, count, From + first, stride, To, count, add);
      tape.run();
      std::vector<double> part;
      for (size_t n = 0; n < 6; n++) for (int c = 0; c < count; c++) part.push_back(to_float(from[n * stride + first + c]));
      const auto wanted = add ? add_to(part, before) : std::vector<bf16>();
      const auto got = To.get();
      for (size_t i = 0; i < got.size(); i++) CHECK_EQUAL(to_float(got[i]), add ? to_float(wanted[i]) : part[i]);
    }
  }
  const auto x = numbers32(random, 13 * 37);
  const On<float> X(x), columns(37), all(1);
  const On<bf16> groups(13), rounded(x.size()), filled(9);
  Tape tape;
  cuda::sum_columns(tape, 13, 37, X, false, columns);
  cuda::sum_all(tape, 13 * 37, X, false, all);
  cuda::sum_all(tape, 13 * 37, X, true, all);
  cuda::sum_groups(tape, 13, 37, X, false, groups);
  cuda::round(tape, long(x.size()), X, rounded);
  cuda::fill(tape, 9, 1.5f, filled);
  tape.run();
  std::vector<double> by_column(37), by_group(13), total(1);
  for (size_t i = 0; i < x.size(); i++) by_column[i % 37] += x[i], by_group[i / 37] += x[i], total[0] += 2 * x[i];
  check_close("columns", columns.get(), by_column, std::vector<float>(by_column.begin(), by_column.end()));
  check_close("all", all.get(), total, std::vector<float>(total.begin(), total.end()));
  check_close("groups", groups.get(), by_group);
  check_close("rounded", rounded.get(), doubles(x));
  for (bf16 f : filled.get()) CHECK_EQUAL(to_float(f), 1.5f);
}

TEST("cuda sum_all: more numbers than one round of the block takes, in one order") {
  support::Random random(4);
  const auto x = numbers32(random, 16 * 1024 * 2 + 3000 + 7);
  const On<float> X(x);
  double total = 0;
  for (float v : x) total += v;
  every_order([&] {
    const On<float> out(1);
    Tape tape;
    cuda::sum_all(tape, long(x.size()), X, false, out);
    tape.run();
    CHECK_NEAR(out.get()[0], total, 1e-5 * std::sqrt(double(x.size())));
    return bits_of(out.get());
  });
}

TEST("cuda cross-entropy: with and without a cap, wide and odd vocabularies, and large logits") {
  check_cross_entropy(5, 13, 0);
  check_cross_entropy(3, 2600, 15);
  check_cross_entropy(4, 64, 0);
  for (int V : {2048, 2056, 8192, 8200, 16384, 16392})  // what fits into a block's registers, and what does not
    for (float cap : {0.0f, 15.0f}) check_cross_entropy(2, V, cap, V == 8192 ? 200 : V == 2048 ? 0.01 : 20);
  every_order([] { return check_cross_entropy(3, 8192, 15) + check_cross_entropy(2, 2600, 0); });
  every_order([] { return check_cross_entropy(3, 700, 15) + check_cross_entropy(2, 33, 0); });
}
