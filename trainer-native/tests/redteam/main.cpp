// The red team: every attack of tests/redteam/attacks must be refused where and why its header says, every edit of
// tests/redteam/honest must go through scan, build, ten steps and the judge. Run by `make redteam [ONLY=words]`.
//
// A file is an edit of experiment/train.cu. Its header lines:
//   // why the attack would pay, or what the edit tries
//   // expect: STAGE "words"                     STAGE is scan, build, describe, train or judge: who refuses, and words of its refusal;
//   // expect without scan: STAGE "words"        or `pass`: everything goes through and "words" were printed by somebody
//   // expect without scan, jail: pass "words"   the layers named are off: most attacks are also shown to work, so that the layer is what stops them
//   // never: WORDS                              nobody may have printed these
//   // budget: cpu:1s                            of its training, instead of tokens:5200; the judge may then ask code of its own (--own-code)
// then blocks, each line-exact: `@@ replace`, old lines, `@@ with`, new lines; or `@@ append`, lines for the end of the file;
// `@@ append 9 times` repeats them, `@@ prepend` is for its beginning. DATA in a line is the data folder's path.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <sstream>
#include <thread>

#include "harness/json.h"
#include "tests/process.h"

namespace {

namespace fs = std::filesystem;

struct Expectation {
  std::string without;  // layers that are off, as written: "", "scan" or "scan, jail"
  std::string stage, words;
};

struct Edit {
  std::string name, what, source, never, budget;
  std::vector<Expectation> expected;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

// `expect without scan: train "words"`
Expectation expectation_of(const std::string& line) {
  const size_t colon = line.find(": "), quote = line.find('"'), last = line.rfind('"');
  if (colon == std::string::npos || quote == std::string::npos || last == quote) throw std::runtime_error("not an expectation: " + line);
  const std::string head = line.substr(0, colon), stage = line.substr(colon + 2, quote - colon - 3);
  return {head == "expect" ? "" : head.substr(std::strlen("expect without ")), stage, line.substr(quote + 1, last - quote - 1)};
}

Edit read_edit(const fs::path& file, const std::string& shipped, bool honest) {
  Edit edit;
  edit.name = file.stem().string();
  edit.source = shipped;
  std::istringstream in(check::read_all(file.string()));
  std::string block, old, fresh;
  const auto close = [&] {
    if (block.rfind("append", 0) == 0)
      for (int times = block.size() > 7 ? std::stoi(block.substr(7)) : 1; times > 0; times--) edit.source += fresh;
    if (block == "prepend") edit.source = fresh + edit.source;
    if (block == "with") {
      const size_t at = edit.source.find(old);
      if (at == std::string::npos) throw std::runtime_error(edit.name + ": experiment/train.cu has no longer the lines\n" + old);
      edit.source.replace(at, old.size(), fresh);
    }
    if (block != "replace") old.clear();
    fresh.clear();
  };
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("@@ ", 0) == 0) {
      close();
      block = line.substr(3);
    } else if (!block.empty()) {
      (block == "replace" ? old : fresh) += line + "\n";
    } else if (line.rfind("// expect", 0) == 0) {
      edit.expected.push_back(expectation_of(line.substr(3)));
    } else if (line.rfind("// never: ", 0) == 0) {
      edit.never = line.substr(10);
    } else if (line.rfind("// budget: ", 0) == 0) {
      edit.budget = line.substr(11);
    } else if (line.rfind("// ", 0) == 0) {
      edit.what += (edit.what.empty() ? "" : " ") + line.substr(3);
    }
  }
  close();
  if (honest) edit.expected.push_back({"", "pass", "val_bpb"});
  if (edit.expected.empty() || edit.what.empty()) throw std::runtime_error(edit.name + ": its header says nothing");
  return edit;
}

struct Got {
  std::string stage, said;  // all that scan, compiler, trainer and judge printed
};

bool off(const Expectation& expected, const char* layer) { return expected.without.find(layer) != std::string::npos; }

// The whole way of an experiment, as an agent goes it: make trainer, describe, ten steps, judge.
Got go(const Edit& edit, const Expectation& expected) {
  check::DataFolder folder(check::DataFolder::sentences(300, 1), check::DataFolder::sentences(120, 2));
  const std::string place = folder.path, out = place + "/run";
  fs::create_directory(place + "/judged");
  check::write_all(place + "/train.cu", replaced(edit.source, "DATA", place));
  Got got;
  const auto stage = [&](const char* name, const std::string& command) {
    got.stage = name;
    const int code = check::run(folder, "timeout -k 1 120 " + command).exit;
    got.said += check::read_all(place + "/stdout") + check::read_all(place + "/stderr");
    if (code != 0) got.said += "(exit code " + std::to_string(code) + ")\n";
    return code == 0;
  };
  const std::string no_jail = "sh -c 'while [ \"$1\" != -- ]; do shift; done; shift; \"$@\"' x";
  const std::string make = "env -u MAKEFLAGS -u MAKELEVEL make -s BUILD=" + check::build_folder() + (off(expected, "scan") ? " SCANNER=true" : "") +
                           (off(expected, "jail") ? " \"JAILER=" + replaced(replaced(no_jail, "\"", "\\\""), "$", "\\$\\$") + "\"" : "") +
                           " trainer EXPERIMENT=" + place + "/train.cu OUT=" + place + "/train";
  if (!stage("build", make)) {
    if (got.said.find("refused: ") != std::string::npos) got.stage = "scan";
    return got;
  }
  const std::string jail = off(expected, "jail") ? "" : check::program("jail") + " ";
  const std::string train = (jail.empty() ? "" : jail + "train ") + place + "/train --data " + place + " --out " + out + " --budget " + (edit.budget.empty() ? "tokens:5200" : edit.budget);
  if (!stage("describe", train + " --describe")) return got;
  if (!stage("train", train + " --seed 1 --workers 2")) return got;
  if (!stage("judge", (jail.empty() ? "" : jail + "judge ") + check::program("judge") + " --data " + place + " --checkpoint " + out + "/checkpoint.bin --out " + place + "/judged/judge.json" +
             (edit.budget.empty() ? "" : " --own-code " + place + "/train")))
    return got;
  got.stage = "pass";
  return got;
}

struct Try {
  const Edit* edit;
  const Expectation* expected;
  bool honest;
};

// Exit status 0 when everything came out as expected.
int red_team(const std::string& only) {
  const std::string shipped = check::read_all("experiment/train.cu");
  check::Folder folder;
  const bool jailed = check::run(folder, check::program("jail") + " probe").out == "landlock+seccomp\n";
  if (!jailed) std::printf("NOT TESTED: what the jail stops, this kernel has not both Landlock and seccomp\n");

  std::vector<Edit> edits;
  std::vector<bool> honest;
  for (const char* kind : {"attacks", "honest"}) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(std::string("tests/redteam/") + kind)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      edits.push_back(read_edit(file, shipped, *kind == 'h'));
      honest.push_back(*kind == 'h');
    }
  }
  std::vector<Try> tries;
  for (size_t i = 0; i < edits.size(); i++)
    for (const Expectation& expected : edits[i].expected)
      if (edits[i].name.find(only) != std::string::npos && (jailed || expected.without.empty() || off(expected, "jail"))) tries.push_back({&edits[i], &expected, honest[i]});

  std::mutex mutex;
  std::atomic<size_t> next{0};
  size_t wrong = 0;
  const auto work = [&] {
    for (size_t i; (i = next++) < tries.size();) {
      const Try& one = tries[i];
      const Got got = go(*one.edit, *one.expected);
      const bool as_expected = got.stage == one.expected->stage && got.said.find(one.expected->words) != std::string::npos &&
                               (one.edit->never.empty() || got.said.find(one.edit->never) == std::string::npos);
      const std::lock_guard<std::mutex> lock(mutex);
      wrong += !as_expected;
      std::printf("%s %-6s %-28s %-12s expected %s \"%s\", got %s\n", as_expected ? "ok  " : "FAIL", one.honest ? "honest" : "attack", one.edit->name.c_str(),
                  one.expected->without.empty() ? "" : ("-" + replaced(one.expected->without, ", ", " -")).c_str(), one.expected->stage.c_str(),
                  one.expected->words.c_str(), got.stage.c_str());
      if (!as_expected) std::printf("     %s\n", replaced(got.said.substr(0, 2000), "\n", "\n     ").c_str());
      std::fflush(stdout);
    }
  };
  std::vector<std::thread> crew;
  for (unsigned n = std::min(4u, std::max(1u, std::thread::hardware_concurrency())); n > 0; n--) crew.emplace_back(work);
  for (std::thread& worker : crew) worker.join();
  const size_t attacks = size_t(std::count(honest.begin(), honest.end(), false));
  std::printf("redteam: %zu attacks and %zu honest edits, %zu runs, %zu not as expected\n", attacks, edits.size() - attacks, tries.size(), wrong);
  return wrong || tries.empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return red_team(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
}
