// The scan of an experiment's text and of its object: what is refused, on which line, and that plain recipes pass.
#include <cstdlib>

#include "check.h"
#include "process.h"
#include "tools/finding.h"

using check::Folder;
using swarm::Finding;

namespace {

void refused(const std::string& source, int line, const std::string& words) {
  const std::vector<Finding> found = swarm::scan_source(source);
  for (const Finding& finding : found)
    if (finding.line == line && finding.why.find(words) != std::string::npos) return;
  check::fail(__FILE__, __LINE__, "`" + source + "` should be refused on line " + std::to_string(line) + " for \"" + words + "\", but " +
                                      (found.empty() ? "passes" : std::to_string(found[0].line) + ": " + found[0].why));
}
void passes(const std::string& source) {
  const std::vector<Finding> found = swarm::scan_source(source);
  if (!found.empty()) check::fail(__FILE__, __LINE__, "`" + source + "` is refused on line " + std::to_string(found[0].line) + ": " + found[0].why);
}

// What the object of a source is refused for; empty when it passes.
std::string object_of(const std::string& source) {
  Folder folder;
  check::write_all(folder.path + "/x.cpp", source);
  const char* compiler = std::getenv("CXX");
  const auto made = check::run(folder, std::string(compiler ? compiler : "g++") + " -std=c++17 -w -O1 -c -o " + folder.path + "/x.o " + folder.path + "/x.cpp");
  CHECK_EQUAL(made.last_error, "");
  std::string all;
  for (const Finding& finding : swarm::scan_object(check::read_all(folder.path + "/x.o"))) all += finding.why + "\n";
  return all;
}
void object_refused(const std::string& source, const std::string& words) {
  const std::string said = object_of(source);
  if (said.find(words) == std::string::npos) check::fail(__FILE__, __LINE__, "`" + source + "` should be refused for \"" + words + "\", but: " + said);
}

}  // namespace

TEST("scan: the shipped experiment passes, text and object") {
  CHECK_EQUAL(swarm::scan_source(check::read_all("experiment/train.cu")).size(), size_t(0));
  CHECK_EQUAL(swarm::scan_object(check::read_all(check::build_folder() + "/objects/experiment/train.o")).size(), size_t(0));
}

TEST("scan: only the engine's header and plain headers are included, however it is written") {
  passes("#include \"engine/experiment.h\"\n#include <cmath>\n  #  include <vector>\n");
  refused("\n#include <fstream>\n", 2, "#include <fstream>");
  refused("#include \"/data/val.bin\"\n", 1, "#include \"/data/val.bin\"");
  refused("#include \"engine/../harness/file.h\"\n", 1, "harness/file.h");
  refused("/* */ # /* */ include <thread>\n", 1, "#include <thread>");
  refused("%:include <thread>\n", 1, "digraph");
  refused("?\?=include <thread>\n", 1, "trigraph");
  refused("#inc\\\nlude <thread>\n", 1, "backslash");
  refused("#inc\\ \t\nlude <thread>\n", 1, "backslash");
  refused("#include NAME\n", 1, "#include NAME");
  refused("#include_next <cmath>\n", 1, "#include_next");
  refused("#if __has_include(\"/data/val.bin\")\n#endif\n", 1, "__has_include");
  refused("#embed \"val.bin\"\n", 1, "#embed");
  refused("#import <thread>\n", 1, "#import");
}

TEST("scan: macros, pragmas, assembly, attributes and the compiler's own names are refused where they stand") {
  refused("#define OPEN op##en\n", 1, "#define");
  refused("#pragma GCC optimize(\"fast-math\")\n", 1, "#pragma");
  refused("#line 3 \"other.cu\"\n", 1, "#line");
  refused("void f() { _Pragma(\"omp parallel\") }\n", 1, "_Pragma");
  refused("int x;\nvoid f() { asm(\"nop\"); }\n", 2, "assembly");
  refused("void f() { __asm__ volatile(\"syscall\"); }\n", 1, "__asm__");
  refused("void f() { __asm(\".incbin \\\"val.bin\\\"\"); }\n", 1, "__asm");
  refused("__attribute__((constructor)) void f() {}\n", 1, "__attribute__");
  refused("[[gnu::constructor]] void f() {}\n", 1, "attribute gnu");
  refused("[ [ using gnu : section(\"x\") ] ] int x;\n", 1, "attribute using");
  passes("[[maybe_unused]] [[nodiscard]] int f();\n");
  refused("const char* f() { return __FILE__; }\n", 1, "__FILE__");
  refused("const char* f() { return __builtin_FILE(); }\n", 1, "__builtin_FILE");
  refused("#ifdef NEVER\nextern \"C\" int system(const char*);\n#endif\n", 2, "extern");
  refused("void f() { \\u0061sm(\"nop\"); }\n", 1, "backslash");
}

TEST("scan: what starts, waits, opens or keeps is refused; the same words as names, text or comments are not") {
  refused("void f() { std::thread t; }\n", 1, "thread");
  refused("void f() { fork (); }\n", 1, "fork");
  refused("auto f = &system;\n", 1, "system");
  refused("auto f = ::open;\n", 1, "open");
  refused("void f() { auto t = std::chrono::steady_clock::now(); }\n", 1, "chrono");
  refused("int f() { static int calls = 0; return ++calls; }\n", 1, "static");
  refused("thread_local int x;\n", 1, "thread_local");
  refused("void* operator new(unsigned long);\n", 1, "operator new");
  refused("namespace swarm { int x; }\n", 1, "namespace swarm");
  refused("auto p = reinterpret_cast<float*>(16);\n", 1, "reinterpret_cast");
  passes("// fork(); asm\n/* __FILE__\n std::thread */ const char* s = \"asm fork() #include <thread>\"; // system(\n");
  passes("const char* s = R\"(\nasm(\"nop\")\n__FILE__)\"; static constexpr int open = 1; float time = 1'000.5e+3f; int read = open;\n");
  passes("void f(S& s) { s.open(); s.time = 3; }\n");
  refused("const char* s = R\"x(\n)\" )x\";\n\nint y = fork();\n", 4, "fork");  // lines are counted through raw strings
}

TEST("scan: text that is not what it seems is refused") {
  refused(std::string("int x;\n\0int y;", 14), 2, "control character");
  refused("// \xff\n", 1, "UTF-8");
  refused("// \xc0\xaf\n", 1, "UTF-8");
  refused("int x; // \xe2\x80\xae gnp\n", 1, "invisible");
  refused("int \xd0\xb0sm;\n", 1, "ASCII");
  refused("/* never\n", 1, "never ends");
  refused("const char* s = \"never\n", 1, "never ends");
  passes("// naïve schedule, µ = 0.95\n");
}

TEST("scan: an object that reaches out, replaces, starts before main or keeps values is refused by name") {
  CHECK_EQUAL(object_of("#include <cmath>\n#include <string>\n#include <vector>\n#include <map>\nfloat f(float x) { return std::tanh(x) + std::pow(x, 3.f); }\n"
                        "std::string g(int i) { std::map<std::string, std::vector<int>> m; m[std::to_string(i)].push_back(i); return m.begin()->first + \"x\"; }\n"
                        "constexpr float table[] = {1, 2, 3}; float h(int i) { return table[i]; }\n"), "");
  object_refused("#include <cstdlib>\nint f() { return std::system(\"id\"); }\n", "wants system");
  object_refused("extern \"C\" int open(const char*, int, ...); int f() { return open(\"val.bin\", 0); }\n", "wants open");
  object_refused("extern \"C\" long syscall(long, ...); long f() { return syscall(57); }\n", "wants syscall");
  object_refused("#include <fstream>\n#include <string>\nint f() { std::ifstream in(\"x\"); return in.get(); }\n", "from outside");
  object_refused("#include <thread>\nvoid f() { std::thread([] {}).detach(); }\n", "from outside");
  object_refused("int calls; int f() { return ++calls; }\n", "calls lives between two calls");
  object_refused("int f() { static int calls; return ++calls; }\n", "calls");
  object_refused("thread_local int mine; int f() { return ++mine; }\n", "mine");
  object_refused("struct S { S(); int x; }; S::S() : x(3) {} S s;\n", "before or after main");
  object_refused("extern int other; __attribute__((constructor)) void f() { other = 1; }\n", "before or after main");
  object_refused("__attribute__((section(\".odd\"))) int f() { return 1; }\n", ".odd");
  object_refused("extern \"C\" int clock_gettime(int, void*) { return 0; }\n", "clock_gettime would replace");
  object_refused("#include <new>\n#include <cstdlib>\nvoid* operator new(std::size_t) { return nullptr; }\n", "_Znwm would replace");
  object_refused("namespace swarm { double work_seconds(int) { return 0; } }\n", "would replace");
  object_refused("extern \"C\" __attribute__((weak)) int rename(const char*, const char*) { return 0; }\n", "rename");
  object_refused("extern \"C\" { static int (*pick())() { return nullptr; } int own() __attribute__((ifunc(\"pick\"))); }\n", "before main");
  CHECK_EQUAL(swarm::scan_object("not an object").size(), size_t(1));
}

TEST("scan: the program refuses links, pipes and files over 64 KiB, and names the line") {
  Folder folder;
  const auto scan = [&](const std::string& path) { return check::run(folder, check::program("scan") + " " + folder.path + "/" + path); };
  check::write_all(folder.path + "/good.cu", "int f();\n");
  CHECK_EQUAL(scan("good.cu").exit, 0);
  check::write_all(folder.path + "/bad.cu", "int f();\n#include <thread>\n");
  CHECK_ENDS(scan("bad.cu"), 5, "bad.cu:2: error: refused: #include <thread>");
  std::filesystem::create_symlink(folder.path + "/good.cu", folder.path + "/link.cu");
  CHECK_ENDS(scan("link.cu"), 5, "link");
  CHECK_EQUAL(std::system(("mkfifo " + folder.path + "/pipe.cu").c_str()), 0);
  CHECK_ENDS(scan("pipe.cu"), 5, "not a regular file");
  check::write_all(folder.path + "/large.cu", "//" + std::string(64 * 1024, 'x'));
  CHECK_ENDS(scan("large.cu"), 5, "at most 65536");
  CHECK_ENDS(scan("absent.cu"), 5, "No such file");
}
