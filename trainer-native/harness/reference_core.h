// The reference core of `work:` budgets: two published constants, the same for everybody for ever, so that a bigger network buys fewer
// steps and a result can be checked by running it again on any machine. Changing one starts a new track for every score there is.
//
// Chosen so that work seconds are seconds: on one otherwise idle core of an AMD EPYC (Zen 4) the shipped experiment at work:15s, charged
// 14.96 s, took 15.25 s of processor time; with 2 layers, d 64, d 256, a feed-forward ratio of 8, 2048 tokens a step or 2 polar steps
// the two agree within 4% as well, with AVX-512 and with AVX2 kernels.
#pragma once

namespace swarm {

constexpr double reference_flops_per_second = 100e9;  // float32, a fused multiply-add is two; about 85% of that core's peak
constexpr double reference_bytes_per_second = 20e9;   // memory traffic of ops that mostly move numbers

}  // namespace swarm
