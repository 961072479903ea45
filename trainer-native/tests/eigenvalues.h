// Eigenvalues of a symmetric matrix [n, n] by Jacobi rotations, in no order.
#pragma once
#include <cmath>
#include <vector>

namespace check {

inline std::vector<double> eigenvalues(int n, std::vector<double> a) {
  for (int sweep = 0; sweep < 30; sweep++)
    for (int p = 0; p < n; p++)
      for (int q = p + 1; q < n; q++) {
        if (std::fabs(a[p * n + q]) < 1e-14) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const double t = (theta >= 0 ? 1 : -1) / (std::fabs(theta) + std::sqrt(theta * theta + 1)), c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (int i = 0; i < n; i++) {
          const double x = a[i * n + p], y = a[i * n + q];
          a[i * n + p] = c * x - s * y, a[i * n + q] = s * x + c * y;
        }
        for (int i = 0; i < n; i++) {
          const double x = a[p * n + i], y = a[q * n + i];
          a[p * n + i] = c * x - s * y, a[q * n + i] = s * x + c * y;
        }
      }
  std::vector<double> values(n);
  for (int i = 0; i < n; i++) values[i] = a[i * n + i];
  return values;
}

}  // namespace check
