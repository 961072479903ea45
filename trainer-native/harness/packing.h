// Rows for training and evaluation: BOS-aligned best-fit packing, as in karpathy/autoresearch prepare.py.
// A row holds T+1 tokens. Into it goes the largest waiting document that still fits (the first of equals); when none fits, the shortest
// (the first of equals) is cropped to fill the row and its rest is dropped. No padding, no mask between documents.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "harness/data_set.h"

namespace swarm {

class Packing {
 public:
  // `next` hands out the following document, or false when there is none left.
  using Next = std::function<bool(Document&)>;
  Packing(int row_tokens, Next next) : row_tokens_(row_tokens), next_(std::move(next)) {}

  // Fills row[row_tokens]; false when the documents ran out before it was full.
  bool row(uint16_t* row);

 private:
  static constexpr size_t least_waiting = 1000;  // refilled before each placement until this many wait
  static constexpr size_t refill = 128;          // documents, as the reference's batches
  int row_tokens_;
  Next next_;
  std::vector<Document> waiting_;  // in order of arrival, which decides between equals
};

}  // namespace swarm
