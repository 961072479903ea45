// What nvcc says of the kernels (-Xptxas -v), read from the build's logs: nothing spills, and as many blocks fit on a
// multiprocessor as a kernel was written for.
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "check.h"
#include "process.h"

namespace {

struct Compiled {
  std::string kernel, target;
  int registers, stack, spilled;
};

std::vector<Compiled> compiled() {
  std::vector<Compiled> all;
  const std::string folder = check::build_folder() + "/cuda/engine/cuda";
  if (!std::filesystem::exists(folder)) return all;
  const std::regex entry("Compiling entry function '(\\w+)' for '(\\w+)'"), frame("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads"),
      used("Used (\\d+) registers");
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".log") continue;
    std::istringstream lines(check::read_all(file.path().string()));
    std::smatch found;
    for (std::string line; std::getline(lines, line);) {
      if (std::regex_search(line, found, entry)) all.push_back({found[1], found[2], -1, -1, -1});
      else if (std::regex_search(line, found, frame)) all.back().stack = std::stoi(found[1]), all.back().spilled = std::stoi(found[2]) + std::stoi(found[3]);
      else if (std::regex_search(line, found, used)) all.back().registers = std::stoi(found[1]);
    }
  }
  return all;
}

}  // namespace

TEST("cuda build: no kernel spills, and product kernels leave room for two blocks on a multiprocessor") {
  const auto all = compiled();
  if (all.empty()) {
    std::printf("NOT TESTED: registers and spills of the CUDA kernels, there is no nvcc here\n");
    return;
  }
  int products = 0;
  for (const Compiled& c : all) {
    const std::string who = c.kernel + " for " + c.target;
    if (c.spilled != 0 || c.stack != 0) check::fail(__FILE__, __LINE__, who + " spills " + std::to_string(c.spilled) + " bytes, stack " + std::to_string(c.stack));
    CHECK(c.registers > 0);
    if (c.kernel.find("gemm_kernel") == std::string::npos) continue;
    products++;
    if (c.registers > 128) check::fail(__FILE__, __LINE__, who + " uses " + std::to_string(c.registers) + " registers of at most 128");
  }
  CHECK_EQUAL(products, 8);  // four kernels, two targets
}
