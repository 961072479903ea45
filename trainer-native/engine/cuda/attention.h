// Causal attention over a window, forward and backward, on the tensor cores.
// defines: Attention, attention(), attention_backward()
#pragma once
#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

// Inside rows of T tokens query i sees keys i - window .. i; N = rows * T. Query head h reads key head h / (heads / kv_heads).
struct Attention {
  int rows = 0, T = 0;
  int heads = 1, kv_heads = 1;
  int head_dim = 0;  // 32, 64 or 128
  int window = 0;
  float scale = 1;   // of q . k
};

bool has_attention_kernel(int head_dim);

// q, o [N, heads * head_dim], k, v [N, kv_heads * head_dim]; lse [N, heads], the log of each query's sum of exp, for backward.
void attention(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse);

// dq, dk, dv (+)= the gradients. Each is written by one thread alone: no atomics, the same bits every time. The three may be one
// array when the second and third are added to it. scratch [N, heads, 2].
void attention_backward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout, const float* lse,
                        const bool add[3], bf16* dq, bf16* dk, bf16* dv, float* scratch);

}  // namespace swarm::cuda
