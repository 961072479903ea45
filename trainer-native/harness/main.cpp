// train: one experiment, one seed, one budget. Contract: docs/decisions/0002-trainer-boundary.md
#include <unistd.h>

#include <cstdio>

#include "engine/core/refused.h"
#include "engine/cuda/memory.h"
#include "harness/answering.h"
#include "harness/failure.h"
#include "harness/options.h"
#include "harness/parent.h"
#include "harness/training.h"

namespace {

const char* const usage =
    "usage: train --data DIR --seed N --budget B --out DIR [--workers 1|2] [--max-steps N] [--json]\n"
    "             [--backend auto|cpu|cuda] [--scale cpu|gpu] [--resume [--save-seconds N]]\n"
    "       train --data DIR --budget B --describe [--backend auto|cpu|cuda]\n"
    "       train --answer                            (asked by the launcher beside a judge)\n"
    "B is work:20s, tokens:200k, cpu:20s or wall:5m";

void run(int argc, char** argv) {
  const swarm::Options options(argc, argv, {"--data", "--seed", "--budget", "--out", "--workers", "--max-steps", "--save-seconds", "--backend", "--scale"},
                               {"--json", "--describe", "--resume", "--answer", "--help"}, usage);
  if (options.has("--help")) {
    std::printf("%s\n", usage);
    return;
  }
  if (options.has("--answer")) return swarm::answer_one_question();
  swarm::TrainingOrder order;
  order.data = options.required("--data");
  order.budget = options.required("--budget");
  order.workers = int(options.whole("--workers", 1, 1, 2));
  order.json = options.has("--json");
  if (options.has("--backend")) order.backend = options.required("--backend");
  if (options.has("--scale")) order.scale = options.required("--scale");
  if (options.has("--max-steps")) order.max_steps = int64_t(options.whole("--max-steps", 1, 1, 1000000000));
  order.resume = options.has("--resume");
  order.save_seconds = double(options.whole("--save-seconds", 10, 0, 86400));
  if (options.has("--describe")) {
    std::printf("%s\n", swarm::describe(order).c_str());
    return;
  }
  options.required("--seed");
  order.seed = options.whole("--seed", 0, 0, (uint64_t{1} << 31) - 1);
  order.out = options.required("--out");
  swarm::train(order);
}

int outcome(int argc, char** argv) {
  if (!swarm::die_with_parent()) return int(swarm::Exit::internal);
  try {
    run(argc, argv);
    return int(swarm::Exit::done);
  } catch (const swarm::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return int(failure.code);
  } catch (const swarm::Refused& refused) {
    std::fprintf(stderr, "refused: %s\n", refused.what());
    return int(swarm::Exit::refused);
  } catch (const swarm::cuda::DeviceError& error) {
    std::fprintf(stderr, "the device failed: %s\n", error.what());
    return int(swarm::Exit::device);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "internal failure: %s\n", error.what());
    return int(swarm::Exit::internal);
  }
}

}  // namespace

// Ends at once: what an experiment asked to be called at exit is not, and the report is already whole.
int main(int argc, char** argv) {
  const int code = outcome(argc, argv);
  std::fflush(nullptr);
  _exit(code);
}
