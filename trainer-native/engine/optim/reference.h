// The update rules in float64, written as plainly as possible: what the float32 ones are held against.
// defines: AdamStep, MuonStep, adam, polar, muon, times, transposed
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/optim/polar.h"

namespace swarm::optim::reference {

using Numbers = std::vector<double>;

struct AdamStep {
  float lr;
  float beta1, beta2, eps;
  float weight_decay;  // decoupled: p -= lr * weight_decay * p
  long step;           // 1 for the first update: bias correction
};

struct MuonStep {
  float lr;            // multiplied by sqrt(max(1, rows/cols)) inside
  float momentum;
  float beta2;         // of the NorMuon second moment
  float weight_decay;  // cautious: only where update and parameter have the same sign
  int polar_steps;     // of Polar Express; from the sixth on the last coefficients repeat
};

inline void adam(Numbers& p, const Numbers& g, Numbers& m, Numbers& v, const AdamStep& s) {
  const double b1 = s.beta1, b2 = s.beta2, lr = s.lr;
  for (size_t i = 0; i < p.size(); i++) {
    m[i] = b1 * m[i] + (1 - b1) * g[i];
    v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
    const double first = m[i] / (1 - std::pow(b1, s.step)), second = v[i] / (1 - std::pow(b2, s.step));
    p[i] = p[i] * (1 - lr * s.weight_decay) - lr * first / (std::sqrt(second) + s.eps);
  }
}

// [n, k] times [k, m]
inline Numbers times(int n, int k, int m, const Numbers& a, const Numbers& b) {
  Numbers c(size_t(n) * m);
  for (int i = 0; i < n; i++)
    for (int l = 0; l < k; l++)
      for (int j = 0; j < m; j++) c[i * m + j] += a[i * k + l] * b[l * m + j];
  return c;
}
inline Numbers transposed(int n, int m, const Numbers& a) {
  Numbers t(a.size());
  for (int i = 0; i < n; i++)
    for (int j = 0; j < m; j++) t[j * n + i] = a[i * m + j];
  return t;
}

inline void polar(int rows, int cols, int steps, Numbers& x) {
  double squares = 0;
  for (double value : x) squares += value * value;
  for (double& value : x) value /= 1.02 * std::sqrt(squares) + 1e-6;
  for (int step = 0; step < steps; step++) {
    const double* c = polar_row(step);
    const Numbers xt = transposed(rows, cols, x);
    const bool tall = rows > cols;
    const int n = tall ? cols : rows;
    const Numbers a = tall ? times(n, rows, n, xt, x) : times(n, cols, n, x, xt);
    Numbers b = times(n, n, n, a, a);
    for (size_t i = 0; i < b.size(); i++) b[i] = c[1] * a[i] + c[2] * b[i];
    const Numbers y = tall ? times(rows, n, n, x, b) : times(n, n, cols, b, x);
    for (size_t i = 0; i < x.size(); i++) x[i] = c[0] * x[i] + y[i];
  }
}

inline void muon(int rows, int cols, Numbers& p, const Numbers& g, Numbers& momentum, Numbers& second, const MuonStep& s) {
  const double mu = s.momentum;
  Numbers x(g.size());
  for (size_t i = 0; i < g.size(); i++) {
    momentum[i] += (g[i] - momentum[i]) * (1 - mu);
    x[i] = g[i] + (momentum[i] - g[i]) * mu;
  }
  polar(rows, cols, s.polar_steps, x);

  const bool by_row = rows >= cols;
  const int count = by_row ? rows : cols, reduced = by_row ? cols : rows;
  Numbers mean(count), factor(count);
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < cols; j++) mean[by_row ? i : j] += x[i * cols + j] * x[i * cols + j] / reduced;
  double norm = 0, scaled = 0;
  for (int i = 0; i < count; i++) {
    second[i] += (mean[i] - second[i]) * (1 - double(s.beta2));
    factor[i] = 1 / std::sqrt(std::max(second[i], 1e-10));
    norm += mean[i] * reduced;
    scaled += mean[i] * reduced * factor[i] * factor[i];
  }
  const double level = std::sqrt(norm) / std::max(std::sqrt(scaled), 1e-10);
  const double lr = s.lr * std::sqrt(std::max(1.0, double(rows) / cols));
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < cols; j++) {
      const double u = x[i * cols + j] * factor[by_row ? i : j] * level;
      double& value = p[i * cols + j];
      value -= lr * u + (u * value >= 0 ? lr * s.weight_decay * value : 0);
    }
}

}  // namespace swarm::optim::reference
