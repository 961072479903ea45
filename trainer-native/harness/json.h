// JSON, as little as the harness needs: write flat records, read the manifest. Not a general library.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace swarm {

// Writes one object; nested values are passed as text already written. A number that is not finite becomes null.
class JsonObject {
 public:
  JsonObject& text(const char* key, const std::string& value);
  JsonObject& number(const char* key, double value);  // shortest form that reads back to the same double
  JsonObject& integer(const char* key, uint64_t value);
  JsonObject& boolean(const char* key, bool value);
  JsonObject& texts(const char* key, const std::vector<std::string>& values);
  JsonObject& raw(const char* key, const std::string& json);
  std::string line() const { return "{" + body_ + "}"; }

 private:
  void key(const char* name);
  std::string body_;
};

std::string json_number(double value);

struct JsonValue {
  enum Kind { null, boolean, number, text, array, object } kind = null;
  bool truth = false;
  double value = 0;
  std::string string;
  std::vector<JsonValue> items;
  std::map<std::string, JsonValue> members;
  const JsonValue* member(const std::string& name) const;  // nullptr when absent or not an object
};

// Throws std::invalid_argument with the byte position of the first thing that is not JSON.
JsonValue parse_json(const std::string& text);

}  // namespace swarm
