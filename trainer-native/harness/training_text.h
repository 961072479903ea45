// The stream of training rows: documents in an order drawn from the seed, a fresh order each time through, packed into rows of T+1.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/data_set.h"
#include "harness/packing.h"

namespace swarm {

// The numbers 0..count-1 in an order that depends on (seed, epoch) alone.
std::vector<uint32_t> shuffled(uint32_t count, uint64_t seed, uint64_t epoch);

class TrainingText {
 public:
  TrainingText(const std::vector<TokenFile>& files, int T, uint64_t seed);
  // tokens, targets: [rows, T]; targets are the tokens one to the right.
  void fill(int rows, uint16_t* tokens, uint16_t* targets);

 private:
  bool next(Document& document);
  std::vector<Document> documents_;
  std::vector<uint32_t> order_;
  size_t at_ = 0;
  uint64_t seed_, epoch_ = 0;
  int T_;
  std::vector<uint16_t> row_;  // [T+1]
  Packing packing_;
};

}  // namespace swarm
