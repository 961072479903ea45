// A small data set in a folder of its own, in the format of `swarm prepare`, gone when the object is.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "check.h"
#include "harness/sha256.h"

namespace check {

inline std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}
inline void write_all(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "swarm-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  std::string path;
};

using Documents = std::vector<std::vector<uint16_t>>;

class DataFolder : public Folder {
 public:
  static constexpr uint32_t vocab = 64, bos = 60;

  // Every document is given without its BOS.
  DataFolder(const Documents& train, const Documents& validation) {
    write_tokens("train-000.bin", train);
    write_tokens("val.bin", validation);
    std::vector<uint16_t> lengths(vocab, 1);
    for (uint32_t v = bos; v < vocab; ++v) lengths[v] = 0;
    write_items("token_bytes.bin", "SWRMLEN1", lengths, 0);
    write_manifest();
  }

  // Text that can be learned: each token follows from the last, with some surprises.
  static Documents sentences(int count, uint32_t salt) {
    Documents out;
    uint32_t state = salt * 2654435761u + 1;
    const auto draw = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
    for (int d = 0; d < count; ++d) {
      std::vector<uint16_t> document(20 + draw() % 150);
      uint32_t token = draw() % bos;
      for (uint16_t& t : document) t = uint16_t(token = draw() % 5 == 0 ? draw() % bos : (token * 7 + 3) % bos);
      out.push_back(document);
    }
    return out;
  }

  void write_items(const std::string& name, const char* magic, const std::vector<uint16_t>& items, uint64_t docs) {
    std::string bytes(64, '\0');
    const auto put = [&](size_t at, uint64_t value, int n) { for (int i = 0; i < n; ++i) bytes[at + i] = char(value >> (8 * i)); };
    bytes.replace(0, 8, magic);
    put(8, 1, 4);
    put(12, vocab, 4);
    put(16, items.size(), 8);
    put(24, docs, 8);
    put(32, bos, 4);
    for (uint16_t item : items) bytes += {char(item & 255), char(item >> 8)};
    write_all(path + "/" + name, bytes);
  }
  void write_tokens(const std::string& name, const Documents& documents) {
    std::vector<uint16_t> items;
    for (const auto& document : documents) {
      items.push_back(bos);
      items.insert(items.end(), document.begin(), document.end());
    }
    write_items(name, "SWRMTOK1", items, documents.size());
  }
  // Names every .bin of the folder with its sha256 as it is now.
  void write_manifest() {
    std::string files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string name = entry.path().filename().string(), bytes = read_all(entry.path().string());
      if (entry.path().extension() != ".bin") continue;
      files += (files.empty() ? "" : ",") + ("\"" + name + "\":{\"sha256\":\"" + swarm::sha256_hex(bytes.data(), bytes.size()) +
               "\",\"bytes\":" + std::to_string(bytes.size()) + "}");
    }
    write_all(path + "/manifest.json", "{\"version\":1,\"files\":{" + files + "}}\n");
  }
};

// The expression must throw swarm::Failure with this exit code and these words.
#define CHECK_FAILS(expression, exit_code, words)                                                            \
  do {                                                                                                       \
    std::string said_ = "(nothing)";                                                                         \
    swarm::Exit code_ = swarm::Exit::done;                                                                   \
    try { (void)(expression); } catch (const swarm::Failure& e_) { said_ = e_.what(); code_ = e_.code; }     \
    if (code_ != (exit_code) || said_.find(words) == std::string::npos)                                      \
      check::fail(__FILE__, __LINE__, #expression " failed with exit " + std::to_string(int(code_)) + " \"" + said_ + \
                                      "\", expected \"" + std::string(words) + "\"");                        \
  } while (0)

}  // namespace check
