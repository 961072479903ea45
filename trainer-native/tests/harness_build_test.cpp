// The build: what the frozen hash covers, and that an experiment cannot replace a symbol of the frozen parts.
#include <algorithm>
#include <cstdio>
#include <regex>

#include "check.h"
#include "engine/cpu/kernels.h"
#include "harness/checkpoint.h"
#include "harness/json.h"
#include "process.h"

using check::Folder;
using check::run;

namespace {

const char* const make = "env -u MAKEFLAGS -u MAKELEVEL make -s ";

check::Outcome build_trainer(const Folder& folder, const std::string& source) {
  check::write_all(folder.path + "/train.cu", source);
  std::filesystem::remove(folder.path + "/train");
  return run(folder, make + ("BUILD=" + check::build_folder()) + " trainer EXPERIMENT=" + folder.path + "/train.cu OUT=" + folder.path + "/train");
}

// The same network, its custom op relu_squared written with the library's elementwise op.
void with_library_ops(const std::string& from, const std::string& to) {
  using namespace swarm;
  const Checkpoint checkpoint = read_checkpoint(from);
  const Graph own = deserialize(checkpoint.graph.data(), checkpoint.graph.size());
  Graph library(own.shape());
  for (const Node& node : own.nodes()) {
    if (node.op == Op::Custom) library.ew({Tensor{node.inputs[0]}}, [](auto x) { return square(relu(x)); });
    else library.append(node);
  }
  library.output({own.output_node()});
  Network network(library, own.shape().rows);
  for (size_t i = 0; i < checkpoint.tensors.size(); i++)
    std::copy(checkpoint.tensors[i].values.begin(), checkpoint.tensors[i].values.end(), network.parameters()[i].values);
  write_checkpoint(to, checkpoint.header, network);
}

// The shipped experiment with one knob turned, trained for a few steps in `folder`.
check::Outcome train_with(const check::DataFolder& folder, const std::string& knob, const std::string& value) {
  const std::string shipped = check::read_all("experiment/train.cu");
  const std::regex line("(constexpr [a-z]+ " + knob + " = )[^;]*;");
  const std::string turned = std::regex_replace(shipped, line, "$1 " + value + ";");
  CHECK(turned != shipped);
  CHECK_EQUAL(build_trainer(folder, turned).last_error, "");
  return run(folder, folder.path + "/train --data " + folder.path + " --seed 1 --budget tokens:20k --out " + folder.path + "/run");
}

}  // namespace

TEST("build: the frozen hash changes with any file of engine, harness, judge, tools or the Makefile, and with nothing else") {
  Folder copy;
  std::system(("cp -r Makefile engine harness judge tools experiment " + copy.path).c_str());
  const auto hash = [&] {
    const auto outcome = run(copy, make + ("-C " + copy.path) + " BUILD=build build/frozen.sha256");
    CHECK_EQUAL(outcome.last_error, "");
    return check::read_all(copy.path + "/build/frozen.sha256");
  };
  const std::string untouched = hash();
  CHECK_EQUAL(untouched.size(), size_t(65));
  CHECK_EQUAL(hash(), untouched);
  CHECK_EQUAL(untouched, check::read_all(check::build_folder() + "/frozen.sha256"));
  check::write_all(copy.path + "/experiment/train.cu", "another experiment");
  CHECK_EQUAL(hash(), untouched);
  for (const char* file : {"/engine/core/network.h", "/harness/budget.cpp", "/judge/score.cpp", "/tools/scan.cpp", "/Makefile", "/engine/cpu/new.h"}) {
    const bool existed = std::filesystem::exists(copy.path + file);
    const std::string before = check::read_all(copy.path + file);
    check::write_all(copy.path + file, before + "\n# \n");
    CHECK(hash() != untouched);
    if (existed) check::write_all(copy.path + file, before);
    else std::filesystem::remove(copy.path + file);
    CHECK_EQUAL(hash(), untouched);
  }
}

TEST("build: an experiment that compiles becomes a trainer, one that reaches for a frozen symbol does not") {
  Folder folder;
  const std::string trainer = folder.path + "/train";
  const std::string shipped = check::read_all("experiment/train.cu");
  CHECK_EQUAL(build_trainer(folder, shipped).last_error, "");
  CHECK(std::filesystem::exists(trainer));
  const auto refused = [&](const std::string& theft, int code, const std::string& words) {
    const auto outcome = build_trainer(folder, shipped + theft);
    CHECK(outcome.exit != 0);
    const std::string said = check::read_all(folder.path + "/stderr");
    if (said.find(words) == std::string::npos || said.find("Error " + std::to_string(code)) == std::string::npos)
      check::fail(__FILE__, __LINE__, "expected \"" + words + "\" and make's Error " + std::to_string(code) + ", got: " + said);
    CHECK(!std::filesystem::exists(trainer));
  };
  refused("\n#include \"engine/core/network.h\"\n", 5, "#include \"engine/core/network.h\"");              // by its text
  refused("\nnamespace swarm { double work_seconds() { return 1e-9; } }\n", 5, "reopening namespace swarm");
  refused("\nint steps_seen = 0;\n", 5, "steps_seen lives");  // by what became of it
  refused("\nthis is no experiment\n", 1, "error:");
}

TEST("build: SCALE=gpu is the reference's size, planned for a CPU in portions, and for a device without one") {
  check::DataFolder folder(check::DataFolder::sentences(300, 1), check::DataFolder::sentences(120, 2));
  const bool has_nvcc = std::filesystem::exists(check::build_folder() + "/cuda/engine/cuda/gemm.o");
  const std::string trainer = folder.path + "/train", describe = trainer + " --data " + folder.path + " --budget tokens:100M --describe";
  const auto built = run(folder, make + ("BUILD=" + check::build_folder()) + " trainer SCALE=gpu OUT=" + trainer + (has_nvcc ? "" : " CUDA=no"));
  CHECK_EQUAL(built.last_error, "");
  const auto on_cpu = run(folder, describe + " --backend cpu");
  CHECK_EQUAL(on_cpu.last_error, "");
  const swarm::JsonValue portions = swarm::parse_json(on_cpu.out);
  CHECK_EQUAL(portions.member("scale")->string, "gpu");
  CHECK(portions.member("peakBytes")->value < double(size_t{4} << 30));  // a row at a time: days of work, and little memory
  CHECK_ENDS(run(folder, describe + " --backend cpu --scale cpu"), 2, "compiled for the scale gpu, not cpu");
  if (!has_nvcc) {
    CHECK_ENDS(run(folder, describe + " --backend cuda"), 7, "built without its CUDA backend");
    std::printf("NOT TESTED: the plan of a full-size run on a device, there is no nvcc here\n");
    return;
  }
  const auto outcome = run(folder, describe + " --backend cuda");
  CHECK_EQUAL(outcome.last_error, "");
  const swarm::JsonValue facts = swarm::parse_json(outcome.out);
  CHECK_EQUAL(facts.member("scale")->string, "gpu");
  CHECK_EQUAL(facts.member("depth")->value, 8.0);
  CHECK_EQUAL(facts.member("tokensPerStep")->value, 524288.0);
  CHECK_EQUAL(facts.member("microSteps")->value, 2.0);
  CHECK_EQUAL(facts.member("steps")->value, 190.0);
  const double blocks = 8 * 12 * 512 * 512 + 4 * 4 * 32 + 16, tables = 6 * 64 * 512;  // this text has a vocabulary of 64
  CHECK_NEAR(facts.member("paramsM")->value, (blocks + tables) / 1e6, 1e-9);
  CHECK(facts.member("peakBytes")->value < double(size_t{48} << 30));  // the reference takes 45,060 MB
}

TEST("train: a run that diverges is exit 3 with its report written and no checkpoint") {
  check::DataFolder folder(check::DataFolder::sentences(300, 1), check::DataFolder::sentences(120, 2));
  const check::Outcome outcome = train_with(folder, "X0_LAMBDA_LR", "3e38f");
  CHECK_EQUAL(outcome.exit, 3);
  CHECK_EQUAL(outcome.last_error.substr(0, 9), "diverged:");
  const swarm::JsonValue report = swarm::parse_json(check::read_all(folder.path + "/run/report.json"));
  CHECK(report.member("partial")->truth);
  CHECK(report.member("steps")->value >= 1 && report.member("steps")->value < 10);
  CHECK(report.member("checkpointSha256")->kind == swarm::JsonValue::null);
  CHECK(!std::filesystem::exists(folder.path + "/run/checkpoint.bin"));
}

TEST("train: a network that is impossible, too large or takes too many tokens a step is exit 5 before step 1") {
  check::DataFolder folder(check::DataFolder::sentences(30, 1), check::DataFolder::sentences(10, 2));
  const auto refused = [&](const char* knob, const char* value, const char* words) {
    const check::Outcome outcome = train_with(folder, knob, value);
    CHECK_ENDS(outcome, 5, words);
    CHECK(!std::filesystem::exists(folder.path + "/run/report.json"));
  };
  refused("DEPTH", "0", "must be at least 1");
  refused("TOKENS_PER_STEP", "131072", "at most 65536");
  refused("HEADS", "100", "the limit is 4096");
}

TEST("train: a custom op builds, trains under a clock, is named in the report, refused by a counted budget, and scored to the bit as library ops are") {
  check::DataFolder folder(check::DataFolder::sentences(300, 1), check::DataFolder::sentences(120, 2));
  std::string source = check::read_all("experiment/train.cu");
  const std::string was = "g.ew({up}, [](auto x) { return square(relu(x)); })", place = "Tensor mlp_block(";
  CHECK(source.find(was) != std::string::npos && source.find(place) != std::string::npos);
  source.replace(source.find(was), was.size(), "g.custom<ReluSquared>(\"relu_squared\", {up}, MLP_RATIO * D)");
  source.insert(source.find(place), R"(
struct ReluSquared {
  template <class Real> static constexpr Real positive(Real x) { return x > 0 ? x : 0; }
  template <class Real> void forward(const Frame<Real>& f) const {
    for (int i = 0; i < f.N * MLP_RATIO * D; i++) f.out[i] = positive(f.in[0][i]) * positive(f.in[0][i]);
  }
  template <class Real> void backward(const Frame<Real>& f) const {
    for (int i = 0; i < f.N * MLP_RATIO * D; i++) f.din[0][i] += 2 * f.dout[i] * positive(f.in[0][i]);
  }
};

)");
  CHECK_EQUAL(build_trainer(folder, source).last_error, "");
  const auto train = [&](const std::string& budget) {
    return run(folder, folder.path + "/train --data " + folder.path + " --seed 1 --budget " + budget + " --out " + folder.path + "/run");
  };
  for (const char* budget : {"tokens:20k", "work:20s"}) {
    const check::Outcome counted = train(budget);
    CHECK_ENDS(counted, 5, "custom_op relu_squared does work that a budget of");
  }
  CHECK_EQUAL(train("cpu:1s").exit, 0);
  const swarm::JsonValue report = swarm::parse_json(check::read_all(folder.path + "/run/report.json"));
  CHECK_EQUAL(report.member("customOps")->items.size(), size_t(1));
  CHECK_EQUAL(report.member("customOps")->items[0].string, "relu_squared");
  const check::Outcome judged = run(folder, check::program("judge") + " --data " + folder.path + " --checkpoint " + folder.path + "/run/checkpoint.bin --out " + folder.path + "/judge.json");
  CHECK_ENDS(judged, 6, "custom_op relu_squared, code of the experiment's own");

  const std::string why = check::why_no_jail();
  if (!why.empty()) return std::printf("NOT TESTED: the score of a custom op, %s\n", why.c_str()), void();
  std::filesystem::create_directory(folder.path + "/judged");
  const auto score = [&](const std::string& checkpoint, const std::string& more) {
    const std::string out = folder.path + "/judged/judge.json";
    CHECK_EQUAL(run(folder, check::program("jail") + " judge " + check::program("judge") + " --data " + folder.path + " --checkpoint " + checkpoint + " --out " + out + more).last_error, "");
    return swarm::parse_json(check::read_all(out));
  };
  const swarm::JsonValue own = score(folder.path + "/run/checkpoint.bin", " --own-code " + folder.path + "/train");
  CHECK_EQUAL(own.member("trust")->string, "probed");
  CHECK_EQUAL(own.member("customOps")->items[0].string, "relu_squared");
  with_library_ops(folder.path + "/run/checkpoint.bin", folder.path + "/library.bin");
  const swarm::JsonValue library = score(folder.path + "/library.bin", "");
  CHECK_EQUAL(library.member("trust")->string, "proved");
  CHECK(own.member("valBpb")->value == library.member("valBpb")->value && own.member("valLoss")->value == library.member("valLoss")->value);
}

TEST("train: an experiment with an update rule of its own gives the same checkpoint for every instruction set and number of workers") {
  check::DataFolder folder(check::DataFolder::sentences(300, 1), check::DataFolder::sentences(120, 2));
  std::string source = check::read_all("experiment/train.cu");
  const std::string was = "optimizer.muon(\"block.*\", matrices);";
  CHECK(source.find(was) != std::string::npos);
  source.replace(source.find(was), was.size(), R"(optimizer.group("block.*", [](UpdateGraph& u) {  // Lion, rows scaled alike
    const Value p = u.parameter(), g = u.gradient(), m = u.state();
    u.set(m, u.ew({m, g}, [](auto m, auto g) { return 0.99f * m + 0.01f * g; }));
    const Value move = u.ew({m, g, u.mean_square(g, Each::Row)}, [](auto m, auto g, auto s) { return sign((0.9f * m + 0.1f * g) / sqrt(s + 1e-12f)); });
    u.set(p, u.ew({p, move, u.lr(MATRIX_LR / 100)}, [](auto p, auto move, auto lr) { return p - lr * move; }));
  });)");
  CHECK_EQUAL(build_trainer(folder, source).last_error, "");
  const auto hash = [&](const std::string& environment, const std::string& more) {
    const check::Outcome outcome = run(folder, environment + " " + folder.path + "/train --data " + folder.path + " --seed 1 --budget tokens:10k --out " + folder.path + "/run" + more);
    CHECK_EQUAL(outcome.last_error, "");
    return swarm::parse_json(check::read_all(folder.path + "/run/report.json")).member("checkpointSha256")->string;
  };
  const std::string expected = hash("", "");
  CHECK_EQUAL(hash("", " --workers 2"), expected);
  for (const char* isa : {"avx2", "avx512"})
    if (swarm::cpu::kernels_of(isa)) CHECK_EQUAL(hash("SWARM_ISA=" + std::string(isa), ""), expected);
}
