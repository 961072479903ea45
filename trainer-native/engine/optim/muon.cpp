// Muon: Nesterov momentum, nearly orthogonalised by Polar Express, scaled by NorMuon's second moment, cautious weight decay.
#include <algorithm>
#include <cmath>

#include "engine/core/optimizer.h"
#include "engine/core/refused.h"

namespace swarm {

UpdateRule muon(const Muon& o) {
  return [o](UpdateGraph& u) {
    const int rows = u.rows(), cols = u.cols();
    if (rows * cols < 2) refuse("a single number is no matrix for Muon to turn, use Adam");
    if (!(o.beta2 >= 0 && o.beta2 < 1)) refuse("beta2 must lie in [0, 1)");
    const Value p = u.parameter(), g = u.gradient(), momentum = u.state(), mu = u.momentum();
    const Value fresh = u.ew({mu}, [](auto mu) { return 1.0f - mu; });
    const Value m = u.ew({momentum, g, fresh}, [](auto m, auto g, auto fresh) { return fma(g - m, fresh, m); });
    const Value turned = u.polar(u.ew({m, g, mu}, [](auto m, auto g, auto mu) { return fma(m - g, mu, g); }), o.polar_steps);
    u.set(momentum, m);

    // NorMuon: rows (or columns) to like size by their running mean square, the whole to the norm it had.
    const Each each = rows >= cols ? Each::Row : Each::Column;
    const Value second = rows >= cols ? u.state(rows, 1) : u.state(1, cols);
    const Value mean = u.mean_square(turned, each);
    const Value now = u.ew({second, mean}, [&](auto second, auto mean) { return second + (mean - second) * (1.0f - o.beta2); });
    const Value factor = u.ew({now}, [](auto second) { return 1.0f / sqrt(max(second, 1e-10f)); });
    const Value norm = u.sum(mean), scaled_norm = u.sum(u.ew({mean, factor}, [](auto mean, auto factor) { return mean * square(factor); }));
    u.set(second, now);

    const Value lr = u.lr(o.lr * std::sqrt(std::max(1.0f, static_cast<float>(rows) / static_cast<float>(cols))));
    const Value size = u.ew({factor, norm, scaled_norm, lr}, [](auto factor, auto norm, auto scaled, auto lr) {
      return lr * (factor * (sqrt(norm) / max(sqrt(scaled), 1e-10f)));
    });
    const Value shrink = u.ew({lr, u.weight_decay(o.weight_decay)}, [](auto lr, auto decay) { return lr * decay; });
    u.set(p, u.ew({p, turned, size, shrink}, [](auto p, auto turned, auto size, auto shrink) {
      const auto move = turned * size;
      return p - fma(is_at_least(move * p, 0.0f), shrink * p, move);  // weights shrink only where the update pulls them the same way
    }));
  };
}

}  // namespace swarm
