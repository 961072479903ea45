// The update rules as pure functions over float arrays: same bits on every machine, nothing allocated.
// defines: AdamStep, adam, MuonStep, muon, polar_express, sizes of their state and scratch, Work of a step
#pragma once

namespace swarm::optim {

struct Work {
  double flops;  // multiply and add count as two
  double bytes;  // read and written, each array once
};

struct AdamStep {
  float lr;
  float beta1, beta2, eps;
  float weight_decay;  // decoupled: p -= lr * weight_decay * p
  long step;           // 1 for the first update: bias correction
};

// p, g, m, v [n]; m and v start at 0.
void adam(long n, float* p, const float* g, float* m, float* v, const AdamStep& step);
Work adam_work(long n);

struct MuonStep {
  float lr;            // multiplied by sqrt(max(1, rows/cols)) inside
  float momentum;
  float beta2;         // of the NorMuon second moment
  float weight_decay;  // cautious: only where update and parameter have the same sign
  int polar_steps;     // of Polar Express; from the sixth on the last coefficients repeat
};

// p, g, momentum [rows, cols]; second [muon_second_floats]; both states start at 0. scratch [muon_scratch_floats].
void muon(int rows, int cols, float* p, const float* g, float* momentum, float* second, float* scratch, const MuonStep& step);
long muon_second_floats(int rows, int cols);   // one a row when rows >= cols, else one a column
long muon_scratch_floats(int rows, int cols);
Work muon_work(int rows, int cols, int polar_steps);

// x [rows, cols] -> nearly its orthogonal polar factor. Singular values of x at most 1. scratch [muon_scratch_floats].
// The result is x itself or lies in scratch: the returned pointer.
float* polar_express(int rows, int cols, int steps, float* x, float* scratch);

}  // namespace swarm::optim
