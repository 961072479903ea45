// The float32 kernels, as one table of functions per instruction set. All tables give the same bits: every sum has one
// order, fused multiply-add stands only where written, exp and its relatives are our own (fmath.h).
// Each call runs on the caller's thread and allocates nothing; strides are in floats; outputs never overlap inputs unless said.
// defines: Form, Attention, Kernels, kernels(), kernels_asked_for(), kernels_of(), rope_table(), attention_scratch_floats()
#pragma once
#include <cstdint>

#include "engine/cpu/phrases.h"

namespace swarm::cpu {

// Which operand of a product is stored transposed. op(A) is [M, K], op(B) is [K, N].
enum class Form {
  NN,  // A [M, K], B [K, N]   gradient of a linear's input: dX = dY W
  NT,  // A [M, K], B [N, K]   a linear: Y = X W^T
  TN,  // A [K, M], B [K, N]   gradient of its weight: dW = dY^T X
  TT   // A [K, M], B [N, K]
};

// Causal attention inside rows of T tokens: query i sees keys j with i - window <= j <= i. N = rows * T.
// Query head h reads key/value head h / (heads / kv_heads). A score is s = scale q.k, or softcap tanh(s / softcap).
struct Attention {
  int rows, T;
  int heads, kv_heads;
  int head_dim;      // a multiple of 16
  int window;        // >= 0
  float scale;       // of q.k
  long q_stride;     // from one token to the next in q [N, heads * head_dim] and dq
  long k_stride;     // k [N, kv_heads * head_dim] and dk
  long v_stride;     // v [N, kv_heads * head_dim] and dv
  long o_stride;     // o [N, heads * head_dim] and its gradient
  float softcap = 0; // 0: none
};

long attention_scratch_floats(const Attention& a);  // for forward and backward alike

struct Kernels {
  const char* isa;  // "avx512", "avx2" or "portable"

  // C [M, N] = op(A) op(B) + beta C. beta 0 never reads C. Each element is one chain of fused multiply-adds over k = 0..K-1.
  void (*gemm)(Form form, int M, int N, int K, const float* A, long lda, const float* B, long ldb, float beta, float* C, long ldc);
  // C [M, M] = A A^T (NT, A [M, K]) or A^T A (TN, A [K, M]): the bits of gemm at a little over half the work.
  void (*gram)(Form form, int M, int K, const float* A, long lda, float* C, long ldc);

  // lse [N, heads]: log of each query's sum of exp(scale q.k), which backward needs. scratch: attention_scratch_floats(a).
  void (*attention_forward)(const Attention& a, const float* q, const float* k, const float* v, float* o, float* lse, float* scratch);
  // dq, dk, dv are overwritten, or added to when `add`.
  void (*attention_backward)(const Attention& a, const float* q, const float* k, const float* v, const float* o, const float* dout,
                             const float* lse, bool add, float* dq, float* dk, float* dv, float* scratch);

  // Depthwise over the tokens of `rows` rows: x, y [rows, T, C], w [taps, C], y[t] = sum over j <= t of w[j] x[t - j].
  void (*conv_forward)(int rows, int T, int C, int taps, const float* x, const float* w, float* y);
  void (*conv_backward)(int rows, int T, int C, int taps, const float* x, const float* w, const float* dy, bool add_x, float* dx, bool add_w,
                        float* dw);
  // a, b, h [rows, T, C]: h[t] = a[t] h[t - 1] + b[t], 0 before the row. da and db may be one array.
  void (*scan_forward)(int rows, int T, int C, const float* a, const float* b, float* h);
  void (*scan_backward)(int rows, int T, int C, const float* a, const float* h, const float* dh, bool add_a, float* da, bool add_b, float* db);

  // Every group of C channels to unit mean square: y = x * rstd, rstd [rows, groups] = 1/sqrt(mean(x^2) + eps). y may be x.
  void (*rmsnorm_forward)(int rows, int groups, int C, const float* x, long x_stride, float eps, float* y, long y_stride, float* rstd);
  // dx = (or +=) rstd * (dy - y * mean(dy * y)). dx may be dy.
  void (*rmsnorm_backward)(int rows, int groups, int C, const float* dy, long dy_stride, const float* x, long x_stride, const float* rstd,
                           bool add, float* dx, long dx_stride);

  // Row n is at position n % T. y1 = x1 c + x2 s, y2 = x2 c - x1 s; the halves of a head are rotated pairwise.
  // cos, sin [T, head_dim/2]. backward rotates the other way (y is then dx, x is dy). y may be x.
  void (*rope)(int rows, int T, int heads, int head_dim, const float* x, long x_stride, const float* cos, const float* sin,
               bool backward, bool add, float* y, long y_stride);

  void (*embed)(int rows, int C, const float* table, const uint16_t* tokens, float* y, long y_stride);           // y[n] = table[tokens[n]]
  void (*embed_backward)(int rows, int C, const float* dy, long dy_stride, const uint16_t* tokens, float* dtable);  // dtable[tokens[n]] += dy[n], n in order

  // losses [rows] = -log softmax(logits)[target], in nats. dlogits = scale * (softmax - one hot); may be logits, may be null.
  void (*cross_entropy)(int rows, int V, const float* logits, long stride, const uint16_t* targets, float scale, float* losses,
                        float* dlogits, long d_stride);

  // Sums in a fixed order. All add to what is there.
  void (*sum_columns)(int rows, int C, const float* x, long x_stride, float* out);                         // out [C] += over rows
  void (*sum_heads)(int rows, int heads, int head_dim, const float* x, long x_stride, float* out, long out_stride);  // out [rows, heads] += over head_dim
  float (*sum)(long n, const float* x);
  float (*sum_squares)(long n, const float* x);
  float (*dot)(long n, const float* a, const float* b);

  // Over n floats. Output may be an input. NaN in, NaN out, min and max included.
  void (*fill)(long n, float value, float* out);
  void (*copy)(long n, const float* a, float* out);
  void (*scale)(long n, float s, const float* a, float* out);                      // s a
  void (*axpy)(long n, float s, const float* a, float* out);                       // out += s a, fused
  void (*axpby)(long n, float s, const float* a, float t, const float* b, float* out);  // fma(s, a, t b)
  void (*expand_heads)(int rows, int heads, int head_dim, const float* x, long x_stride, float* out, long out_stride);  // one number a head to head_dim
  void (*add)(long n, const float* a, const float* b, float* out);
  void (*subtract)(long n, const float* a, const float* b, float* out);
  void (*multiply)(long n, const float* a, const float* b, float* out);
  void (*multiply_add)(long n, const float* a, const float* b, const float* c, float* out);  // fma(a, b, c)
  void (*divide)(long n, const float* a, const float* b, float* out);
  void (*maximum)(long n, const float* a, const float* b, float* out);
  void (*minimum)(long n, const float* a, const float* b, float* out);
  void (*is_at_least)(long n, const float* a, const float* b, float* out);         // a >= b as 1 or 0
  void (*is_positive)(long n, const float* a, float* out);                         // a > 0 as 1 or 0
  void (*relu)(long n, const float* a, float* out);
  void (*square)(long n, const float* a, float* out);
  void (*exp)(long n, const float* a, float* out);
  void (*log)(long n, const float* a, float* out);
  void (*tanh)(long n, const float* a, float* out);
  void (*sigmoid)(long n, const float* a, float* out);
  void (*sqrt)(long n, const float* a, float* out);

  // A whole phrase (phrases.h), from as many inputs and constants as it has.
  void (*phrase)(Phrase which, long n, const float* const* in, const float* constants, float* out);

  // `rounds` x 16 independent fused multiply-adds over 16 lanes: what the core can do at most. flops = rounds * 512.
  float (*fma_rounds)(long rounds);
};

// What the environment's SWARM_ISA asks for, chosen once.
const Kernels& kernels();
// avx512, avx2 or portable by name; null or empty: the best this processor can run. Throws std::runtime_error when it cannot.
const Kernels& kernels_asked_for(const char* isa);
// One table by name, null when this processor or this build lacks it.
const Kernels* kernels_of(const char* isa);

// cos, sin [T, head_dim/2] of position * base^(-2i/head_dim), computed in double: the same bits everywhere.
void rope_table(int T, int head_dim, float base, float* cos, float* sin);

}  // namespace swarm::cpu
