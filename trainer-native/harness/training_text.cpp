#include "harness/training_text.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "engine/core/philox.h"
#include "harness/failure.h"

namespace swarm {

std::vector<uint32_t> shuffled(uint32_t count, uint64_t seed, uint64_t epoch) {
  constexpr uint64_t stream = uint64_t{1} << 63;  // far from the streams that initialise parameters
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t left = count; left > 1; --left) {  // Fisher-Yates
    const uint32_t draw = uint32_t(uint64_t{philox(seed, stream + epoch, left)[0]} * left >> 32);
    std::swap(order[left - 1], order[draw]);
  }
  return order;
}

TrainingText::TrainingText(const std::vector<TokenFile>& files, int T, uint64_t seed)
    : documents_(documents_of(files)), seed_(seed), T_(T), row_(size_t(T) + 1),
      packing_(T + 1, [this](Document& document) { return next(document); }) {
  if (documents_.size() >= UINT32_MAX) throw Failure(Exit::data, "more than 2^32 documents; prepare a smaller data set");
  order_ = shuffled(uint32_t(documents_.size()), seed_, epoch_);
}

bool TrainingText::next(Document& document) {
  if (at_ == order_.size()) {
    order_ = shuffled(uint32_t(documents_.size()), seed_, ++epoch_);
    at_ = 0;
  }
  document = documents_[order_[at_++]];
  return true;
}

void TrainingText::fill(int rows, uint16_t* tokens, uint16_t* targets) {
  for (int r = 0; r < rows; ++r) {
    packing_.row(row_.data());  // never runs out: the documents start over
    std::memcpy(tokens + size_t(r) * T_, row_.data(), T_ * sizeof(uint16_t));
    std::memcpy(targets + size_t(r) * T_, row_.data() + 1, T_ * sizeof(uint16_t));
  }
}

}  // namespace swarm
