#include "harness/sealed.h"

#include <cstring>

#include "harness/sha256.h"

namespace swarm {
namespace {

MappedFile map(const std::string& path) {
  try {
    return MappedFile(path);
  } catch (const std::runtime_error& error) {
    throw Broken(error.what());
  }
}

}  // namespace

void Sealing::raw(const void* data, size_t bytes) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), p, p + bytes);
}

void Sealing::text(const std::string& value) {
  u32(uint32_t(value.size()));
  raw(value.data(), value.size());
}

const std::vector<uint8_t>& Sealing::write(const std::string& path) {
  Sha256 content;
  content.add(bytes_.data(), bytes_.size());
  const auto digest = content.digest();
  raw(digest.data(), digest.size());
  write_whole_file(path, bytes_.data(), bytes_.size());
  return bytes_;
}

Sealed::Sealed(const std::string& path, const char* magic, const std::string& what) : file_(map(path)), what_(what) {
  if (file_.size() < 8 + 32 || std::memcmp(file_.bytes(), magic, 8) != 0) throw Broken(path + " is not a " + what);
  const size_t content = file_.size() - 32;
  Sha256 hash;
  hash.add(file_.bytes(), content);
  const auto digest = hash.digest();
  if (std::memcmp(digest.data(), file_.bytes() + content, 32) != 0)
    throw Broken("the " + what + " is damaged: its content does not have the sha256 at its end");
  at_ = file_.bytes() + 8;
  left_ = content - 8;
}

const uint8_t* Sealed::raw(size_t bytes) {
  if (bytes > left_) throw Broken("the " + what_ + " ends early");
  const uint8_t* out = at_;
  at_ += bytes;
  left_ -= bytes;
  return out;
}

uint32_t Sealed::u32() { uint32_t value; std::memcpy(&value, raw(4), 4); return value; }
uint64_t Sealed::u64() { uint64_t value; std::memcpy(&value, raw(8), 8); return value; }
double Sealed::f64() { double value; std::memcpy(&value, raw(8), 8); return value; }

std::string Sealed::text() {
  const uint32_t length = u32();
  return std::string(reinterpret_cast<const char*>(raw(length)), length);
}

void Sealed::require_end(const char* last) const {
  if (left_ != 0) throw Broken("something follows the last " + std::string(last) + " of the " + what_);
}

std::string Sealed::sha256() const { return sha256_hex(file_.bytes(), file_.size()); }

}  // namespace swarm
