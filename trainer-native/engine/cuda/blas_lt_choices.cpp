// One choice a line: machine, tab, shape, tab, the algorithm's 64 bytes in hexadecimal.
#include "engine/cuda/blas_lt_choices.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

namespace swarm::cuda {
namespace {

const char* const head = "swarm cuBLASLt choices 1";

std::string hexadecimal(const lt::Algorithm& algorithm) {
  std::string text;
  for (uint64_t word : algorithm.data) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(word));
    text += digits;
  }
  return text;
}

bool parse(const std::string& text, lt::Algorithm& algorithm) {
  constexpr size_t digits = 16;
  if (text.size() != digits * 8 || text.find_first_not_of("0123456789abcdef") != std::string::npos) return false;
  for (size_t i = 0; i < 8; i++) algorithm.data[i] = std::stoull(text.substr(i * digits, digits), nullptr, 16);
  return true;
}

std::string one_word(std::string text) {  // of a line: no tabs, no ends
  for (char& c : text)
    if (c == '\t' || c == '\n' || c == '\r') c = ' ';
  return text;
}

}  // namespace

LtChoices::LtChoices(std::string file, std::string machine) : file_(std::move(file)), machine_(one_word(std::move(machine))) {
  std::ifstream in(file_);
  std::string line;
  if (!std::getline(in, line)) return;
  if (line != head) {
    dropped_ = 1;
    return;
  }
  while (std::getline(in, line)) {
    const size_t cut = line.rfind('\t');
    lt::Algorithm algorithm;
    if (cut != std::string::npos && line.find('\t') < cut && parse(line.substr(cut + 1), algorithm)) pinned_[line.substr(0, cut)] = algorithm;
    else dropped_++;
  }
}

const lt::Algorithm* LtChoices::find(const std::string& shape) const {
  const auto found = pinned_.find(machine_ + "\t" + shape);
  return found == pinned_.end() ? nullptr : &found->second;
}

void LtChoices::pin(const std::string& shape, const lt::Algorithm& algorithm) {
  pinned_[machine_ + "\t" + shape] = algorithm;
  write();
}

void LtChoices::write() {
  const std::string making = file_ + "." + std::to_string(getpid());
  {
    std::ofstream out(making);
    out << head << "\n";
    for (const auto& [key, algorithm] : pinned_) out << key << "\t" << hexadecimal(algorithm) << "\n";
    out.flush();
    trouble_ = out ? "" : making + " cannot be written";
  }
  if (trouble_.empty() && std::rename(making.c_str(), file_.c_str()) != 0) trouble_ = file_ + " cannot be replaced: " + std::strerror(errno);
  if (!trouble_.empty()) std::remove(making.c_str());
}

}  // namespace swarm::cuda
