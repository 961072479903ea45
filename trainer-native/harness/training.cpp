#include "harness/training.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <optional>

#include "engine/core/custom_check.h"
#include "engine/cpu/kernels.h"
#include "engine/cuda/backend.h"
#include "harness/alone.h"
#include "harness/backend_choice.h"
#include "harness/budget.h"
#include "harness/checkpoint.h"
#include "harness/contract.h"
#include "harness/data_set.h"
#include "harness/failure.h"
#include "harness/frozen.h"
#include "harness/json.h"
#include "harness/loss_curve.h"
#include "harness/reference_core.h"
#include "harness/saved_run.h"
#include "harness/scale.h"
#include "harness/training_text.h"
#include "harness/witness.h"

namespace swarm {
namespace {

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// A deterministic budget is a count of arithmetic, and nobody can count what code of an experiment's own does.
void require_countable(const std::vector<std::string>& custom_ops, const Budget& budget) {
  if (custom_ops.empty() || budget.kind == Budget::wall || budget.kind == Budget::cpu) return;
  refuse("custom_op " + custom_ops[0] + " does work that a budget of " + budget.text + " cannot count: train under wall or cpu, or use library ops");
}

// The experiment was compiled for one scale; a run of the other would be of another network.
const Scale& scale_asked(const std::string& asked) {
  const Scale& scale = compiled_scale();
  if (!asked.empty() && asked != "cpu" && asked != "gpu") throw Failure(Exit::usage, "--scale is '" + asked + "', expected cpu or gpu");
  if (!asked.empty() && asked != scale.name)
    throw Failure(Exit::usage, std::string("this trainer was compiled for the scale ") + scale.name + ", not " + asked + ": build it with `make trainer SCALE=" + asked + "`");
  return scale;
}

constexpr size_t memory_of_no_device = size_t{80} << 30;  // an H100's, where a device is described that is elsewhere

// What a network may take of a device: by its size and not by what is free now, so that whether it is refused depends on no neighbour.
size_t device_memory() { return cuda::unusable().empty() ? cuda::the_device().memory_bytes / 16 * 15 : memory_of_no_device; }

// Everything that is known before step 1.
struct Run {
  enum Kind { described, trained };
  double began = now();
  TrainingOrder order;
  const Scale& scale;
  Budget budget;
  DataSet data;
  std::vector<TokenFile> files;
  Settings settings;
  int rows = 0;  // of T tokens in one step
  BackendChoice backend;
  std::unique_ptr<Network> network;
  double work_per_step = 0;
  std::unique_ptr<BudgetClock> clock;

  Run(const TrainingOrder& o, Kind kind)
      : order(o), scale(scale_asked(o.scale)), budget(parse_budget(o.budget)), data(o.data), files(data.open_training()), settings(experiment_settings()) {
    const int T = scale.T, tokens = settings.tokens_per_step;
    if (tokens < 2 * T || tokens % (2 * T) != 0 || tokens > scale.max_tokens_per_step)
      refuse("tokens per step is " + std::to_string(tokens) + ", it must be a multiple of " + std::to_string(2 * T) +
             " (two shards of whole rows) and at most " + std::to_string(scale.max_tokens_per_step));
    rows = tokens / T;
    const Shape shape{rows, T, int(files[0].vocab)};
    Graph graph(shape);
    experiment_build(graph, shape);
    const Shape& kept = graph.shape();
    if (kept.rows != shape.rows || kept.T != shape.T || kept.vocab != shape.vocab) refuse("the experiment put a graph of another shape in the place of its own");
    require_countable(custom_ops(graph), budget);
    require_causal(graph);
    Optimizer optimizer;
    experiment_optimizer(graph, optimizer);
    if (!alone()) refuse("the experiment started a thread; it describes a network and starts nothing");
    // Only now: looking for a device may start a thread of its driver's.
    backend = kind == described && order.backend == "cuda" ? BackendChoice{true, "it was asked for"} : choose_backend(order.backend, scale);
    network = make(graph, optimizer, kind);
    work_per_step = work_seconds(network->step_costs());
    clock = std::make_unique<BudgetClock>(budget, work_per_step, tokens, order.workers);
  }

  std::unique_ptr<Network> make(const Graph& graph, const Optimizer& optimizer, Kind kind) const {
    if (backend.cuda && kind == described) return cuda::plan_network(graph, optimizer, scale.rows_at_once, device_memory());
    if (backend.cuda) return cuda::make_network(graph, optimizer, scale.rows_at_once, device_memory());
    Running running;
    running.workers = order.workers;
    running.memory_limit = scale.memory_limit;
    return std::make_unique<Network>(graph, optimizer, running);
  }
  // What MFU is a share of.
  double flops_per_second() const { return backend.cuda ? cuda::the_device().flops_per_second : reference_flops_per_second * order.workers; }
  double params_m() const { return double(network->parameter_count()) / 1e6; }
};

// What both the report and --describe say of a run.
void state_facts(JsonObject& json, const Run& run) {
  run.backend.state(json);
  json.text("scale", run.scale.name)
      .text("budget", run.budget.text)
      .number("paramsM", run.params_m())
      .integer("depth", uint64_t(std::max(run.settings.depth, 0)))
      .number("flopsPerToken", run.network->flops_per_token())
      .integer("tokensPerStep", uint64_t(run.settings.tokens_per_step))
      .integer("peakBytes", run.network->peak_bytes())
      .number("workPerStep", run.work_per_step)
      .text("frozen", frozen_sha256)
      .text("manifest", run.data.manifest())
      .integer("microSteps", uint64_t(run.network->micro_steps()))
      .text("isa", cpu::kernels().isa)
      .texts("customOps", custom_ops(run.network->graph()))
      .integer("workers", uint64_t(run.order.workers))
      .text("sandbox", sandbox_word());
}

class Progress {
 public:
  explicit Progress(const Run& run) : run_(run) {}

  // At most four lines a second, the first and the last always.
  void show(int64_t step, double loss, double progress, bool last) {
    const double seconds = run_.clock->wall_seconds();
    if (!last && step > 1 && seconds - shown_ < 0.25) return;
    shown_ = seconds;
    const uint64_t tokens = uint64_t(step) * uint64_t(run_.settings.tokens_per_step);
    if (run_.order.json) {
      JsonObject line;
      line.integer("step", uint64_t(step)).raw("steps", run_.clock->steps() < 0 ? "null" : std::to_string(run_.clock->steps()));
      line.number("loss", loss).number("progress", progress).integer("tokens", tokens).number("seconds", seconds);
      std::printf("%s\n", line.line().c_str());
    } else {
      std::printf("step %5lld (%5.1f%%)  loss %.4f  %6.1f s  %6.0f tokens/s\n", (long long)step, 100 * progress, loss, seconds,
                  double(tokens) / std::max(seconds, 1e-9));
    }
    std::fflush(stdout);
  }

 private:
  const Run& run_;
  double shown_ = -1;
};

bool weights_are_finite(const Network& network) {
  for (const Parameter& parameter : network.parameters())
    for (size_t i = 0, n = size_t(parameter.rows) * size_t(parameter.cols); i < n; ++i)
      if (!std::isfinite(parameter.values[i])) return false;
  return true;
}

// The schedule of every step, where a step's progress is known ahead: then no code of the experiment runs once there are weights.
std::vector<Schedule> schedule_ahead(const Run& run) {
  const int64_t known = run.clock->steps(), most = run.order.max_steps;
  std::vector<Schedule> out;
  for (int64_t step = 0; step < known && step != most; ++step) out.push_back(experiment_schedule(int(step), float(run.clock->progress(step))));
  return out;
}

}  // namespace

void train(const TrainingOrder& order) {
  make_folder(order.out);
  const std::string checkpoint_path = order.out + "/checkpoint.bin", report_path = order.out + "/report.json";
  remove_if_there(report_path);  // nothing of an earlier run may be taken for this one's
  remove_if_there(checkpoint_path);
  if (!order.resume) remove_if_there(order.out + "/state.bin");
  if (order.resume && order.max_steps >= 0) throw Failure(Exit::usage, "--max-steps ends a run for good; leave it or --resume away");
  Run run(order, Run::trained);
  if (order.resume && run.clock->steps() < 0)
    throw Failure(Exit::usage, "--resume needs a budget that is the same on every machine: work or tokens, not " + run.budget.text);

  if (!order.json) std::printf("%s\n", run.backend.line().c_str());
  Network& network = *run.network;
  const std::vector<Schedule> ahead = schedule_ahead(run);
  start_no_more_threads();
  network.init(order.seed);
  TrainingText text(run.files, run.scale.T, order.seed);
  const size_t step_tokens = size_t(run.rows) * run.scale.T;
  struct Rows { std::vector<uint16_t> tokens, targets; } rows[2];  // of this step and of the next
  for (Rows& r : rows) r.tokens.resize(step_tokens), r.targets.resize(step_tokens);
  const auto fill = [&](Rows& r) { text.fill(run.rows, r.tokens.data(), r.targets.data()); };
  LossCurve curve;
  Progress lines(run);
  double progress = 0;
  std::string diverged;

  std::optional<SavedRun> saved;
  Done done;
  if (order.resume) {
    saved.emplace(order.out + "/state.bin", RunName{order.seed, run.budget.text, frozen_sha256, run.data.manifest(), own_binary_sha256() + run.backend.bits()}, order.save_seconds);
    done = saved->read(network);
  }
  int64_t step = 0;
  for (double loss : done.losses) {
    fill(rows[0]);
    curve.add(++step, loss);
  }
  const int64_t resumed_after = step;

  run.clock->start(done.wall_seconds, done.cpu_seconds);
  fill(rows[step % 2]);
  while ((progress = run.clock->progress(step)) < 1 && step != order.max_steps) {
    Rows &now = rows[step % 2], &next = rows[(step + 1) % 2];
    const Schedule schedule = step < int64_t(ahead.size()) ? ahead[size_t(step)] : experiment_schedule(int(step), float(progress));
    network.start_step(now.tokens.data(), now.targets.data(), schedule);
    fill(next);  // while a device works
    network.expect(next.tokens.data(), next.targets.data());
    const double loss = network.finish_step();
    curve.add(++step, loss);
    if (!(loss <= 100)) {
      diverged = "the loss is " + json_number(loss) + " at step " + std::to_string(step) + " (abort above 100, or not a number)";
      break;
    }
    const double after = run.clock->progress(step);
    lines.show(step, loss, std::min(after, 1.0), after >= 1 || step == order.max_steps);
    if (!saved) continue;
    done.losses.push_back(loss);
    done.wall_seconds = run.clock->wall_seconds();
    done.cpu_seconds = run.clock->cpu_seconds();
    saved->after_step(done, network);
  }
  const double wall = run.clock->wall_seconds(), cpu_seconds = run.clock->cpu_seconds();
  if (diverged.empty() && !weights_are_finite(network)) diverged = "a weight is not a finite number after step " + std::to_string(step);

  const bool partial = !diverged.empty() || progress < 1;
  const uint64_t token_count = uint64_t(step) * uint64_t(run.settings.tokens_per_step);
  std::string checkpoint_sha256;
  if (diverged.empty()) {
    const CheckpointHeader header{partial, order.seed, uint64_t(step), token_count, frozen_sha256, run.data.manifest(), run.budget.text};
    const bool own = !custom_ops(network.graph()).empty() && step > 0;
    checkpoint_sha256 = write_checkpoint(checkpoint_path, header, network, own ? witness_of(network, rows[0].tokens.data()) : Witness{});
  }

  JsonObject report;
  report.integer("version", 1).integer("seed", order.seed);
  state_facts(report, run);
  report.integer("steps", uint64_t(step)).integer("tokens", token_count).number("progress", std::min(progress, 1.0)).boolean("partial", partial);
  report.number("trainLoss", curve.smoothed()).number("trainingSeconds", wall).number("totalSeconds", now() - run.began);
  report.number("workSeconds", double(step) * run.work_per_step).number("cpuSeconds", cpu_seconds);
  report.number("mfuPercent", 100 * run.network->flops_per_token() * double(token_count) /
                                  (std::max(wall, 1e-9) * run.flops_per_second()));
  report.raw("checkpointSha256", checkpoint_sha256.empty() ? "null" : "\"" + checkpoint_sha256 + "\"");
  report.raw("lossCurve", curve.json());
  if (resumed_after > 0) report.integer("resumedAfter", uint64_t(resumed_after));
  const std::string line = report.line() + "\n";
  write_whole_file(report_path, line.data(), line.size());
  if (saved) saved->remove();  // it is done: there is nothing to go on with
  if (!diverged.empty()) throw Failure(Exit::diverged, "diverged: " + diverged);
}

std::string describe(const TrainingOrder& order) {
  const Run run(order, Run::described);
  JsonObject json;
  state_facts(json, run);
  json.raw("steps", run.clock->steps() < 0 ? "null" : std::to_string(run.clock->steps()));
  std::map<std::string, Cost> by_op;
  for (const Cost& cost : run.network->step_costs()) {
    Cost& sum = by_op.emplace(cost.op, Cost{cost.op, 0, 0}).first->second;
    sum.flops += cost.flops;
    sum.bytes += cost.bytes;
  }
  JsonObject costs;
  for (const auto& [op, cost] : by_op) costs.raw(op.c_str(), JsonObject().number("flops", cost.flops).number("bytes", cost.bytes).line());
  json.raw("step", costs.line());
  return json.line();
}

}  // namespace swarm
