// The reference core of `work:` budgets: two published constants, the same for everybody for ever, so that a bigger network buys fewer
// steps and a result can be checked by running it again on any machine. Changing one starts a new track for every score there is.
//
// Chosen so that work seconds are seconds of one core of an AMD EPYC (Zen 4): an op is charged its arithmetic or its traffic, divided
// by the pace its kernels were measured to keep (Work in engine/ops/op.h). `bench-step` prints both sides: at the shipped scale linear
// layers are charged 98% of their processor time, attention 94%, row ops 103%, cross-entropy 101%, updates 94%.
#pragma once

namespace swarm {

constexpr double reference_flops_per_second = 100e9;  // float32, a fused multiply-add is two; about 85% of that core's peak
constexpr double reference_bytes_per_second = 36e9;   // memory traffic of ops that mostly move numbers, at caches' speed

}  // namespace swarm
