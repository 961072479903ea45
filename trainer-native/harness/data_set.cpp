#include "harness/data_set.h"

#include <cstring>
#include <stdexcept>

#include "harness/failure.h"
#include "harness/json.h"
#include "harness/sha256.h"

namespace swarm {
namespace {

constexpr size_t header_bytes = 64;
constexpr uint32_t format_version = 1;

uint64_t little_endian(const uint8_t* p, int bytes) {
  uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) value = value << 8 | p[i];
  return value;
}

const char* const again = "; run `swarm prepare --force`";

}  // namespace

DataSet::DataSet(const std::string& folder) : folder_(folder) {
  std::string text;
  try {
    const MappedFile file(folder + "/manifest.json");
    text.assign(reinterpret_cast<const char*>(file.bytes()), file.size());
  } catch (const std::runtime_error& error) {
    throw Failure(Exit::data, "no data set in " + folder + " (" + error.what() + "); make one with `swarm prepare`");
  }
  manifest_ = sha256_hex(text.data(), text.size());
  JsonValue manifest;
  try {
    manifest = parse_json(text);
  } catch (const std::invalid_argument& error) {
    damaged("manifest.json", error.what());
  }
  const JsonValue* files = manifest.member("files");
  if (!files || files->kind != JsonValue::object) damaged("manifest.json", "it lists no files");
  for (const auto& [name, entry] : files->members) {
    const JsonValue* hash = entry.member("sha256");
    if (!hash || hash->string.size() != 64) damaged("manifest.json", "no sha256 for " + name);
    sha256_[name] = hash->string;
  }
}

void DataSet::damaged(const std::string& name, const std::string& what) const {
  throw Failure(Exit::data, folder_ + "/" + name + " is damaged: " + what + again);
}

TokenFile DataSet::open_file(const std::string& name, const char* magic) const {
  const auto expected = sha256_.find(name);
  if (expected == sha256_.end()) damaged("manifest.json", "it does not name " + name);
  try {
    TokenFile out{MappedFile(folder_ + "/" + name), nullptr, 0, 0, 0, 0};
    const uint8_t* header = out.file.bytes();
    const size_t size = out.file.size();
    if (size < header_bytes) damaged(name, "it has " + std::to_string(size) + " bytes, less than a header: half-written");
    if (std::memcmp(header, magic, 8) != 0) damaged(name, "it does not start with " + std::string(magic) + ": another kind of file");
    if (little_endian(header + 8, 4) != format_version)
      damaged(name, "format version " + std::to_string(little_endian(header + 8, 4)) + ", this trainer reads " + std::to_string(format_version));
    out.vocab = uint32_t(little_endian(header + 12, 4));
    out.count = little_endian(header + 16, 8);
    out.docs = little_endian(header + 24, 8);
    out.bos = uint32_t(little_endian(header + 32, 4));
    const size_t payload = size - header_bytes;
    if (payload % 2 != 0 || payload / 2 != out.count)
      damaged(name, "the header promises " + std::to_string(out.count) + " items, " + std::to_string(payload) + " bytes follow: half-written");
    if (out.vocab < 5 || out.vocab > 65536 || out.bos >= out.vocab) damaged(name, "impossible vocabulary in its header");
    out.items = reinterpret_cast<const uint16_t*>(header + header_bytes);  // little endian, as every machine we build on
    if (sha256_hex(header, size) != expected->second) damaged(name, "its sha256 is not the manifest's: changed after it was written");
    return out;
  } catch (const Failure&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw Failure(Exit::data, std::string(error.what()) + again);
  }
}

std::vector<TokenFile> DataSet::open_training() const {
  std::vector<TokenFile> out;
  for (const auto& [name, hash] : sha256_)  // a map: names in order
    if (name.rfind("train-", 0) == 0) out.push_back(open_file(name, "SWRMTOK1"));
  if (out.empty()) damaged("manifest.json", "it names no training file");
  for (const TokenFile& file : out)
    if (file.vocab != out[0].vocab || file.bos != out[0].bos) damaged("manifest.json", "training files of different vocabularies");
  return out;
}

TokenFile DataSet::open_held_out(const std::string& split) const {
  const std::string name = split + ".bin";
  if (split == "hidden" && !sha256_.count(name))
    throw Failure(Exit::data, folder_ + " has no second held-out text (" + name + "); prepare the data set again with a swarm that makes one");
  return open_file(name, "SWRMTOK1");
}

TokenFile DataSet::open_token_bytes() const {
  TokenFile table = open_file("token_bytes.bin", "SWRMLEN1");
  if (table.count != table.vocab) damaged("token_bytes.bin", "it does not hold one length per token");
  return table;
}

std::vector<Document> documents_of(const std::vector<TokenFile>& files) {
  std::vector<Document> out;
  for (const TokenFile& file : files) {
    const std::vector<Document> part = documents_of(file);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

std::vector<Document> documents_of(const TokenFile& file) {
  std::vector<Document> out;
  const auto foreign = [](const std::string& what) { throw Failure(Exit::data, "a token file is damaged: " + what + again); };
  if (file.count == 0 || file.items[0] != file.bos) foreign("it does not start with a document");
  out.reserve(file.docs);
  for (uint64_t i = 0; i < file.count; ++i) {
    if (file.items[i] >= file.vocab) foreign("token " + std::to_string(file.items[i]) + " in a vocabulary of " + std::to_string(file.vocab));
    if (file.items[i] == file.bos) out.push_back({file.items + i, 0});
    out.back().count++;
  }
  if (out.size() != file.docs) foreign("it holds " + std::to_string(out.size()) + " documents, its header promises " + std::to_string(file.docs));
  return out;
}

}  // namespace swarm
