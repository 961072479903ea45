// Ops that go row by row: activations are bf16 [N, cols], sums and statistics float32.
// defines: embed, SortedTokens, embed_backward, rmsnorm, rope, copy_columns, fill, sum_columns
#pragma once
#include <cstdint>
#include <vector>

#include "engine/cuda/bf16.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

void embed(Tape& tape, int N, int C, const bf16* table, const uint16_t* tokens, bf16* out);  // out[n] = table[tokens[n]]

// Where each token id occurs, in order, so that a table's gradient needs no atomics. Long runs are cut into pieces.
struct SortedTokens {
  static constexpr int piece = 256;
  static size_t most_pieces(int N, int vocab) { return size_t(N) / piece + size_t(vocab); }
  static size_t ints(int N, int vocab) { return size_t(N) + most_pieces(N, vocab) + 1 + size_t(vocab) + 1; }
  // order [N], then first [pieces + 1] into order, padded to most_pieces, then piece_of [vocab + 1]: the first piece of each id.
  static void sort(const uint16_t* tokens, int N, int vocab, int32_t* ints);
};

// dtable [vocab, C] (+)= the sum of dy [N, C] over each id's tokens, in order. sorted: SortedTokens on the device.
// scratch: most_pieces * C floats.
void embed_backward(Tape& tape, int N, int vocab, int C, const bf16* dy, const int32_t* sorted, bool add, float* dtable, float* scratch);

// Every `group` channels to unit mean square; rstd [N, cols / group] is kept for backward.
void rmsnorm(Tape& tape, int N, int cols, int group, float eps, const bf16* x, bf16* y, float* rstd);
// dx (+)= rstd (dy - y mean(dy y)), y = x rstd
void rmsnorm_backward(Tape& tape, int N, int cols, int group, const bf16* dy, const bf16* x, const float* rstd, bool add, bf16* dx);

// y1 = x1 c + x2 s, y2 = x2 c - x1 s for the halves of each head; cos, sin [T, head_dim / 2]. backward turns the other way.
void rope(Tape& tape, int N, int T, int cols, int head_dim, const bf16* x, const float* cos, const float* sin, bool backward, bool add, bf16* y);

// to [n, 0..count) (+)= from [n, 0..count); rows lie `from_stride` and `to_stride` numbers apart.
void copy_columns(Tape& tape, int N, int count, const bf16* from, int from_stride, bf16* to, int to_stride, bool add);

void fill(Tape& tape, long count, float value, bf16* to);
void fill(Tape& tape, long count, float value, float* to);

// out [C] (+)= the sum of x [rows, C] over rows, first row first.
void sum_columns(Tape& tape, int rows, int C, const float* x, bool add, float* out);
// out [0] (+)= the sum of x [count], in one order.
void sum_all(Tape& tape, long count, const float* x, bool add, float* out);
// out [rows, cols / group] (+)= the sum of each `group` numbers of x [rows, cols].
void sum_groups(Tape& tape, long groups, int group, const float* x, bool add, bf16* out);

// to = bf16 of from
void round(Tape& tape, long count, const float* from, bf16* to);

}  // namespace swarm::cuda
