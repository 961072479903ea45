// Puts one instruction set's kernels into its table. Included once by each isa_*.cpp, which differ in compiler flags alone.
// Nothing here may call inline functions of the standard library: the linker keeps one copy of those for all files.
// defines: SWARM_KERNEL_TABLE
#pragma once
#include "engine/cpu/attention.h"    // defines: attention_forward, attention_backward
#include "engine/cpu/elementwise.h"  // defines: vector operations
#include "engine/cpu/gemm.h"         // defines: gemm, gram
#include "engine/cpu/mixers.h"       // defines: conv_forward, conv_backward, scan_forward, scan_backward
#include "engine/cpu/rows.h"         // defines: rmsnorm, rope, embed, cross_entropy, sums

#define SWARM_KERNEL_TABLE                                                                                                          \
  {                                                                                                                                 \
    kIsa, gemm, gram, attention_forward, attention_backward, conv_forward, conv_backward, scan_forward, scan_backward,              \
        rmsnorm_forward, rmsnorm_backward, rope, embed, embed_backward, cross_entropy, sum_columns, sum_heads, sum, sum_squares,    \
        dot, map_fill, map_copy, map_scale, map_axpy, map_axpby, expand_heads, map_add, map_subtract, map_multiply,                 \
        map_multiply_add, map_divide, map_maximum, map_minimum, map_is_at_least, map_is_positive, map_relu, map_square, map_exp,    \
        map_log, map_tanh, map_sigmoid, map_sqrt, phrase, fma_rounds                                                                \
  }
