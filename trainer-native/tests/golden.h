// The arrays that tests/golden/reference.py wrote, and how close ours must come to them.
// defines: Goldens, agree()
#pragma once
#include <algorithm>
#include <cstring>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "check.h"
#include "data_folder.h"
#include "engine/core/start.h"
#include "harness/sha256.h"

namespace golden {

// index.txt: "file NAME BYTES SHA256", then a line for each array in it: "NAME f32|f64|u16 OFFSET COUNT".
class Goldens {
 public:
  Goldens() {
    std::istringstream index(check::read_all("tests/golden/index.txt"));
    std::string word, file, type;
    while (index >> word) {
      if (word == "file") {
        size_t bytes;
        std::string sha256;
        index >> file >> bytes >> sha256;
        std::string& content = files_[file] = check::read_all("tests/golden/" + file);
        if (content.size() != bytes || swarm::sha256_hex(content.data(), content.size()) != sha256)
          throw std::runtime_error("tests/golden/" + file + " is not the file of index.txt: write both again with reference.py");
        continue;
      }
      Place& place = places_[word];
      place.file = file;
      index >> place.type >> place.offset >> place.count;
    }
    if (places_.empty()) throw std::runtime_error("no goldens in tests/golden: run the tests from trainer-native");
  }

  std::vector<double> numbers(const std::string& name) const {
    const Place& place = find(name);
    return place.type == "f32" ? read<float, double>(place) : read<double, double>(place);
  }
  std::vector<uint16_t> tokens(const std::string& name) const { return read<uint16_t, uint16_t>(find(name)); }

 private:
  struct Place { std::string file, type; size_t offset, count; };
  const Place& find(const std::string& name) const {
    const auto found = places_.find(name);
    if (found == places_.end()) throw std::runtime_error("there is no golden " + name + ": experiment/train.cu is another recipe than reference.py");
    return found->second;
  }
  template <class Stored, class T>
  std::vector<T> read(const Place& place) const {
    const std::string& bytes = files_.at(place.file);
    if (place.offset + place.count * sizeof(Stored) > bytes.size()) throw std::runtime_error("tests/golden/index.txt points outside " + place.file);
    std::vector<Stored> stored(place.count);
    std::memcpy(stored.data(), bytes.data() + place.offset, place.count * sizeof(Stored));
    return std::vector<T>(stored.begin(), stored.end());
  }
  std::map<std::string, std::string> files_;
  std::map<std::string, Place> places_;
};

inline const Goldens& goldens() {
  static const Goldens all;
  return all;
}

inline double length(const std::vector<double>& values) {
  double squares = 0;
  for (double v : values) squares += v * v;
  return std::sqrt(squares);
}

// The distance of two lists must be at most `allowed`. On failure their first pairs stand in the message.
inline void agree(const std::string& name, const std::vector<double>& ours, const std::vector<double>& theirs, double allowed) {
  if (ours.size() != theirs.size())
    throw std::runtime_error(name + ": " + std::to_string(ours.size()) + " values, the golden has " + std::to_string(theirs.size()));
  std::vector<double> difference(ours);
  for (size_t i = 0; i < ours.size(); i++) difference[i] -= theirs[i];
  if (length(difference) <= allowed) return;
  std::ostringstream said;
  said.precision(9);
  said << name << " is " << length(difference) << " away from the golden, allowed " << allowed << "; ours | theirs:";
  for (size_t i = 0; i < std::min<size_t>(ours.size(), 4); i++) said << "  " << ours[i] << " | " << theirs[i];
  throw std::runtime_error(said.str());
}

// A tensor [count] against its golden: some 512 of its values, and over all of them the length and the projection onto noise.
// The error may be `tolerance` of the golden's length, or of `floor` where that is longer: a tensor that is nearly zero because
// large terms cancel has the error of the terms.
inline void agree_tensor(const std::string& name, const float* ours, size_t count, double tolerance, double floor = 0) {
  const std::vector<double> theirs = goldens().numbers(name), sums = goldens().numbers(name + ":sums");
  const size_t stride = count > 512 ? (count / 512) | 1 : 1;
  std::vector<double> some;
  for (size_t i = 0; i < count; i += stride) some.push_back(ours[i]);
  agree(name, some, theirs, tolerance * std::max(length(theirs), floor * std::sqrt(double(some.size()) / double(count))));

  std::vector<float> noise(count);
  swarm::start(swarm::uniform(1), 1, "projection", count, noise.data());
  double squares = 0, projection = 0;
  for (size_t i = 0; i < count; i++) {
    squares += double(ours[i]) * ours[i];
    projection += double(ours[i]) * noise[i];
  }
  const double error = tolerance * std::max(sums[0], floor);
  agree("the length of " + name, {std::sqrt(squares)}, {sums[0]}, error);
  agree("the projection of " + name, {projection}, {sums[1]}, 3 * error);  // of an error e onto noise of deviation 0.58: 5 of those
}

}  // namespace golden
