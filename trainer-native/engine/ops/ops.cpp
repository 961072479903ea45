// The table of all ops. A new op is a header, a line here, a name in Op (engine/core/graph.h) and a method of Graph.
#include "engine/ops/attention.h"  // defines: attention_rule
#include "engine/ops/conv.h"       // defines: conv_rule
#include "engine/ops/custom.h"     // defines: custom_rule
#include "engine/ops/embed.h"      // defines: embed_rule
#include "engine/ops/ew.h"         // defines: ew_rule
#include "engine/ops/leaf.h"       // defines: tokens_rule, param_rule
#include "engine/ops/linear.h"     // defines: linear_rule
#include "engine/ops/rmsnorm.h"    // defines: rmsnorm_rule
#include "engine/ops/rope.h"       // defines: rope_rule
#include "engine/ops/scan.h"       // defines: scan_rule
#include "engine/ops/slice.h"      // defines: slice_rule, concat_rule
#include "engine/ops/token_shift.h"  // defines: token_shift_rule

namespace swarm {

const Rule& rule(Op op) {
  switch (op) {
    case Op::Tokens: return tokens_rule;
    case Op::Param: return param_rule;
    case Op::Embed: return embed_rule;
    case Op::Linear: return linear_rule;
    case Op::RmsNorm: return rmsnorm_rule;
    case Op::Rope: return rope_rule;
    case Op::Attention: return attention_rule;
    case Op::Ew: return ew_rule;
    case Op::Slice: return slice_rule;
    case Op::Concat: return concat_rule;
    case Op::TokenShift: return token_shift_rule;
    case Op::Conv: return conv_rule;
    case Op::Scan: return scan_rule;
    case Op::Custom: return custom_rule;
    case Op::Count: break;
  }
  refuse("the graph has an op of number " + std::to_string(int(op)) + ", which this engine does not know");
}

}  // namespace swarm
