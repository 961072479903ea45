// The update rules on the device. What changes from step to step lies in UpdateNumbers at a fixed address, so that one recorded
// tape serves every step. Maths: engine/optim.
// defines: UpdateNumbers, adam(), MuonBatch, muon(), polar_express()
#pragma once
#include <cstddef>

#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

struct UpdateNumbers {
  float lr;            // of this step; Adam's includes the bias correction of the first moment
  float momentum;      // Adam: beta1
  float beta2;
  float eps;           // Adam
  float correction2;   // Adam: 1 / (1 - beta2^step)
  float weight_decay;  // Adam: 1 - lr * weight decay, what p is multiplied by
};

// p, g, m, v [n] float32; rounded [n], the bf16 copy that products read.
void adam(Tape& tape, long n, const UpdateNumbers* numbers, float* p, const float* g, float* m, float* v, bf16* rounded);

// `count` matrices [rows, cols] of one shape, one behind the other in every array.
struct MuonBatch {
  int count = 1, rows = 0, cols = 0, polar_steps = 5;
  long all() const { return long(rows) * cols; }
  int reduced() const { return rows >= cols ? rows : cols; }  // numbers of the second moment: one a row, or one a column
  int small() const { return rows >= cols ? cols : rows; }
};
size_t muon_scratch_bytes(const MuonBatch& batch);

// p, g, momentum [count, rows, cols], second [count, reduced] float32. scratch: muon_scratch_bytes.
void muon(Tape& tape, const MuonBatch& batch, const UpdateNumbers* numbers, float* p, const float* g, float* momentum, float* second, bf16* rounded,
          void* scratch);

// x [count, rows, cols] to nearly its orthogonal factor, in bf16 products; returns where it ends, x or spare. gram, square [count, small, small].
bf16* polar_express(Tape& tape, const MuonBatch& batch, bf16* x, bf16* spare, bf16* gram, bf16* square);

}  // namespace swarm::cuda
