// Vector operations and our own exp, log, tanh .. against libm in double, scalar against lanes, and the same bits everywhere.
#include <functional>

#include "engine/cpu/fmath.h"
#include "kernel_check.h"

using namespace kernel_check;
namespace fmath = swarm::fmath;

namespace {

// Errors in units of the last place of the float (or double) nearest to the true value.
double ulps(double got, long double wanted, int mantissa_bits) {
  int e;
  std::frexp(static_cast<double>(wanted), &e);
  const int lowest = mantissa_bits == 24 ? -125 : -1021;
  return static_cast<double>(std::fabs(got - wanted) / std::ldexp(1.0L, std::max(e, lowest) - mantissa_bits));
}

struct FloatFunction {
  const char* name;
  float (*scalar)(float);
  void (*Kernels::*lanes)(long, const float*, float*);
  long double (*exact)(long double);
  float low, high;
  double limit;  // ulp
};
const FloatFunction kFloatFunctions[] = {
    {"exp", fmath::exp, &Kernels::exp, [](long double x) { return std::exp(x); }, -103, 88.7f, 1.5},
    {"log", fmath::log, &Kernels::log, [](long double x) { return std::log(x); }, 1e-40f, 10, 1.5},
    {"log", fmath::log, &Kernels::log, [](long double x) { return std::log(x); }, 1e-3f, 1e30f, 1.5},
    {"tanh", fmath::tanh, &Kernels::tanh, [](long double x) { return std::tanh(x); }, -10, 10, 3},
    {"tanh", fmath::tanh, &Kernels::tanh, [](long double x) { return std::tanh(x); }, -0.7f, 0.7f, 3},
    {"sigmoid", fmath::sigmoid, &Kernels::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, -80, 30, 3},
};

struct DoubleFunction {
  const char* name;
  double (*function)(double);
  long double (*exact)(long double);
  double low, high;
};
const DoubleFunction kDoubleFunctions[] = {
    {"exp", fmath::exp, [](long double x) { return std::exp(x); }, -700, 700},
    {"exp", fmath::exp, [](long double x) { return std::exp(x); }, -1, 1},
    {"log", fmath::log, [](long double x) { return std::log(x); }, 1e-9, 5},
    {"log", fmath::log, [](long double x) { return std::log(x); }, 0.9, 1.1},
    {"tanh", fmath::tanh, [](long double x) { return std::tanh(x); }, -3, 3},
    {"sigmoid", fmath::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }, -30, 30},
    {"sin", fmath::sin, [](long double x) { return std::sin(x); }, -1e4, 1e4},
    {"cos", fmath::cos, [](long double x) { return std::cos(x); }, -7, 7},
};

bool same_bits(float a, float b) { return std::memcmp(&a, &b, 4) == 0 || (std::isnan(a) && std::isnan(b)); }

const float kSpecial[] = {0.0f, -0.0f, 1e-45f, -1e-40f, 1.17549435e-38f, 1, -1, 88.8f, -103.9f, -104.1f, 200, -200, 3.4e38f, -3.4e38f, INFINITY, -INFINITY, NAN};

}  // namespace

TEST("fmath: float functions stay within their error, lanes give the scalar's bits") {
  for (const FloatFunction& f : kFloatFunctions) {
    const long n = 4001;
    Buffer x(n), y(n);
    for (long i = 0; i < n; i++) x[i] = f.low + (f.high - f.low) * (i / float(n - 1));
    for (size_t i = 0; i < std::size(kSpecial); i++) x[static_cast<long>(i) * 3] = kSpecial[i];
    for (const Kernels* k : tables()) {
      (k->*f.lanes)(n, x, y);
      y.check_canaries();
      for (long i = 0; i < n; i++) {
        if (!same_bits(y[i], f.scalar(x[i]))) close(f.name, k->isa, i, y[i], f.scalar(x[i]), 0, 0);
        const bool special = i % 3 == 0 && i < static_cast<long>(3 * std::size(kSpecial));
        const double error = special ? 0 : ulps(y[i], f.exact(x[i]), 24);
        if (!(error < f.limit)) check::fail(__FILE__, __LINE__, std::string(f.name) + " of " + std::to_string(x[i]) + " is off by ulp " + std::to_string(error));
      }
    }
  }
}

TEST("fmath: double functions stay within 4 ulp of long double") {
  for (const DoubleFunction& f : kDoubleFunctions)
    for (int i = 0; i <= 20000; i++) {
      const double x = f.low + (f.high - f.low) * (i / 20000.0), error = ulps(f.function(x), f.exact(x), 53);
      // near its zeros an error of the argument's reduction is large in units of a tiny value; absolutely it is nothing
      if (error >= 4 && std::fabs(f.function(x) - f.exact(x)) > 1e-19L)
        check::fail(__FILE__, __LINE__, std::string(f.name) + " of " + std::to_string(x) + " is off by ulp " + std::to_string(error));
    }
}

TEST("fmath: the edges") {
  CHECK_EQUAL(fmath::exp(-INFINITY), 0);
  CHECK_EQUAL(fmath::exp(INFINITY), INFINITY);
  CHECK_EQUAL(fmath::exp(0.0f), 1);
  CHECK_EQUAL(fmath::log(0.0f), -INFINITY);
  CHECK_EQUAL(fmath::log(1.0f), 0);
  CHECK(std::isnan(fmath::log(-1.0f)));
  CHECK_EQUAL(fmath::tanh(100.0f), 1);
  CHECK_EQUAL(fmath::sigmoid(-200.0f), 0);
  using Float = float (*)(float);
  using Double = double (*)(double);
  for (Float f : std::initializer_list<Float>{fmath::exp, fmath::log, fmath::tanh, fmath::sigmoid}) CHECK(std::isnan(f(NAN)));
  for (Double f : std::initializer_list<Double>{fmath::exp, fmath::log, fmath::tanh, fmath::sigmoid, fmath::sin}) CHECK(std::isnan(f(NAN)));
  CHECK_EQUAL(fmath::exp(-1000.0), 0);
  CHECK_EQUAL(fmath::power(0.5, 10), 0x1p-10);
  CHECK_EQUAL(fmath::power(3, 0), 1);
}

TEST("vector operations: each element as the scalar, over lengths round sixteen, in place, same bits everywhere") {
  for (long n : {1L, 15L, 16L, 17L, 100L}) {
    std::vector<uint64_t> wanted;
    for (const Kernels* k : tables()) {
      Buffer a(n), b(n), c(n), out(n);
      Random random(n);
      random.fill(a), random.fill(b), random.fill(c);
      if (n > 16)
        for (size_t i = 0; i < std::size(kSpecial); i++) a[static_cast<long>(i)] = kSpecial[i], b[n - 1 - static_cast<long>(i)] = kSpecial[i];
      std::vector<uint64_t> hashes;
      const auto expect = [&](const char* what, const std::function<float(long)>& value) {
        out.check_canaries();
        for (long i = 0; i < n; i++) {
          if (!same_bits(out[i], value(i)) && !(out[i] == 0 && value(i) == 0)) close(what, k->isa, i, out[i], value(i), 0, 0);
          if (std::isnan(out[i])) out[i] = NAN;  // the bits of a NaN are the processor's
        }
        hashes.push_back(hash(out, n));
      };
      const auto nan_or = [](float x, float y, float z) { return std::isnan(x) || std::isnan(y) ? NAN : z; };
      k->add(n, a, b, out), expect("add", [&](long i) { return a[i] + b[i]; });
      k->subtract(n, a, b, out), expect("subtract", [&](long i) { return a[i] - b[i]; });
      k->multiply(n, a, b, out), expect("multiply", [&](long i) { return a[i] * b[i]; });
      k->divide(n, a, b, out), expect("divide", [&](long i) { return a[i] / b[i]; });
      k->multiply_add(n, a, b, c, out), expect("multiply_add", [&](long i) { return std::fma(a[i], b[i], c[i]); });
      k->maximum(n, a, b, out), expect("maximum", [&](long i) { return nan_or(a[i], b[i], a[i] > b[i] ? a[i] : b[i]); });
      k->minimum(n, a, b, out), expect("minimum", [&](long i) { return nan_or(a[i], b[i], a[i] < b[i] ? a[i] : b[i]); });
      k->is_at_least(n, a, b, out), expect("is_at_least", [&](long i) { return float(a[i] >= b[i]); });
      k->is_positive(n, a, out), expect("is_positive", [&](long i) { return float(a[i] > 0); });
      k->relu(n, a, out), expect("relu", [&](long i) { return std::isnan(a[i]) ? NAN : a[i] > 0 ? a[i] : 0; });
      k->square(n, a, out), expect("square", [&](long i) { return a[i] * a[i]; });
      k->sqrt(n, a, out), expect("sqrt", [&](long i) { return std::sqrt(a[i]); });
      k->copy(n, a, out), expect("copy", [&](long i) { return a[i]; });
      k->scale(n, -2.5f, a, out), expect("scale", [&](long i) { return -2.5f * a[i]; });
      k->fill(n, 4, out), expect("fill", [&](long) { return 4.0f; });
      k->copy(n, c, out), k->axpy(n, 0.3f, a, out), expect("axpy", [&](long i) { return std::fma(0.3f, a[i], c[i]); });
      k->axpby(n, 0.3f, a, 0.7f, b, out), expect("axpby", [&](long i) { return std::fma(0.3f, a[i], 0.7f * b[i]); });
      k->copy(n, a, out), k->tanh(n, out, out), expect("tanh in place", [&](long i) { return fmath::tanh(a[i]); });
      if (wanted.empty()) wanted = hashes;
      CHECK(hashes == wanted);
    }
  }
}

TEST("expand_heads: one number a head to all its channels") {
  for (const Kernels* k : tables()) {
    Buffer x(2 * 3), y(2 * 3 * 20);
    Random(1).fill(x);
    k->expand_heads(2, 3, 20, x, 3, y, 60);
    y.check_canaries();
    for (int n = 0; n < 120; n++) CHECK_EQUAL(y[n], x[n / 20]);
  }
}

TEST("kernels: the best by default, one by name, and a refusal that says what to do") {
  CHECK(&swarm::cpu::kernels_asked_for("portable") == tables().front());
  CHECK(&swarm::cpu::kernels_asked_for(nullptr) == tables().back());
  CHECK_THROWS(swarm::cpu::kernels_asked_for("sse"), std::runtime_error, "use avx512, avx2 or portable");
  CHECK(swarm::cpu::kernels_of("portable") != nullptr);
  CHECK(swarm::cpu::kernels_of("sse") == nullptr);
  CHECK(swarm::cpu::kernels_of(swarm::cpu::kernels().isa) == &swarm::cpu::kernels());
}
