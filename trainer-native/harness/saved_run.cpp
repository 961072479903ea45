#include "harness/saved_run.h"

#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "engine/core/refused.h"
#include "harness/file.h"
#include "harness/sealed.h"
#include "harness/sha256.h"

// Layout, sealed: u64 seed · text budget, frozen, manifest, binary · f64 wall seconds, CPU seconds · u64 steps, f64 loss[steps] ·
// u64 pieces, each: u64 count, f32 values[count], in the order of Network::training_state().
namespace swarm {
namespace {

constexpr char magic[9] = "SWRMRUN1";

volatile std::sig_atomic_t told_to_stop = 0;

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

}  // namespace

SavedRun::SavedRun(const std::string& path, const RunName& name, double seconds) : path_(path), name_(name), every_(seconds), written_(now()) {
  std::signal(SIGTERM, [](int) { told_to_stop = 1; });
}

void SavedRun::write(const Done& done, Network& network) const {
  Sealing out(magic);
  out.u64(name_.seed);
  for (const std::string* part : {&name_.budget, &name_.frozen, &name_.manifest, &name_.binary}) out.text(*part);
  out.f64(done.wall_seconds);
  out.f64(done.cpu_seconds);
  out.u64(done.losses.size());
  out.raw(done.losses.data(), done.losses.size() * sizeof(double));
  const auto state = network.training_state();
  out.u64(state.size());
  for (const auto& piece : state) {
    out.u64(piece.count);
    out.raw(piece.values, piece.count * sizeof(float));
  }
  out.write(path_);
}

Done SavedRun::read(Network& network) const {
  if (!std::filesystem::exists(path_)) return {};
  const auto another = [&](const std::string& what) { refuse("cannot go on with " + path_ + ": " + what + "; run without --resume to begin again"); };
  try {
    Sealed in(path_, magic, "saved run");
    if (in.u64() != name_.seed) another("it has another seed");
    if (in.text() != name_.budget) another("it has another budget");
    if (in.text() != name_.frozen) another("it was made by another harness or engine");
    if (in.text() != name_.manifest) another("it was trained on another data set");
    if (in.text() != name_.binary) another("it was made by another experiment, or another build of it");
    Done done;
    done.wall_seconds = in.f64();
    done.cpu_seconds = in.f64();
    const uint64_t steps = in.u64();
    if (steps > in.left() / sizeof(double)) throw Broken("it ends early");
    done.losses.resize(steps);
    if (steps) std::memcpy(done.losses.data(), in.raw(steps * sizeof(double)), steps * sizeof(double));
    const auto state = network.training_state();
    if (in.u64() != state.size()) throw Broken("it holds another number of tensors");
    for (const auto& piece : state) {
      if (in.u64() != piece.count) throw Broken("it holds a tensor of another size");
      std::memcpy(piece.values, in.raw(piece.count * sizeof(float)), piece.count * sizeof(float));
    }
    in.require_end("tensor");
    network.go_on_after(long(steps));
    return done;
  } catch (const Broken& broken) {
    another(broken.what());
  }
  return {};
}

void SavedRun::after_step(const Done& done, Network& network) {
  if (!told_to_stop && now() - written_ < every_) return;
  write(done, network);
  written_ = now();
  if (!told_to_stop) return;
  std::signal(SIGTERM, SIG_DFL);
  std::raise(SIGTERM);
}

void SavedRun::remove() const {
  remove_if_there(path_);
  remove_if_there(path_ + ".partial");  // of a process killed while it wrote
}

std::string own_binary_sha256() {
  try {
    const MappedFile self("/proc/self/exe");
    return sha256_hex(self.bytes(), self.size());
  } catch (const std::runtime_error& error) {
    refuse(std::string("--resume must know which program runs: ") + error.what());
  }
}

}  // namespace swarm
