// What the tests of engine/cuda share. Linked with the emulator they need no GPU; linked with what nvcc made they test the GPU.
// defines: On, numbers(), rounded(), Error, every_order()
#pragma once
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "check.h"
#include "engine/cuda/bf16.h"
#include "engine/cuda/memory.h"
#include "engine/cuda/tape.h"
#include "support.h"

namespace cuda_check {

using swarm::cuda::bf16;
using swarm::cuda::Tape;
using swarm::cuda::to_bf16;
using swarm::cuda::to_float;

inline float as_float(bf16 x) { return to_float(x); }
inline float as_float(float x) { return x; }

// An array on the device, full of NaN until something is put there.
template <class T>
class On {
 public:
  explicit On(size_t count) : count_(count), memory_(std::max<size_t>(count, 1) * sizeof(T)) { poison(); }
  explicit On(const std::vector<T>& values) : On(values.size()) { put(values); }
  operator T*() const { return reinterpret_cast<T*>(memory_.at(0)); }
  size_t size() const { return count_; }
  void poison() { swarm::cuda::fill_bytes(memory_.at(0), 0xff, memory_.bytes()); }
  void put(const std::vector<T>& values) const { swarm::cuda::upload(memory_.at(0), values.data(), values.size() * sizeof(T)); }
  std::vector<T> get() const {
    std::vector<T> values(count_);
    swarm::cuda::download(values.data(), memory_.at(0), count_ * sizeof(T));
    return values;
  }

 private:
  size_t count_;
  swarm::cuda::Memory memory_;
};

// Random bf16 numbers of [-scale, scale).
inline std::vector<bf16> numbers(support::Random& random, size_t count, double scale = 1) {
  std::vector<bf16> all(count);
  for (bf16& x : all) x = to_bf16(float(scale * random.uniform()));
  return all;
}
inline std::vector<float> numbers32(support::Random& random, size_t count, double scale = 1) {
  std::vector<float> all(count);
  for (float& x : all) x = float(scale * random.uniform());
  return all;
}

template <class T>
std::vector<double> doubles(const std::vector<T>& values) {
  std::vector<double> all;
  for (T x : values) all.push_back(as_float(x));
  return all;
}

// |got - wanted| / |wanted| over a whole tensor, whose numbers count as 1e-4 where they are nearly zero because terms cancel; NaN where
// a number was never written.
template <class T>
double error_of(const std::vector<T>& got, const std::vector<double>& wanted) {
  double difference = 0;
  for (size_t i = 0; i < wanted.size(); i++) difference += (as_float(got[i]) - wanted[i]) * (as_float(got[i]) - wanted[i]);
  return std::sqrt(difference) / std::max(support::length(wanted), 1e-4 * std::sqrt(double(wanted.size())));
}

// `naive`: what a plain kernel gives that rounds to bf16 where this one does. Ours may be twice as far from float64, and 1e-2 at most.
template <class T, class U>
void check_close(const std::string& what, const std::vector<T>& got, const std::vector<double>& wanted, const std::vector<U>& naive) {
  const double ours = error_of(got, wanted), plain = error_of(naive, wanted);
  const bool is_nearly_zero = support::length(wanted) < 1e-4 * std::sqrt(double(wanted.size()));  // then there is nothing to be twice of
  if (ours <= 1e-2 && (ours <= 2 * plain + 1e-6 || is_nearly_zero)) return;
  std::ostringstream s;
  s << what << " is " << ours << " off, a naive bf16 kernel " << plain;
  for (size_t i = 0; i < std::min<size_t>(wanted.size(), 6); i++) s << (i ? ", " : "; first: ") << as_float(got[i]) << " for " << wanted[i];
  check::fail(__FILE__, __LINE__, s.str());
}
// Where the result is rounded to bf16 once and nothing before: half a unit in the last place, 2^-9, of each number.
template <class T>
void check_close(const std::string& what, const std::vector<T>& got, const std::vector<double>& wanted) {
  std::vector<bf16> once;
  for (double x : wanted) once.push_back(to_bf16(float(x)));
  check_close(what, got, wanted, once);
}

template <class T>
std::string bits_of(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

// Runs `work` (which says the bits it made) with threads in several orders between barriers; a GPU just does it twice.
void every_order(const std::function<std::string()>& work);

}  // namespace cuda_check
