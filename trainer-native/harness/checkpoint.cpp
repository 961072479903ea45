#include "harness/checkpoint.h"

#include <cstring>

#include "harness/failure.h"
#include "harness/sealed.h"
#include "harness/sha256.h"

// Layout, little endian: magic[8] · u32 version · u32 partial · u64 seed, steps, tokens · text frozen, manifest, budget ·
// u64 graph bytes, graph · u32 tensors, each: text name, u32 rows, u32 cols, f32 values[rows*cols] ·
// u32 tokens of the witness, u16 each, text its logits' sha256 · sha256[32] of all before.
namespace swarm {
namespace {

constexpr char magic[9] = "SWRMCKP1";
constexpr uint32_t format_version = 2;

Checkpoint read(Sealed& in) {
  Checkpoint out;
  out.sha256 = in.sha256();
  const uint32_t version = in.u32();
  if (version != format_version)
    throw Broken("checkpoint version " + std::to_string(version) + ", this judge reads " + std::to_string(format_version));
  out.header.partial = in.u32() != 0;
  out.header.seed = in.u64();
  out.header.steps = in.u64();
  out.header.tokens = in.u64();
  out.header.frozen = in.text();
  out.header.manifest = in.text();
  out.header.budget = in.text();
  const uint64_t graph_bytes = in.u64();
  const uint8_t* graph = in.raw(graph_bytes);
  out.graph.assign(graph, graph + graph_bytes);
  const uint32_t tensors = in.u32();
  for (uint32_t i = 0; i < tensors; ++i) {
    CheckpointTensor tensor;
    tensor.name = in.text();
    tensor.rows = in.u32();
    tensor.cols = in.u32();
    const size_t count = size_t(tensor.rows) * tensor.cols;  // at most 2^64: checked against what is left below
    if (count > in.left() / sizeof(float)) throw Broken("the checkpoint ends early");
    tensor.values.resize(count);
    if (count) std::memcpy(tensor.values.data(), in.raw(count * sizeof(float)), count * sizeof(float));
    out.tensors.push_back(std::move(tensor));
  }
  const uint32_t seen = in.u32();
  if (seen > in.left() / sizeof(uint16_t)) throw Broken("the checkpoint ends early");
  out.witness.tokens.resize(seen);
  if (seen) std::memcpy(out.witness.tokens.data(), in.raw(seen * sizeof(uint16_t)), seen * sizeof(uint16_t));
  out.witness.logits_sha256 = in.text();
  in.require_end("witness");
  return out;
}

}  // namespace

std::string write_checkpoint(const std::string& path, const CheckpointHeader& header, const Network& network, const Witness& witness) {
  Sealing out(magic);
  out.u32(format_version);
  out.u32(header.partial ? 1 : 0);
  out.u64(header.seed);
  out.u64(header.steps);
  out.u64(header.tokens);
  out.text(header.frozen);
  out.text(header.manifest);
  out.text(header.budget);
  const std::vector<uint8_t> graph = serialize(network.graph());
  out.u64(graph.size());
  out.raw(graph.data(), graph.size());
  out.u32(uint32_t(network.parameters().size()));
  for (const Parameter& parameter : network.parameters()) {
    out.text(parameter.name);
    out.u32(uint32_t(parameter.rows));
    out.u32(uint32_t(parameter.cols));
    out.raw(parameter.values, sizeof(float) * size_t(parameter.rows) * size_t(parameter.cols));
  }
  out.u32(uint32_t(witness.tokens.size()));
  out.raw(witness.tokens.data(), witness.tokens.size() * sizeof(uint16_t));
  out.text(witness.logits_sha256);
  const std::vector<uint8_t>& bytes = out.write(path);
  return sha256_hex(bytes.data(), bytes.size());
}

Checkpoint read_checkpoint(const std::string& path) {
  try {
    Sealed in(path, magic, "checkpoint");
    return read(in);
  } catch (const Broken& broken) {
    throw Failure(Exit::checkpoint, std::string(broken.what()) + "; train it again");
  }
}

}  // namespace swarm
