// Adam with bias correction and decoupled weight decay.
#include "engine/cpu/fmath.h"
#include "engine/cpu/kernels.h"
#include "engine/optim/optim.h"

namespace swarm::optim {

void adam(long n, float* p, const float* g, float* m, float* v, const AdamStep& s) {
  const double correction1 = 1.0 - fmath::power(s.beta1, s.step), correction2 = 1.0 - fmath::power(s.beta2, s.step);
  cpu::AdamNumbers k;
  k.lr = static_cast<float>(s.lr / correction1);
  k.beta1 = s.beta1;
  k.beta2 = s.beta2;
  k.correction2 = static_cast<float>(1.0 / correction2);
  k.eps = s.eps;
  k.keep = 1.0f - s.lr * s.weight_decay;
  cpu::kernels().adam(n, p, g, m, v, k);
}

Work adam_work(long n) { return {15.0 * n, 7.0 * sizeof(float) * n}; }  // reads p, g, m, v, writes p, m, v

}  // namespace swarm::optim
