#include "harness/budget.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "harness/failure.h"
#include "harness/reference_core.h"

namespace swarm {
namespace {

double seconds_of(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

double unit(Budget::Kind kind, const std::string& name) {
  if (kind == Budget::tokens) return name.empty() ? 1 : name == "k" ? 1e3 : name == "M" ? 1e6 : 0;
  return name == "s" ? 1 : name == "m" ? 60 : name == "h" ? 3600 : 0;
}

}  // namespace

Budget parse_budget(const std::string& text) {
  const auto wrong = [&](const std::string& what) -> Failure {
    return Failure(Exit::usage, "budget '" + text + "': " + what + "; write work:20s, tokens:200k, cpu:20s or wall:5m");
  };
  static const struct { const char* name; Budget::Kind kind; } kinds[] = {
      {"work:", Budget::work}, {"tokens:", Budget::tokens}, {"cpu:", Budget::cpu}, {"wall:", Budget::wall}};
  for (const auto& [name, kind] : kinds) {
    if (text.rfind(name, 0) != 0) continue;
    const std::string rest = text.substr(std::string(name).size());
    const size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    if (digits == 0 || std::count(rest.begin(), rest.end(), '.') > 1 || rest[0] == '.' || rest[digits - 1] == '.') throw wrong("no number");
    const double factor = unit(kind, rest.substr(digits));
    if (factor == 0) throw wrong("unknown unit '" + rest.substr(digits) + "'");
    const double amount = std::strtod(rest.substr(0, digits).c_str(), nullptr) * factor;
    if (!(amount > 0) || amount > 1e15) throw wrong("nothing, or beyond all bounds");
    return {kind, amount, text};
  }
  throw wrong("unknown kind");
}

double work_seconds(const std::vector<Cost>& step) {
  double seconds = 0;
  for (const Cost& cost : step) seconds += std::max(cost.flops / reference_flops_per_second, cost.bytes / reference_bytes_per_second) / cost.pace;
  return seconds;
}

BudgetClock::BudgetClock(const Budget& budget, double work_per_step, int tokens_per_step, int workers) : budget_(budget), workers_(workers) {
  if (budget.kind == Budget::work) per_step_ = work_per_step;
  if (budget.kind == Budget::tokens) per_step_ = tokens_per_step;
  if (per_step_ == 0) return;
  steps_ = int64_t(std::floor(budget.amount / per_step_));
  if (steps_ < 1) throw Failure(Exit::refused, "one step alone costs more than the budget " + budget.text + "; use a smaller network or fewer tokens a step");
}

void BudgetClock::start(double wall_before, double cpu_before) {
  wall_start_ = seconds_of(CLOCK_MONOTONIC) - wall_before;
  cpu_start_ = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
}

double BudgetClock::wall_seconds() const { return seconds_of(CLOCK_MONOTONIC) - wall_start_; }
double BudgetClock::cpu_seconds() const { return seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_start_; }

double BudgetClock::progress(int64_t steps_done) const {
  if (steps_ > 0) return steps_done >= steps_ ? 1 : double(steps_done) * per_step_ / budget_.amount;
  return (budget_.kind == Budget::cpu ? cpu_seconds() / workers_ : wall_seconds()) / budget_.amount;
}

}  // namespace swarm
