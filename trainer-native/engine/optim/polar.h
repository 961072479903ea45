// The polar factor of a matrix by Polar Express: X <- a X + X (b A + c A^2), A = X^T X, one row of coefficients a step (Amsel et al.
// 2025, for singular values down to 1e-3, with the safety factor of the reference recipe). The last row repeats.
// defines: polar_row, polar, sizes of its scratch, work
#pragma once
#include "engine/ops/op.h"

namespace swarm::optim {

constexpr int kPolarRows = 5;
constexpr double kPolar[kPolarRows][3] = {
    {8.156554524902461, -22.48329292557795, 15.878769915207462},
    {4.042929935166739, -2.808917465908714, 0.5000178451051316},
    {3.8916678022926607, -2.772484153217685, 0.5060648178503393},
    {3.285753657755655, -2.3681294933425376, 0.46449024233003106},
    {2.3465413258596377, -1.7097828382687081, 0.42323551169305323},
};
inline const double* polar_row(int step) { return kPolar[step < kPolarRows ? step : kPolarRows - 1]; }

// x [rows, cols], of any size -> out [rows, cols], all singular values near 1. scratch [polar_scratch_floats].
void polar(int rows, int cols, int steps, const float* x, float* out, float* scratch);
long polar_scratch_floats(int rows, int cols);
Work polar_work(int rows, int cols, int steps);

}  // namespace swarm::optim
