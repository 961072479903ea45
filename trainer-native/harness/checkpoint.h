// checkpoint.bin: the network's graph and weights, and where they came from. Nothing in it depends on the machine, the instruction
// set, the number of workers or the time, so the same diff, seed and deterministic budget give the same file.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/network.h"

namespace swarm {

struct CheckpointHeader {
  bool partial = false;     // stopped before its budget: never judged
  uint64_t seed = 0;
  uint64_t steps = 0;
  uint64_t tokens = 0;
  std::string frozen;       // sha256 of the frozen sources the trainer was built from
  std::string manifest;     // sha256 of the data set's manifest
  std::string budget;
};

struct CheckpointTensor {
  std::string name;
  uint32_t rows, cols;
  std::vector<float> values;
};

// Of a network with custom ops, see harness/witness.h; else empty.
struct Witness {
  std::vector<uint16_t> tokens;  // [rows, T]
  std::string logits_sha256;     // of the logits they get, as float32
};

struct Checkpoint {
  CheckpointHeader header;
  std::vector<uint8_t> graph;  // as serialize() wrote it
  std::vector<CheckpointTensor> tensors;
  Witness witness;
  std::string sha256;          // of the whole file
};

// Returns the sha256 of the file.
std::string write_checkpoint(const std::string& path, const CheckpointHeader& header, const Network& network, const Witness& witness = {});

// Throws Failure(Exit::checkpoint) unless every byte is where it should be and the sha256 at the end is that of the content.
Checkpoint read_checkpoint(const std::string& path);

}  // namespace swarm
