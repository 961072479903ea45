// Speed of the kernels on one core, against what the core can do at most and beside OpenBLAS: `bench-kernels [--json]`.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bench/blas.h"
#include "bench/measure.h"
#include "engine/core/update.h"
#include "engine/cpu/kernels.h"

namespace {

using namespace swarm;
using cpu::Form;
using cpu::Kernels;
using bench::numbers;
using bench::seconds;

struct Line {
  std::string name;
  double seconds;
  double flops;       // 0: this line is about bytes
  double bytes;
  double blas = 0;    // seconds
};

struct Shape {
  const char* what;
  Form form;
  int M, N, K;
};
// What the shipped network multiplies in one shard of 512 tokens, width 128, hidden 512, vocabulary 1024.
const Shape kProducts[] = {
    {"q, k, v, out forward", Form::NT, 512, 128, 128}, {"q, k, v, out dX", Form::NN, 512, 128, 128}, {"q, k, v, out dW", Form::TN, 128, 128, 512},
    {"mlp up forward", Form::NT, 512, 512, 128},       {"mlp up dX", Form::NN, 512, 128, 512},       {"mlp up dW", Form::TN, 512, 128, 512},
    {"mlp down forward", Form::NT, 512, 128, 512},     {"mlp down dX", Form::NN, 512, 512, 128},     {"mlp down dW", Form::TN, 128, 512, 512},
    {"head forward", Form::NT, 512, 1024, 128},        {"head dX", Form::NN, 512, 128, 1024},        {"head dW", Form::TN, 1024, 128, 512},
    {"gate forward", Form::NT, 512, 4, 32},            {"gate dW", Form::TN, 4, 32, 512},            {"square", Form::NN, 1024, 1024, 1024},
};

void bench_products(const Kernels& k, std::vector<Line>& lines) {
  const bench::Product blas = bench::open_openblas().product;
  for (const Shape& p : kProducts) {
    const auto A = numbers(static_cast<long>(p.M) * p.K), B = numbers(static_cast<long>(p.N) * p.K);
    std::vector<float> C(static_cast<long>(p.M) * p.N);
    const bool at = p.form == Form::TN, bt = p.form == Form::NT;
    const int lda = at ? p.M : p.K, ldb = bt ? p.K : p.N;
    Line line{std::string(at ? "TN " : bt ? "NT " : "NN ") + std::to_string(p.M) + "x" + std::to_string(p.N) + "x" + std::to_string(p.K) + " " + p.what,
              seconds([&] { k.gemm(p.form, p.M, p.N, p.K, A.data(), lda, B.data(), ldb, 0, C.data(), p.N); }), 2.0 * p.M * p.N * p.K,
              4.0 * (A.size() + B.size() + C.size())};
    if (blas) line.blas = seconds([&] { blas(at, bt, p.M, p.N, p.K, A.data(), lda, B.data(), ldb, C.data(), p.N); });
    lines.push_back(line);
  }
}

void bench_attention(const Kernels& k, std::vector<Line>& lines) {
  for (int window : {64, 128}) {
    const cpu::Attention a{4, 128, 4, 4, 32, window, 0.17f, 128, 128, 128, 128};
    const long n = 512 * 128;
    const auto q = numbers(n), key = numbers(n), v = numbers(n), dout = numbers(n);
    std::vector<float> o(n), lse(512 * 4), dq(n), dk(n), dv(n), scratch(cpu::attention_scratch_floats(a));
    double pairs = 0;  // of query and key: what a perfect kernel would touch
    for (int i = 0; i < a.T; i++) pairs += std::min(i, window) + 1;
    pairs *= a.rows * a.heads;
    const std::string shape = " 4x128 tokens, 4 heads of 32, window " + std::to_string(window);
    lines.push_back({"attention forward" + shape,
                     seconds([&] { k.attention_forward(a, q.data(), key.data(), v.data(), o.data(), lse.data(), scratch.data()); }),
                     2.0 * 2 * pairs * a.head_dim, 4.0 * 4 * n});
    lines.push_back({"attention backward" + shape, seconds([&] {
                       k.attention_backward(a, q.data(), key.data(), v.data(), o.data(), dout.data(), lse.data(), false, dq.data(), dk.data(), dv.data(),
                                            scratch.data());
                     }),
                     5.0 * 2 * pairs * a.head_dim, 8.0 * 4 * n});
  }
}

void bench_rows(const Kernels& k, std::vector<Line>& lines) {
  const long n = 512 * 128;
  const auto x = numbers(n), dy = numbers(n), logits = numbers(512 * 1024);
  std::vector<float> y(n), rstd(512 * 4), cos(128 * 16), sin(128 * 16), losses(512), slopes(512 * 1024), columns(1024);
  std::vector<uint16_t> targets(512);
  for (int i = 0; i < 512; i++) targets[i] = static_cast<uint16_t>(i * 37 % 1024);
  cpu::rope_table(128, 32, 10000, cos.data(), sin.data());
  const auto line = [&](const char* name, double floats, const std::function<void()>& call) { lines.push_back({name, seconds(call), 0, 4.0 * floats}); };
  line("rmsnorm forward 512x128", 2 * n, [&] { k.rmsnorm_forward(512, 1, 128, x.data(), 128, 1e-7f, y.data(), 128, rstd.data()); });
  line("rmsnorm backward 512x128", 3 * n, [&] { k.rmsnorm_backward(512, 1, 128, dy.data(), 128, x.data(), 128, rstd.data(), false, y.data(), 128); });
  line("rmsnorm forward 512x4 heads of 32", 2 * n, [&] { k.rmsnorm_forward(512, 4, 32, x.data(), 128, 1e-7f, y.data(), 128, rstd.data()); });
  line("rmsnorm backward 512x4 heads of 32", 3 * n, [&] { k.rmsnorm_backward(512, 4, 32, dy.data(), 128, x.data(), 128, rstd.data(), false, y.data(), 128); });
  line("rope 512x4 heads of 32", 2 * n, [&] { k.rope(512, 128, 4, 32, x.data(), 128, cos.data(), sin.data(), false, false, y.data(), 128); });
  line("embed 512x128", 2 * n, [&] { k.embed(512, 128, logits.data(), targets.data(), y.data(), 128); });
  line("embed backward 512x128", 3 * n, [&] { k.embed_backward(512, 128, x.data(), 128, targets.data(), slopes.data()); });
  line("cross entropy 512x1024, loss and slopes", 2 * 512 * 1024,
       [&] { k.cross_entropy(512, 1024, logits.data(), 1024, targets.data(), 1, losses.data(), slopes.data(), 1024); });
  line("sum of columns 512x1024", 512 * 1024, [&] { k.sum_columns(512, 1024, logits.data(), 1024, columns.data()); });
  // What one op for both would save: the sum is still in the first-level cache when the norm reads it.
  const auto mix = [&](long at, int rows) { k.axpby(rows * 128, 1.01f, x.data() + at, 0.1f, dy.data() + at, slopes.data() + at); };
  const auto norm = [&](long at, int rows) { k.rmsnorm_forward(rows, 1, 128, slopes.data() + at, 128, 1e-7f, y.data() + at, 128, rstd.data()); };
  line("mix and norm 512x128, one after the other", 5 * n, [&] { mix(0, 512), norm(0, 512); });
  line("mix and norm 512x128, eight rows at a time", 5 * n, [&] { for (long at = 0; at < 512 * 128; at += 8 * 128) mix(at, 8), norm(at, 8); });
  const long tile = 1024;  // floats: what an elementwise program works on at a time
  line("add, 1024 floats", 3 * tile, [&] { k.add(tile, x.data(), dy.data(), y.data()); });
  line("exp, 1024 floats", 2 * tile, [&] { k.exp(tile, x.data(), y.data()); });
  line("tanh, 1024 floats", 2 * tile, [&] { k.tanh(tile, x.data(), y.data()); });
  line("sigmoid, 1024 floats", 2 * tile, [&] { k.sigmoid(tile, x.data(), y.data()); });
}

void bench_update(std::vector<Line>& lines, const std::string& name, int rows, int cols, const UpdateRule& rule) {
  Node parameter;
  parameter.op = Op::Param;
  parameter.rows = rows;
  parameter.cols = cols;
  const Update update(parameter, {"*", rule});
  auto p = numbers(long(rows) * cols), g = numbers(long(rows) * cols);
  std::vector<float> state(update.state_floats()), scratch(update.scratch_floats());
  lines.push_back({name + " " + std::to_string(rows) + "x" + std::to_string(cols),
                   seconds([&] { update.run(p.data(), g.data(), state.data(), scratch.data(), 1, {1e-3f, 0.9f, 1}); }), update.work().flops, update.work().bytes});
}

void bench_updates(std::vector<Line>& lines) {
  for (auto [rows, cols] : {std::pair{128, 128}, {512, 128}, {128, 512}, {4, 32}}) bench_update(lines, "muon, 5 polar steps,", rows, cols, muon({0.1f}));
  bench_update(lines, "adam", 1024, 128, adam({0.1f}));
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    std::fprintf(stderr, "usage: bench-kernels [--json]   (SWARM_ISA=avx512|avx2|portable chooses the kernels)\n");
    return 2;
  }
  const Kernels& k = cpu::kernels();
  const double peak = bench::core_peak();
  std::vector<Line> lines;
  bench_products(k, lines);
  bench_attention(k, lines);
  bench_rows(k, lines);
  bench_updates(lines);

  if (json) {
    std::printf("{\"isa\":\"%s\",\"peakGflops\":%.1f,\"kernels\":[", k.isa, peak * 1e-9);
    for (const Line& line : lines) {
      std::printf("%s\n{\"name\":\"%s\",\"microseconds\":%.3f,\"gflops\":%.2f,\"gbytes\":%.2f", &line == &lines[0] ? "" : ",", line.name.c_str(),
                  line.seconds * 1e6, line.flops / line.seconds * 1e-9, line.bytes / line.seconds * 1e-9);
      if (line.blas > 0) std::printf(",\"openblasGflops\":%.2f", line.flops / line.blas * 1e-9);
      std::printf("}");
    }
    std::printf("]}\n");
    return 0;
  }
  std::printf("kernels %s, one core, fused multiply-add peak %.1f GF/s\n\n%-58s %10s %8s %7s %8s %10s\n", k.isa, peak * 1e-9, "", "us", "GF/s", "of peak",
              "GB/s", "OpenBLAS");
  for (const Line& line : lines) {
    std::printf("%-58s %10.1f ", line.name.c_str(), line.seconds * 1e6);
    if (line.flops > 0) std::printf("%8.1f %6.0f%% ", line.flops / line.seconds * 1e-9, 100 * line.flops / line.seconds / peak);
    else std::printf("%8s %7s ", "", "");
    std::printf("%8.1f", line.bytes / line.seconds * 1e-9);
    if (line.blas > 0) std::printf(" %10.1f", line.flops / line.blas * 1e-9);
    std::printf("\n");
  }
}
