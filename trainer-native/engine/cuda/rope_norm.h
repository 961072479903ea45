// rope and the rmsnorm of each head that follows it, as one: what lies between them is never stored.
// defines: has_rope_rmsnorm(), rope_rmsnorm(), rope_rmsnorm_backward()
#pragma once
#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

// Lanes of one warp share a head, eight channels of each half a lane.
bool has_rope_rmsnorm(int head_dim);

// y [N, cols] = heads of x turned (cos, sin [T, head_dim / 2], see rope()) and brought to unit mean square; rstd [N, cols / head_dim].
void rope_rmsnorm(Tape& tape, int N, int T, int cols, int head_dim, float eps, const bf16* x, const float* cos, const float* sin, bf16* y, float* rstd);
// dx (+)= rstd (dy - y mean(dy y)) turned back: x itself is not needed.
void rope_rmsnorm_backward(Tape& tape, int N, int T, int cols, int head_dim, const bf16* dy, const bf16* y, const float* rstd, const float* cos,
                           const float* sin, bool add, bf16* dx);

}  // namespace swarm::cuda
