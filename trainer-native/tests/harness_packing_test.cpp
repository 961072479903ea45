// Packing token by token against a list worked out by hand, its refill rule, and the training order.
#include <algorithm>
#include <numeric>
#include <set>

#include "check.h"
#include "data_folder.h"
#include "harness/packing.h"
#include "harness/training_text.h"

using namespace swarm;

namespace {

// Documents of the given lengths; token t of document d is 100*d + t, so that every token says where it came from.
struct Source {
  std::vector<std::vector<uint16_t>> texts;
  size_t handed_out = 0;
  explicit Source(const std::vector<int>& lengths) {
    for (size_t d = 0; d < lengths.size(); ++d) {
      texts.emplace_back(lengths[d]);
      std::iota(texts[d].begin(), texts[d].end(), uint16_t(100 * d));
    }
  }
  Packing::Next next() {
    return [this](Document& document) {
      if (handed_out == texts.size()) return false;
      document = {texts[handed_out].data(), uint32_t(texts[handed_out].size())};
      ++handed_out;
      return true;
    };
  }
};

std::string text_of(const std::vector<uint16_t>& row) {
  std::string out;
  for (uint16_t token : row) out += std::to_string(token) + " ";
  return out;
}

}  // namespace

TEST("packing: a fixed list of documents, token by token") {
  // Lengths by document: 0:4 1:9 2:3 3:6 4:3 5:12 6:2. A row holds 8 tokens.
  Source source({4, 9, 3, 6, 3, 12, 2});
  Packing packing(8, source.next());
  std::vector<uint16_t> row(8);
  // Largest that fits in 8 is document 3 (6), then 6 (2) fits the rest exactly.
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(text_of(row), "300 301 302 303 304 305 600 601 ");
  // Largest is 0 (4); then 2 (3), the first of the two threes; one place is left: nothing fits, the shortest (4) is cropped.
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(text_of(row), "0 1 2 3 200 201 202 400 ");
  // Nothing fits in 8: the shorter of 1 (9) and 5 (12) is cropped; the rest of a cropped document is gone.
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(text_of(row), "100 101 102 103 104 105 106 107 ");
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(text_of(row), "500 501 502 503 504 505 506 507 ");
  CHECK(!packing.row(row.data()));
}

TEST("packing: of equal lengths the first to arrive goes first, also after removals") {
  Source source({5, 3, 5, 3, 5, 3});
  Packing packing(8, source.next());
  std::vector<uint16_t> row(8);
  for (const char* expected : {"0 1 2 3 4 100 101 102 ", "200 201 202 203 204 300 301 302 ", "400 401 402 403 404 500 501 502 "}) {
    CHECK(packing.row(row.data()));
    CHECK_EQUAL(text_of(row), expected);
  }
}

TEST("packing: of equally short documents that do not fit the first is cropped") {
  Source source({10, 9, 9});
  Packing packing(8, source.next());
  std::vector<uint16_t> row(8);
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(row[0], 100);
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(row[0], 200);
}

TEST("packing: a row that cannot be filled is not handed out") {
  Source source({5, 2});
  Packing packing(8, source.next());
  std::vector<uint16_t> row(8);
  CHECK(!packing.row(row.data()));
}

TEST("packing: at least 1000 documents wait before each placement, refilled by 128") {
  Source source(std::vector<int>(3000, 4));
  Packing packing(4, source.next());
  std::vector<uint16_t> row(4);
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(source.handed_out, size_t(1024));
  for (int i = 1; i < 25; ++i) CHECK(packing.row(row.data()));
  CHECK_EQUAL(source.handed_out, size_t(1024));  // 24 taken, 1000 wait: the 25th needs no refill
  CHECK(packing.row(row.data()));
  CHECK_EQUAL(source.handed_out, size_t(1152));  // 999 waited
}

TEST("training text: the order is a permutation, its own for each seed and epoch, the same for the same seed") {
  const std::vector<uint32_t> order = shuffled(1000, 7, 0);
  CHECK_EQUAL(std::set<uint32_t>(order.begin(), order.end()).size(), size_t(1000));
  CHECK(*std::max_element(order.begin(), order.end()) == 999);
  CHECK(order == shuffled(1000, 7, 0));
  CHECK(order != shuffled(1000, 8, 0));
  CHECK(order != shuffled(1000, 7, 1));
  CHECK(!std::is_sorted(order.begin(), order.end()));
  CHECK_EQUAL(shuffled(1, 7, 0).size(), size_t(1));
}

TEST("training text: targets are the next tokens, rows start with BOS, text starts over when it ends") {
  check::DataFolder folder(check::DataFolder::sentences(40, 1), check::DataFolder::sentences(3, 2));
  const DataSet data(folder.path);
  const std::vector<TokenFile> files = data.open_training();
  TrainingText text(files, 16, 3);
  std::vector<uint16_t> tokens(16 * 1500), targets(tokens.size());
  text.fill(1500, tokens.data(), targets.data());  // far more than the 40 documents hold
  for (size_t r = 0; r < 1500; ++r) {
    CHECK_EQUAL(tokens[r * 16], check::DataFolder::bos);
    for (size_t t = 0; t + 1 < 16; ++t) CHECK_EQUAL(targets[r * 16 + t], tokens[r * 16 + t + 1]);
  }
  TrainingText other(files, 16, 4);
  std::vector<uint16_t> differently(tokens.size());
  other.fill(1500, differently.data(), targets.data());
  CHECK(tokens != differently);
}
