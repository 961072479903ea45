// Budgets: what is accepted, how many steps a deterministic one buys, and that no step is free.
#include <algorithm>

#include "check.h"
#include "data_folder.h"
#include "harness/budget.h"
#include "harness/failure.h"
#include "harness/loss_curve.h"
#include "harness/reference_core.h"

using namespace swarm;

TEST("budget: what is written is what is meant") {
  CHECK(parse_budget("work:20s").kind == Budget::work);
  CHECK_EQUAL(parse_budget("work:2.5m").amount, 150.0);
  CHECK_EQUAL(parse_budget("cpu:1h").amount, 3600.0);
  CHECK_EQUAL(parse_budget("tokens:200k").amount, 200000.0);
  CHECK_EQUAL(parse_budget("tokens:1.5M").amount, 1500000.0);
  CHECK_EQUAL(parse_budget("tokens:512").amount, 512.0);
  CHECK_EQUAL(parse_budget("wall:5m").text, "wall:5m");
}

TEST("budget: everything else is a usage error that shows the right form") {
  for (const char* text : {"", "20s", "work:", "work:20", "work:s", "work:-1s", "work:0s", "work:1e3s", "tokens:5s", "tokens:20K", "work:1.2.3s",
                           "work:.5s", "work:5.s", "steps:5", "work:20s ", " work:20s", "work:99999999999999999h"})
    CHECK_FAILS(parse_budget(text), Exit::usage, "write work:20s");
}

TEST("budget: tokens buy whole steps and never more than was given") {
  const BudgetClock clock(parse_budget("tokens:200k"), 0.5, 1024, 1);
  CHECK_EQUAL(clock.steps(), int64_t(195));  // 199,680 tokens
  CHECK_EQUAL(clock.progress(0), 0.0);
  CHECK_NEAR(clock.progress(100), 100 * 1024 / 200000.0, 1e-15);
  CHECK(clock.progress(194) < 1);
  CHECK_EQUAL(clock.progress(195), 1.0);
}

TEST("budget: a dearer step buys fewer steps of work, and a step beyond the budget is refused") {
  CHECK_EQUAL(BudgetClock(parse_budget("work:20s"), 0.03, 1024, 1).steps(), int64_t(666));
  CHECK_EQUAL(BudgetClock(parse_budget("work:20s"), 0.06, 1024, 1).steps(), int64_t(333));
  CHECK_EQUAL(BudgetClock(parse_budget("work:20s"), 20.0, 1024, 1).steps(), int64_t(1));
  CHECK_FAILS(BudgetClock(parse_budget("work:20s"), 20.1, 1024, 1), Exit::refused, "one step alone costs more");
}

TEST("budget: work charges each op its arithmetic or its traffic, whichever is slower, at its pace") {
  const double F = reference_flops_per_second, B = reference_bytes_per_second;
  CHECK_NEAR(work_seconds({{"linear", 2 * F, 0.5 * B}, {"embed", 0, 0.25 * B}}), 2.25, 1e-12);
  CHECK_NEAR(work_seconds({{"attention", 2 * F, 0.5 * B, 0.5}}), 4, 1e-12);
}

TEST("budget: clocks start before the first step and are shared by the workers") {
  BudgetClock wall(parse_budget("wall:1000s"), 0.5, 1024, 1);
  CHECK_EQUAL(wall.steps(), int64_t(-1));
  wall.start();
  CHECK(wall.progress(0) < 0.01);
  BudgetClock one(parse_budget("cpu:0.02s"), 0.5, 1024, 1), two(parse_budget("cpu:0.02s"), 0.5, 1024, 2);
  one.start();
  two.start();
  volatile double sink = 0;
  while (one.cpu_seconds() < 0.025) for (int i = 0; i < 1000; ++i) sink = sink + i;
  CHECK(one.progress(0) > 1);
  CHECK(two.progress(0) > 0.5 && two.progress(0) < 0.9);
}

TEST("loss curve: at most 128 points, the first and the last among them, chosen by step alone") {
  LossCurve curve;
  for (int step = 1; step <= 1000; ++step) curve.add(step, 10.0 - step * 0.005);
  const std::string json = curve.json();
  CHECK_EQUAL(json.substr(0, 11), "[[1,9.995],");
  CHECK(json.find(",[1000,5]]") != std::string::npos);
  CHECK(std::count(json.begin(), json.end(), '[') <= 130);
  CHECK_NEAR(curve.smoothed(), 5 + 0.005 * 9, 1e-6);  // the mean lags by beta/(1-beta) steps
  CHECK_EQUAL(LossCurve().json(), "[]");
}
