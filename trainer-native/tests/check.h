// Test cases register themselves; tests/main.cpp runs them all. A failed check says where, what and the values.
#pragma once
#include <chrono>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace check {

struct Case {
  const char* name;
  void (*body)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Register {
  Register(const char* name, void (*body)()) { cases().push_back({name, body}); }
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

constexpr double slow = 10;  // seconds: a case that takes longer says so, for whoever waits

// Runs every case whose name contains `filter` and, with `but`, does not begin with that; prints one line per failure and slow case, and
// the totals last. Exit status.
inline int run(const std::string& filter, const std::string& but = "") {
  int passed = 0, failed = 0;
  for (const Case& c : cases()) {
    if (std::string(c.name).find(filter) == std::string::npos) continue;
    if (!but.empty() && std::string(c.name).rfind(but, 0) == 0) continue;
    const auto start = std::chrono::steady_clock::now();
    try {
      c.body();
      passed++;
    } catch (const std::exception& error) {
      failed++;
      std::printf("FAIL %s: %s\n", c.name, error.what());
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (seconds > slow) std::printf("took %.0f s: %s\n", seconds, c.name);
    std::fflush(stdout);
  }
  std::printf("native: %d passed, %d failed\n", passed, failed);
  return failed || !passed ? 1 : 0;
}

}  // namespace check

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN_(a, b)

// TEST("what must hold") { ... }
#define TEST(name)                                                                             \
  static void CHECK_JOIN(test_, __LINE__)();                                                   \
  static const check::Register CHECK_JOIN(register_, __LINE__)(name, CHECK_JOIN(test_, __LINE__)); \
  static void CHECK_JOIN(test_, __LINE__)()

#define CHECK(condition) \
  do { if (!(condition)) check::fail(__FILE__, __LINE__, #condition); } while (0)

#define CHECK_EQUAL(a, b)                                                  \
  do {                                                                     \
    const auto va_ = (a);                                                  \
    const auto vb_ = (b);                                                  \
    if (!(va_ == vb_)) {                                                   \
      std::ostringstream s_;                                               \
      s_ << #a " is " << va_ << ", expected " << vb_;                      \
      check::fail(__FILE__, __LINE__, s_.str());                           \
    }                                                                      \
  } while (0)

// |a - b| <= tolerance, false for NaN
#define CHECK_NEAR(a, b, tolerance)                                                          \
  do {                                                                                       \
    const double va_ = (a), vb_ = (b), vt_ = (tolerance);                                    \
    if (!(std::fabs(va_ - vb_) <= vt_)) {                                                    \
      std::ostringstream s_;                                                                 \
      s_.precision(9);                                                                       \
      s_ << #a " is " << va_ << ", expected " << vb_ << " within " << vt_;                   \
      check::fail(__FILE__, __LINE__, s_.str());                                             \
    }                                                                                        \
  } while (0)

// The expression must throw `Type` with `words` in its message.
#define CHECK_THROWS(expression, Type, words)                                                     \
  do {                                                                                            \
    std::string said_;                                                                            \
    bool thrown_ = false;                                                                         \
    try { (void)(expression); } catch (const Type& e_) { thrown_ = true; said_ = e_.what(); }     \
    if (!thrown_) check::fail(__FILE__, __LINE__, #expression " did not throw " #Type);           \
    if (said_.find(words) == std::string::npos)                                                   \
      check::fail(__FILE__, __LINE__, #expression " said \"" + said_ + "\", expected \"" + std::string(words) + "\""); \
  } while (0)
