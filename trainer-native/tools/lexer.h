// The text of an experiment as C++ tokens, so that a rule looks at what the compiler will see: not at comments or strings, and
// never past a trick of the alphabet (line splices, trigraphs, `%:`, escapes in names), all of which are refused outright.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

namespace swarm {

struct Token {
  enum Kind { name, number, text, character, mark } kind;
  std::string is;      // as written; a string with its prefix and quotes. Marks are one character each, but for :: and ->
  int line;
  bool starts_line;    // first token of its line: a # here begins a directive
};

struct Unreadable : std::runtime_error {
  Unreadable(int at, const std::string& why) : std::runtime_error(why), line(at) {}
  int line;
};

std::vector<Token> tokens_of(const std::string& source);  // throws Unreadable

}  // namespace swarm
