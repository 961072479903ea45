// SHA-256 against the published vectors, JSON there and back.
#include <algorithm>

#include "check.h"
#include "harness/json.h"
#include "harness/sha256.h"

using namespace swarm;

TEST("sha256: the vectors of FIPS 180-4") {
  CHECK_EQUAL(sha256_hex("", 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK_EQUAL(sha256_hex("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  CHECK_EQUAL(sha256_hex(two_blocks.data(), two_blocks.size()), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string million(1000000, 'a');
  CHECK_EQUAL(sha256_hex(million.data(), million.size()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST("sha256: the pieces it is fed in do not matter") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += char(i * 37);
  const std::string whole = sha256_hex(text.data(), text.size());
  for (size_t piece : {1, 7, 63, 64, 65, 128, 299}) {
    Sha256 hash;
    for (size_t at = 0; at < text.size(); at += piece) hash.add(text.data() + at, std::min(piece, text.size() - at));
    CHECK_EQUAL(hex(hash.digest()), whole);
  }
}

TEST("json: what is written reads back") {
  const std::string line = JsonObject().text("say", "a \"b\"\\\n").number("x", 0.1).number("nan", 0.0 / 0.0).integer("n", 18446744073709551615ull)
                               .boolean("yes", true).raw("list", "[[1,2.5],[3,null]]").line();
  CHECK_EQUAL(line, "{\"say\":\"a \\\"b\\\"\\\\\\u000a\",\"x\":0.1,\"nan\":null,\"n\":18446744073709551615,\"yes\":true,\"list\":[[1,2.5],[3,null]]}");
  const JsonValue value = parse_json(line);
  CHECK_EQUAL(value.member("say")->string, "a \"b\"\\\n");
  CHECK_EQUAL(value.member("x")->value, 0.1);
  CHECK(value.member("nan")->kind == JsonValue::null);
  CHECK(value.member("yes")->truth);
  CHECK_EQUAL(value.member("list")->items[0].items[1].value, 2.5);
  CHECK(value.member("absent") == nullptr);
}

TEST("json: doubles keep every bit and no more digits than needed") {
  CHECK_EQUAL(json_number(1.5), "1.5");
  CHECK_EQUAL(json_number(3e-5), "3e-05");
  for (double x : {1.0 / 3, 1e-300, 123456789.123456789, 1.7976931348623157e308}) CHECK_EQUAL(std::strtod(json_number(x).c_str(), nullptr), x);
}

TEST("json: everything that is not JSON is refused with its place") {
  for (const char* text : {"", "{", "{\"a\":}", "[1,]", "{\"a\":1,\"a\":2}", "nul", "\"a", "{} x", "1-", "[1 2]", "\"\\x\""})
    CHECK_THROWS(parse_json(text), std::invalid_argument, "not JSON at byte");
  CHECK_THROWS(parse_json(std::string(100, '[')), std::invalid_argument, "nested too deep");
}
