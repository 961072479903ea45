#include "tools/lexer.h"

#include <cctype>
#include <cstdint>
#include <cstring>

namespace swarm {
namespace {

bool digit(char c) { return std::isdigit(static_cast<unsigned char>(c)); }
bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool in_name(char c) { return starts_name(c) || digit(c); }

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629), 0 if there is none; `point` is what it spells.
size_t utf8_length(const std::string& s, size_t at, uint32_t& point) {
  const auto byte = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const unsigned first = byte(at);
  if (first < 0x80) return point = first, 1;
  const size_t length = first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (length == 0) return 0;
  point = first & (0x7fu >> length);
  for (size_t i = 1; i < length; i++) {
    if (byte(at + i) >> 6 != 2) return 0;
    point = point << 6 | (byte(at + i) & 0x3f);
  }
  const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  return point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : length;
}

// Characters that show as nothing, or turn the text around: what a reader sees would not be what is compiled.
bool misleading(uint32_t point) {
  return (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
         (point >= 0x80 && point < 0xa0);
}

// What no place in the file may hold, comments and strings included.
void require_plain_text(const std::string& s) {
  int line = 1;
  for (size_t at = 0; at < s.size();) {
    uint32_t point = 0;
    const size_t length = utf8_length(s, at, point);
    if (length == 0) throw Unreadable(line, "bytes that are not UTF-8; save the file as UTF-8");
    if (misleading(point)) throw Unreadable(line, "an invisible or direction-changing character; remove it");
    if (point < 32 && point != '\n' && point != '\t' && point != '\r') throw Unreadable(line, "a control character; remove it");
    if (point == 127) throw Unreadable(line, "a control character; remove it");
    if (point == '?' && s.compare(at, 2, "??") == 0 && at + 2 < s.size() && std::strchr("=/'()!<>-", s[at + 2]))
      throw Unreadable(line, "a trigraph; write the character it stands for");
    if (point == '\\') {  // compilers also accept blanks between the backslash and the line's end
      const size_t next = s.find_first_not_of(" \t\r\f\v", at + 1);
      if (next == std::string::npos || s[next] == '\n') throw Unreadable(line, "a line continued by a backslash; write it on one line");
    }
    if (point == '\n') line++;
    at += length;
  }
}

class Lexer {
 public:
  explicit Lexer(const std::string& source) : s_(source) {}

  std::vector<Token> all() {
    while (skip_blank()) out_.push_back(next());
    return std::move(out_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < s_.size() ? s_[at_ + ahead] : '\0'; }

  // To the next token; false at the end.
  bool skip_blank() {
    for (;;) {
      if (at_ >= s_.size()) return false;
      if (peek() == '\n') {
        line_++;
        fresh_ = true;
        at_++;
      } else if (std::isspace(static_cast<unsigned char>(peek()))) {
        at_++;
      } else if (peek() == '/' && peek(1) == '/') {
        while (at_ < s_.size() && peek() != '\n') at_++;
      } else if (peek() == '/' && peek(1) == '*') {
        const size_t end = s_.find("*/", at_ + 2);
        if (end == std::string::npos) throw Unreadable(line_, "a comment that never ends");
        for (; at_ < end + 2; at_++) line_ += s_[at_] == '\n';
      } else {
        return true;
      }
    }
  }

  Token token(Token::Kind kind, size_t begin) {
    const Token made{kind, s_.substr(begin, at_ - begin), line_at_, fresh_};
    fresh_ = false;
    return made;
  }

  Token next() {
    const size_t begin = at_;
    line_at_ = line_;
    const char c = peek();
    if (starts_name(c)) {
      while (in_name(peek())) at_++;
      const std::string name = s_.substr(begin, at_ - begin);
      const bool raw = name == "R" || name == "u8R" || name == "uR" || name == "UR" || name == "LR";
      const bool prefix = raw || name == "u8" || name == "u" || name == "U" || name == "L";
      if (raw && peek() == '"') return raw_string(), token(Token::text, begin);
      if (prefix && peek() == '"') return quoted('"'), token(Token::text, begin);
      if (prefix && peek() == '\'') return quoted('\''), token(Token::character, begin);
      return token(Token::name, begin);
    }
    if (digit(c) || (c == '.' && digit(peek(1)))) return number(), token(Token::number, begin);
    if (c == '"') return quoted('"'), token(Token::text, begin);
    if (c == '\'') return quoted('\''), token(Token::character, begin);
    if (c == '%' && peek(1) == ':') throw Unreadable(line_, "the digraph %:; write #");
    if (c == '\\') throw Unreadable(line_, "a backslash outside a string; write the name itself");
    if (c == '@' || c == '$' || c == '`' || static_cast<unsigned char>(c) >= 0x80)
      throw Unreadable(line_, "a character outside ASCII in the code; names are made of a-z, A-Z, 0-9 and _");
    at_ += (c == ':' && peek(1) == ':') || (c == '-' && peek(1) == '>') ? 2 : 1;
    return token(Token::mark, begin);
  }

  // A preprocessing number: digits, letters, dots, ' between digits, a sign after e or p.
  void number() {
    for (at_++;; at_++) {
      const char c = peek(), before = s_[at_ - 1];
      if (in_name(c) || c == '.') continue;
      if (c == '\'' && in_name(peek(1))) continue;
      if ((c == '+' || c == '-') && std::strchr("eEpP", before)) continue;
      return;
    }
  }

  void quoted(char quote) {
    for (at_++; peek() != quote; at_++) {
      if (at_ >= s_.size() || peek() == '\n') throw Unreadable(line_, "a string or character that never ends");
      if (peek() == '\\') at_++;
    }
    at_++;
  }

  void raw_string() {
    const size_t open = s_.find('(', at_);
    if (open == std::string::npos || open - at_ > 17) throw Unreadable(line_, "a raw string that never begins");
    const std::string close = ")" + s_.substr(at_ + 1, open - at_ - 1) + "\"";
    const size_t end = s_.find(close, open);
    if (end == std::string::npos) throw Unreadable(line_, "a raw string that never ends");
    for (; at_ < end + close.size(); at_++) line_ += s_[at_] == '\n';
  }

  const std::string& s_;
  size_t at_ = 0;
  int line_ = 1, line_at_ = 1;
  bool fresh_ = true;  // nothing but blanks on this line so far
  std::vector<Token> out_;
};

}  // namespace

std::vector<Token> tokens_of(const std::string& source) {
  require_plain_text(source);
  return Lexer(source).all();
}

}  // namespace swarm
