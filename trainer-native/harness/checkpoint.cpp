#include "harness/checkpoint.h"

#include <cstring>

#include "harness/failure.h"
#include "harness/file.h"
#include "harness/sha256.h"

// Layout, little endian: magic[8] · u32 version · u32 partial · u64 seed, steps, tokens · text frozen, manifest, budget ·
// u64 graph bytes, graph · u32 tensors, each: text name, u32 rows, u32 cols, f32 values[rows*cols] · sha256[32] of all before.
// A text is u32 length and its bytes.
namespace swarm {
namespace {

constexpr char magic[9] = "SWRMCKP1";
constexpr uint32_t format_version = 1;

class Writer {
 public:
  void raw(const void* data, size_t bytes) {
    const uint8_t* p = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), p, p + bytes);
  }
  void u32(uint32_t value) { raw(&value, 4); }
  void u64(uint64_t value) { raw(&value, 8); }
  void text(const std::string& value) {
    u32(uint32_t(value.size()));
    raw(value.data(), value.size());
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

class Reader {
 public:
  Reader(const uint8_t* bytes, size_t count) : at_(bytes), left_(count) {}
  const uint8_t* raw(size_t bytes) {
    if (bytes > left_) throw Failure(Exit::checkpoint, "the checkpoint ends early");
    const uint8_t* out = at_;
    at_ += bytes;
    left_ -= bytes;
    return out;
  }
  uint32_t u32() { uint32_t value; std::memcpy(&value, raw(4), 4); return value; }
  uint64_t u64() { uint64_t value; std::memcpy(&value, raw(8), 8); return value; }
  std::string text() {
    const uint32_t length = u32();
    return std::string(reinterpret_cast<const char*>(raw(length)), length);
  }
  size_t left() const { return left_; }

 private:
  const uint8_t* at_;
  size_t left_;
};

}  // namespace

std::string write_checkpoint(const std::string& path, const CheckpointHeader& header, const Network& network) {
  Writer out;
  out.raw(magic, 8);
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
  Sha256 content;
  content.add(out.bytes().data(), out.bytes().size());
  const auto digest = content.digest();
  out.raw(digest.data(), digest.size());
  write_whole_file(path, out.bytes().data(), out.bytes().size());
  return sha256_hex(out.bytes().data(), out.bytes().size());
}

Checkpoint read_checkpoint(const std::string& path) {
  const auto map = [&]() -> MappedFile {
    try {
      return MappedFile(path);
    } catch (const std::runtime_error& error) {
      throw Failure(Exit::checkpoint, error.what());
    }
  };
  const MappedFile file = map();
  if (file.size() < 8 + 32 || std::memcmp(file.bytes(), magic, 8) != 0) throw Failure(Exit::checkpoint, path + " is not a checkpoint");
  const size_t content = file.size() - 32;
  Sha256 hash;
  hash.add(file.bytes(), content);
  const auto digest = hash.digest();
  if (std::memcmp(digest.data(), file.bytes() + content, 32) != 0)
    throw Failure(Exit::checkpoint, "the checkpoint is damaged: its content does not have the sha256 at its end; train it again");

  Checkpoint out;
  out.sha256 = sha256_hex(file.bytes(), file.size());
  Reader in(file.bytes() + 8, content - 8);
  const uint32_t version = in.u32();
  if (version != format_version)
    throw Failure(Exit::checkpoint, "checkpoint version " + std::to_string(version) + ", this judge reads " + std::to_string(format_version));
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
    const size_t count = size_t(tensor.rows) * tensor.cols;  // at most 2^64 bytes: checked against what is left below
    if (count > in.left() / sizeof(float)) throw Failure(Exit::checkpoint, "the checkpoint ends early");
    tensor.values.resize(count);
    if (count) std::memcpy(tensor.values.data(), in.raw(count * sizeof(float)), count * sizeof(float));
    out.tensors.push_back(std::move(tensor));
  }
  if (in.left() != 0) throw Failure(Exit::checkpoint, "something follows the last tensor of the checkpoint");
  return out;
}

}  // namespace swarm
