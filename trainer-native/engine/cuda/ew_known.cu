// The kernels of known forms: a thread takes eight neighbouring channels at a time, with all loads of a few such items on their way
// before the first is used. Sums over heads are made by the lanes that share one, sums over everything in one order.
#include "engine/cuda/ew_known.h"

#include "engine/cuda/launch.h"
#include "engine/cuda/vector.h"

#ifndef __CUDACC__
#define __grid_constant__
#endif

namespace swarm::cuda {
namespace {

// A float32 number of a form; the functions mean what they mean in the interpreter.
struct Number {
  float x;
};
SWARM_BOTH inline Number operator+(Number a, Number b) { return {a.x + b.x}; }
SWARM_BOTH inline Number operator-(Number a, Number b) { return {a.x - b.x}; }
SWARM_BOTH inline Number operator*(Number a, Number b) { return {a.x * b.x}; }
SWARM_BOTH inline Number relu(Number a) { return {a.x > 0 || a.x != a.x ? a.x : 0}; }
SWARM_BOTH inline Number square(Number a) { return {a.x * a.x}; }
SWARM_BOTH inline Number is_positive(Number a) { return {a.x > 0 ? 1.0f : 0.0f}; }
SWARM_BOTH inline Number sigmoid(Number a) { return {1 / (1 + expf(-a.x))}; }

// Items of a thread in one round: as many loads on their way as registers allow for.
template <class F>
constexpr int items_at_once = F::In::count_of(Spread::Full) + F::Out::count == 2 ? 4 : 2;

template <class F>
__global__ void __launch_bounds__(row_threads) known_kernel(const __grid_constant__ KnownWork w) {
  using In = typename F::In;
  using Out = typename F::Out;
  constexpr int at_once = items_at_once<F>;
  constexpr unsigned full_in = In::bits(Spread::Full), head_in = In::bits(Spread::Head), full_out = Out::bits(Spread::Full),
                     head_out = Out::bits(Spread::Head), single_out = Out::bits(Spread::Single);
  const Number c[] = {{w.constants[0]}, {w.constants[1]}};
  float one[In::count], sums[Out::count] = {};
#pragma unroll
  for (int k = 0; k < In::count; k++) one[k] = (full_in | head_in) >> k & 1 ? 0 : *static_cast<const float*>(w.in[k]);
  for (long first = long(blockIdx.x) * row_threads * at_once; first < w.items; first += long(gridDim.x) * row_threads * at_once) {
    Eight in[at_once][In::count], old[at_once][Out::count];
    float of_head[at_once][In::count];
#pragma unroll
    for (int u = 0; u < at_once; u++) {  // past the end the last item once more: every lane stays for the sums
      const long mine = first + u * row_threads + long(threadIdx.x), i = mine < w.items ? mine : w.items - 1;
#pragma unroll
      for (int k = 0; k < In::count; k++) {
        if (full_in >> k & 1) in[u][k] = static_cast<const Eight*>(w.in[k])[i];
        if (head_in >> k & 1) of_head[u][k] = to_float(static_cast<const bf16*>(w.in[k])[i >> w.head_shift]);
      }
#pragma unroll
      for (int o = 0; o < Out::count; o++)
        if ((full_out >> o & 1) && w.add[o] == Adding::Yes) old[u][o] = static_cast<const Eight*>(w.out[o])[i];
    }
#pragma unroll
    for (int u = 0; u < at_once; u++) {
      const long i = first + u * row_threads + long(threadIdx.x);
      float x[In::count][8], y[Out::count][8];
#pragma unroll
      for (int k = 0; k < In::count; k++)
        if (full_in >> k & 1) load(in[u][k].x, x[k]);
#pragma unroll
      for (int v = 0; v < 8; v++) {
        Number from[In::count], to[Out::count];
#pragma unroll
        for (int k = 0; k < In::count; k++) from[k] = {full_in >> k & 1 ? x[k][v] : head_in >> k & 1 ? of_head[u][k] : one[k]};
        F::of(from, c, to);
#pragma unroll
        for (int o = 0; o < Out::count; o++) y[o][v] = to[o].x;
      }
#pragma unroll
      for (int o = 0; o < Out::count; o++) {
        if (full_out >> o & 1) {
          if (w.add[o] == Adding::Yes) {
            float before[8];
            load(old[u][o].x, before);
            for (int v = 0; v < 8; v++) y[o][v] += before[v];
          }
          if (i < w.items) store(static_cast<bf16*>(w.out[o]) + i * 8, y[o], w.add[o] == Adding::Late);
          continue;
        }
        float sum = 0;
        for (int v = 0; v < 8; v++) sum += y[o][v];
        if (single_out >> o & 1) sums[o] += i < w.items ? sum : 0;
        if (head_out >> o & 1) {
          for (int lanes = 1 << w.head_shift >> 1; lanes > 0; lanes /= 2) sum += shuffle_xor(sum, lanes);
          float total[] = {sum};
          if (i < w.items && (threadIdx.x & ((1 << w.head_shift) - 1)) == 0) store(static_cast<bf16*>(w.out[o]) + (i >> w.head_shift), total, w.add[o] != Adding::No);
        }
      }
    }
  }
  float* parts = reinterpret_cast<float*>(shared_memory());
  int which = 0;
#pragma unroll
  for (int o = 0; o < Out::count; o++)
    if (single_out >> o & 1) {
      const float sum = block_sum(sums[o], parts);
      if (threadIdx.x == 0) w.partial[long(which) * gridDim.x + blockIdx.x] = sum;
      which++;
    }
}

// To bf16 and back.
__device__ inline void round(float (&x)[8]) {
  for (int v = 0; v < 8; v += 2) {
    const uint32_t both = pack(x[v], x[v + 1]);
    x[v] = to_float({uint16_t(both)}), x[v + 1] = to_float({uint16_t(both >> 16)});
  }
}

// One warp a row, which stays in its registers: Eights times eight numbers a lane. The norm is that of the rounded row, which backward reads.
template <class F, int Eights>
__global__ void __launch_bounds__(row_threads) normed_kernel(const __grid_constant__ KnownWork w, const Normed n) {
  using In = typename F::In;
  constexpr unsigned full_in = In::bits(Spread::Full);
  const Number c[] = {{w.constants[0]}, {w.constants[1]}};
  const int lane = threadIdx.x % warp, per_row = n.C / 8;
  float one[In::count];
#pragma unroll
  for (int k = 0; k < In::count; k++) one[k] = full_in >> k & 1 ? 0 : *static_cast<const float*>(w.in[k]);
  for (long row = first_item() / warp; row < n.rows; row += item_step() / warp) {
    Eight in[Eights][In::count];
#pragma unroll
    for (int e = 0; e < Eights; e++) {  // past the row's end its first item once more
      const int at = lane + e * warp;
#pragma unroll
      for (int k = 0; k < In::count; k++)
        if (full_in >> k & 1) in[e][k] = static_cast<const Eight*>(w.in[k])[row * per_row + (at < per_row ? at : 0)];
    }
    float y[Eights][8], squares = 0;
#pragma unroll
    for (int e = 0; e < Eights; e++) {
      float x[In::count][8];
#pragma unroll
      for (int k = 0; k < In::count; k++)
        if (full_in >> k & 1) load(in[e][k].x, x[k]);
#pragma unroll
      for (int v = 0; v < 8; v++) {
        Number from[In::count], to[1];
#pragma unroll
        for (int k = 0; k < In::count; k++) from[k] = {full_in >> k & 1 ? x[k][v] : one[k]};
        F::of(from, c, to);
        y[e][v] = to[0].x;
      }
      round(y[e]);
      for (int v = 0; v < 8; v++) squares += lane + e * warp < per_row ? y[e][v] * y[e][v] : 0;
    }
    const float r = rsqrtf(warp_sum(squares) / float(n.C) + n.eps);
    if (lane == 0) n.rstd[row] = r;
#pragma unroll
    for (int e = 0; e < Eights; e++) {
      const int at = lane + e * warp;
      if (at >= per_row) continue;
      store(static_cast<bf16*>(w.out[0]) + (row * per_row + at) * 8, y[e]);
      for (int v = 0; v < 8; v++) y[e][v] *= r;
      store(n.y + (row * per_row + at) * 8, y[e]);
    }
  }
}

constexpr int most_eights = 4;  // of a lane

template <class F>
constexpr bool is_normed = F::Out::count == 1 && F::constants == 0 && F::In::count > 1 && F::In::count_of(Spread::Head) == 0;
template <class F>
void launch_normed_form(Tape& tape, const char* name, const KnownWork& work, const Normed& n) {
  if constexpr (is_normed<F>) {
    constexpr void (*kernels[most_eights])(KnownWork, Normed) = {normed_kernel<F, 1>, normed_kernel<F, 2>, normed_kernel<F, 3>, normed_kernel<F, 4>};
    launch(tape, name, grid_of(n.rows, row_threads / warp), {unsigned(row_threads)}, 0, kernels[blocks_for(n.C, 8 * warp) - 1], work, n);
  }
}

// One round a block where nothing is summed; sums over everything keep their partial results few.
template <class F>
int blocks_of(long items) {
  const long rounds = blocks_for(items, row_threads * items_at_once<F>);
  return int(F::Out::count_of(Spread::Single) > 0 ? std::min(rounds, 4224L) : rounds);
}
template <class F>
void launch_form(Tape& tape, const char* name, const KnownWork& work) {
  static_assert(F::In::count <= known::most_in && F::Out::count <= known::most_out && F::constants <= cpu::max_phrase_constants);
  launch(tape, name, {unsigned(blocks_of<F>(work.items))}, {unsigned(row_threads)}, row_threads / warp * sizeof(float), known_kernel<F>, work);
}

#define SWARM_COUNT(name) +1
constexpr int forms = SWARM_KNOWN_FORMS(SWARM_COUNT);
#undef SWARM_COUNT

}  // namespace

int known_blocks(int form, long items) {
#define SWARM_BLOCKS(name) blocks_of<known::name>,
  constexpr int (*all[forms])(long) = {SWARM_KNOWN_FORMS(SWARM_BLOCKS)};
#undef SWARM_BLOCKS
  return all[form](items);
}

void launch_known(Tape& tape, int form, const KnownWork& work) {
#define SWARM_LAUNCH(name) {launch_form<known::name>, "ew " #name},
  constexpr struct {
    void (*launch)(Tape&, const char*, const KnownWork&);
    const char* name;
  } all[forms] = {SWARM_KNOWN_FORMS(SWARM_LAUNCH)};
#undef SWARM_LAUNCH
  all[form].launch(tape, all[form].name, work);
}

bool has_normed(int form, int C) {
#define SWARM_IS_NORMED(name) is_normed<known::name>,
  constexpr bool all[forms] = {SWARM_KNOWN_FORMS(SWARM_IS_NORMED)};
#undef SWARM_IS_NORMED
  return all[form] && C <= most_eights * 8 * warp;
}

void launch_normed(Tape& tape, int form, const KnownWork& work, const Normed& normed) {
#define SWARM_LAUNCH(name) {launch_normed_form<known::name>, "ew " #name " rmsnorm"},
  constexpr struct {
    void (*launch)(Tape&, const char*, const KnownWork&, const Normed&);
    const char* name;
  } all[forms] = {SWARM_KNOWN_FORMS(SWARM_LAUNCH)};
#undef SWARM_LAUNCH
  all[form].launch(tape, all[form].name, work, normed);
}

}  // namespace swarm::cuda
