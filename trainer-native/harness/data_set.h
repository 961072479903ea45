// A data set as `swarm prepare` writes it: manifest.json and binary files of a 64-byte header and u16 items (docs/decisions/0002).
// Every file that is opened is checked against the manifest's sha256 first: a run never starts on text it cannot name.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/file.h"

namespace swarm {

// The document starts with BOS; tokens live as long as the data set's file.
struct Document {
  const uint16_t* tokens;
  uint32_t count;
};

struct TokenFile {
  MappedFile file;
  const uint16_t* items;  // [count] token ids, or raw bytes per token
  uint64_t count;
  uint64_t docs;
  uint32_t vocab;
  uint32_t bos;
};

class DataSet {
 public:
  explicit DataSet(const std::string& folder);  // reads the manifest; throws Failure(Exit::data) here and below

  const std::string& manifest() const { return manifest_; }  // sha256 of manifest.json
  std::vector<TokenFile> open_training() const;              // all train-NNN.bin of the manifest, in order
  TokenFile open_held_out(const std::string& split) const;   // "val" or "hidden"; a data set may have no hidden text
  TokenFile open_token_bytes() const;                        // one item per token id: its raw bytes, 0 for specials

 private:
  TokenFile open_file(const std::string& name, const char* magic) const;
  [[noreturn]] void damaged(const std::string& name, const std::string& what) const;

  std::string folder_;
  std::string manifest_;
  std::map<std::string, std::string> sha256_;  // by file name
};

// Splits token files at their BOS tokens and checks them on the way: every id below vocab, BOS first, as many documents as promised.
std::vector<Document> documents_of(const std::vector<TokenFile>& files);
std::vector<Document> documents_of(const TokenFile& file);

}  // namespace swarm
