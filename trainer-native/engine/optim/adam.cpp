// Adam with bias correction and decoupled weight decay.
#include "engine/core/optimizer.h"
#include "engine/core/refused.h"

namespace swarm {

UpdateRule adam(const Adam& o) {
  return [o](UpdateGraph& u) {
    if (!(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1)) refuse("betas must lie in [0, 1)");
    if (!(o.eps > 0)) refuse("eps must be above 0");
    const Value p = u.parameter(), g = u.gradient(), m = u.state(), v = u.state();
    const Value lr = u.lr(o.lr), decay = u.weight_decay(o.weight_decay), step = u.step();
    const Value back = u.ew({lr, step}, [&](auto lr, auto step) { return -lr / (1.0f - power(o.beta1, step)); });
    const Value correction = u.ew({step}, [&](auto step) { return 1.0f / (1.0f - power(o.beta2, step)); });
    const Value keep = u.ew({lr, decay}, [](auto lr, auto decay) { return 1.0f - lr * decay; });

    const Value first = u.ew({m, g}, [&](auto m, auto g) { return fma(g - m, 1.0f - o.beta1, m); });
    const Value second = u.ew({v, g}, [&](auto v, auto g) { return fma(g * g - v, 1.0f - o.beta2, v); });
    u.set(m, first);
    u.set(v, second);
    u.set(p, u.ew({p, first, second, back, correction, keep}, [&](auto p, auto m, auto v, auto back, auto correction, auto keep) {
      return fma(back, m / (sqrt(v * correction) + o.eps), p * keep);
    }));
  };
}

}  // namespace swarm
