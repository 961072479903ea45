#include "harness/json.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace swarm {
namespace {

std::string quoted(const std::string& value) {
  std::string out = "\"";
  for (unsigned char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += char(c);
    } else if (c < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += char(c);
    }
  }
  return out + "\"";
}

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  JsonValue document() {
    JsonValue value = parse(0);
    space();
    if (at_ != text_.size()) fail("something follows the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument("not JSON at byte " + std::to_string(at_) + ": " + what);
  }
  void space() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_])) ++at_;
  }
  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "'");
  }
  bool word(const char* name) {
    const size_t length = std::strlen(name);
    if (text_.compare(at_, length, name) != 0) return false;
    at_ += length;
    return true;
  }

  JsonValue parse(int depth) {
    if (depth > 32) fail("nested too deep");
    space();
    if (at_ >= text_.size()) fail("it ends early");
    JsonValue out;
    if (text_[at_] == '{') {
      ++at_;
      out.kind = JsonValue::object;
      if (take('}')) return out;
      do {
        space();
        const std::string name = string();
        expect(':');
        if (!out.members.emplace(name, parse(depth + 1)).second) fail("key '" + name + "' twice");
      } while (take(','));
      expect('}');
    } else if (text_[at_] == '[') {
      ++at_;
      out.kind = JsonValue::array;
      if (take(']')) return out;
      do out.items.push_back(parse(depth + 1));
      while (take(','));
      expect(']');
    } else if (text_[at_] == '"') {
      out.kind = JsonValue::text;
      out.string = string();
    } else if (word("true") || word("false")) {
      out.kind = JsonValue::boolean;
      out.truth = text_[at_ - 2] == 'u';
    } else if (!word("null")) {
      out.kind = JsonValue::number;
      const size_t end = text_.find_first_not_of("+-.0123456789eE", at_);
      const std::string digits = text_.substr(at_, end == std::string::npos ? end : end - at_);
      char* stop = nullptr;
      out.value = std::strtod(digits.c_str(), &stop);
      if (digits.empty() || *stop != 0) fail("neither a value nor a number");
      at_ += digits.size();
    }
    return out;
  }

  std::string string() {
    if (at_ >= text_.size() || text_[at_] != '"') fail("expected a string");
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') {
        out += text_[at_];
        continue;
      }
      if (++at_ >= text_.size()) break;
      static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
      if (text_[at_] == 'u') {
        // Only file names and hashes are compared, all of them ASCII: other code points become '?'.
        const long code = std::strtol(text_.substr(at_ + 1, 4).c_str(), nullptr, 16);
        out += code > 0 && code < 128 ? char(code) : '?';
        at_ += 4;
      } else if (const char* found = std::strchr(from, text_[at_])) {
        out += to[found - from];
      } else {
        fail("unknown escape");
      }
    }
    if (at_ >= text_.size()) fail("a string does not end");
    ++at_;
    return out;
  }

  const std::string& text_;
  size_t at_ = 0;
};

}  // namespace

std::string json_number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[40];
  for (int digits = 6; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::strtod(text, nullptr) == value) break;
  }
  return text;
}

void JsonObject::key(const char* name) {
  if (!body_.empty()) body_ += ",";
  body_ += quoted(name) + ":";
}
JsonObject& JsonObject::text(const char* name, const std::string& value) { return raw(name, quoted(value)); }
JsonObject& JsonObject::number(const char* name, double value) { return raw(name, json_number(value)); }
JsonObject& JsonObject::integer(const char* name, uint64_t value) { return raw(name, std::to_string(value)); }
JsonObject& JsonObject::boolean(const char* name, bool value) { return raw(name, value ? "true" : "false"); }
JsonObject& JsonObject::texts(const char* key, const std::vector<std::string>& values) {
  std::string list;
  for (const std::string& value : values) {
    const std::string one = JsonObject().text("", value).line();  // {"":…}
    list += (list.empty() ? "" : ",") + one.substr(4, one.size() - 5);
  }
  return raw(key, "[" + list + "]");
}

JsonObject& JsonObject::raw(const char* name, const std::string& json) {
  key(name);
  body_ += json;
  return *this;
}

const JsonValue* JsonValue::member(const std::string& name) const {
  const auto found = members.find(name);
  return found == members.end() ? nullptr : &found->second;
}

JsonValue parse_json(const std::string& text) { return Parser(text).document(); }

}  // namespace swarm
