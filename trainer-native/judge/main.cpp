// judge: the only program that opens val.bin and hidden.bin, and the only one that writes val_bpb. Links no
// experiment; --own-code is the launcher's: with it `jail judge` answers for custom ops, by processes of that trainer (decision 9).
// Contract: docs/decisions/0002-trainer-boundary.md
#include <chrono>
#include <cstdio>

#include "engine/cuda/memory.h"
#include "harness/failure.h"
#include "harness/file.h"
#include "harness/json.h"
#include "harness/options.h"
#include "harness/parent.h"
#include "harness/frozen.h"
#include "judge/judgement.h"

namespace {

const char* const usage = "usage: judge --data DIR --checkpoint FILE --out FILE [--split val|hidden] [--backend auto|cpu|cuda] [--own-code TRAINER]";

void run(int argc, char** argv) {
  const auto began = std::chrono::steady_clock::now();
  const swarm::Options options(argc, argv, {"--data", "--checkpoint", "--out", "--split", "--backend", "--own-code"}, {"--help"}, usage);
  if (options.has("--help")) {
    std::printf("%s\n", usage);
    return;
  }
  const std::string out = options.required("--out");
  const std::string split = options.has("--split") ? options.required("--split") : "val";
  if (split != "val" && split != "hidden") throw swarm::Failure(swarm::Exit::usage, std::string(usage) + "\nthere is no split " + split);
  swarm::remove_if_there(out);  // an old score may not be taken for this checkpoint's
  const swarm::Judgement judged = swarm::judge(options.required("--data"), options.required("--checkpoint"), split,
                                               options.has("--backend") ? options.required("--backend") : "", options.has("--own-code"));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();

  swarm::JsonObject json;
  json.integer("version", 1).number("valBpb", judged.score.bits_per_byte()).number("valLoss", judged.score.mean_loss());
  json.integer("tokens", judged.score.targets).integer("bytes", judged.score.bytes).number("seconds", seconds);
  json.text("frozen", frozen_sha256).text("manifest", judged.header.manifest).text("checkpointSha256", judged.checkpoint_sha256);
  json.integer("seed", judged.header.seed).integer("steps", judged.header.steps).text("budget", judged.header.budget);
  judged.backend.state(json);
  json.text("scale", judged.scale).text("split", split);
  // proved: by the walk over the graph, no code of an experiment was run; probed: some was, elsewhere, and what it may not do was looked for.
  json.text("trust", judged.custom_ops.empty() ? "proved" : "probed").texts("customOps", judged.custom_ops);
  const std::string line = json.line() + "\n";
  swarm::write_whole_file(out, line.data(), line.size());
  std::printf("val_bpb: %.6f\n", judged.score.bits_per_byte());
}

}  // namespace

int main(int argc, char** argv) {
  if (!swarm::die_with_parent()) return int(swarm::Exit::internal);
  try {
    run(argc, argv);
    return int(swarm::Exit::done);
  } catch (const swarm::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return int(failure.code);
  } catch (const swarm::cuda::DeviceError& error) {
    std::fprintf(stderr, "the device failed: %s\n", error.what());
    return int(swarm::Exit::device);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "internal failure: %s\n", error.what());
    return int(swarm::Exit::internal);
  }
}
