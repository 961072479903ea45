// Algorithms pinned in a file, so that a machine takes the same ones in every run: timing alone would sometimes choose another, and
// another algorithm may give other bits.
// defines: LtChoices
#pragma once
#include <map>
#include <string>

#include "engine/cuda/blas_lt_names.h"

namespace swarm::cuda {

class LtChoices {
 public:
  // machine: GPU, driver and library version; lines of other machines are kept and not used. Lines that are no choice are dropped.
  LtChoices(std::string file, std::string machine);
  const lt::Algorithm* find(const std::string& shape) const;
  void pin(const std::string& shape, const lt::Algorithm& algorithm);  // writes the file: a new one, then a rename
  const std::string& file() const { return file_; }
  int dropped() const { return dropped_; }          // lines
  const std::string& trouble() const { return trouble_; }  // why the file could not be written; empty: it was

 private:
  void write();
  std::string file_, machine_;
  std::map<std::string, lt::Algorithm> pinned_;  // by machine and shape
  std::string trouble_;
  int dropped_ = 0;
};

}  // namespace swarm::cuda
