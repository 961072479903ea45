// Products by cuBLASLt without one: a fake library, built here, computes what NVIDIA documents and misbehaves on order. It shows that
// our layouts mean what they should and that every failure leaves our own kernels and one sentence. Not for a GPU: it works on host memory.
#include <dlfcn.h>

#include <fstream>

#include "fake/cublas_lt.h"
#include "process.h"
#include "product_check.h"

using namespace product_check;
using swarm::cuda::LtSettings;

namespace {

bool build(const std::string& folder, const std::string& flags, const std::string& name = "libcublasLt.so.13") {
  const char* compiler = std::getenv("CXX");
  return std::system((std::string(compiler ? compiler : "g++") + " -std=c++17 -O1 -shared -fPIC -I. " + flags + " -o " + folder + "/" + name +
                      " tests/fake/cublas_lt.cpp").c_str()) == 0;
}

// Built once; each test opens a copy of its own, because a library stays open.
const check::Folder& built() {
  static const check::Folder folder;
  static const bool done = build(folder.path, "");
  if (!done) throw std::runtime_error("the fake cuBLASLt does not compile");
  return folder;
}

struct Fake : check::Folder {
  explicit Fake(const std::string& name = "libcublasLt.so.13") {
    std::filesystem::copy_file(built().path + "/libcublasLt.so.13", path + "/" + name);
    void* opened = dlopen((path + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!opened) throw std::runtime_error(dlerror());
    orders = static_cast<FakeOrders*>(dlsym(opened, "fake_orders"));
  }
  std::unique_ptr<LtProducts> open(bool pins = false) const {
    std::string why;
    auto products = LtProducts::open(LtSettings{path, pins ? path + "/choices" : ""}, why);
    if (!products) throw std::runtime_error("no products: " + why);
    return products;
  }
  std::string refusal() const {
    std::string why;
    return LtProducts::open(LtSettings{path, ""}, why) ? "none" : why;
  }
  FakeOrders* orders;
};

void says(const std::string& text, const std::string& words) {
  if (text.find(words) == std::string::npos) check::fail(__FILE__, __LINE__, "\"" + text + "\" does not say \"" + words + "\"");
}

const Case small{Form::NT, 24, 16, 32};
// Records a small product; the name of the launch says who will make it.
std::string maker(LtProducts* products, const Case& c = small) {
  const On<bf16> A(size_t(c.M) * c.K), B(size_t(c.N) * c.K), C(size_t(c.M) * c.N);
  Product p;
  p.form = c.form, p.M = c.M, p.N = c.N, p.K = c.K;
  p.A = A, p.lda = c.form == Form::TN ? c.M : c.K, p.B = B, p.ldb = c.form == Form::NT ? c.K : c.N, p.C = C, p.ldc = c.N;
  Tape tape(products);
  gemm(tape, p);
  return tape.launches().at(0).kernel;
}

}  // namespace

TEST("cuda lt: a product of every form, with batches, alpha, beta and slack, is laid out as cuBLASLt reads it") {
  const Fake fake;
  const auto products = fake.open();
  for (Form form : {Form::NT, Form::NN, Form::TN}) {
    check_product<bf16>({form, 24, 16, 32}, products.get());
    check_product<bf16>({form, 5, 9, 11, 1, 0, 1, 3}, products.get());
    check_product<bf16>({form, 12, 20, 8, 0.5f, 2.0f, 3, 0}, products.get());
    check_product<bf16>({form, 7, 6, 10, 1, -1, 2, 5}, products.get());
  }
  for (float beta : {0.0f, 1.0f}) check_product<float>({Form::TN, 12, 20, 300, 1, beta, 1, 4}, products.get());
  CHECK_EQUAL(fake.orders->ran, 14);  // one each: the library made them all
  CHECK_EQUAL(fake.orders->workspace, LtProducts::workspace_bytes);
  CHECK_EQUAL(fake.orders->reductions, swarm::cuda::lt::reduction_apart);
}

TEST("cuda lt: what is added lies elsewhere, as in Muon's products") {
  const Fake fake;
  const auto products = fake.open();
  support::Random random(3);
  const int M = 6, N = 10, K = 4;
  const auto a = numbers(random, size_t(M) * K), b = numbers(random, size_t(K) * N), d = numbers(random, size_t(M) * N);
  const On<bf16> A(a), B(b), D(d), C(size_t(M) * N);
  Product p;
  p.form = Form::NN, p.M = M, p.N = N, p.K = K, p.A = A, p.lda = K, p.B = B, p.ldb = N, p.C = C, p.D = D, p.ldc = N, p.beta = 3;
  Tape tape(products.get());
  gemm(tape, p);
  tape.run();
  std::vector<double> wanted;
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) {
      double sum = 3.0 * to_float(d[size_t(m) * N + n]);
      for (int k = 0; k < K; k++) sum += double(to_float(a[size_t(m) * K + k])) * to_float(b[size_t(k) * N + n]);
      wanted.push_back(sum);
    }
  check_close("C", C.get(), wanted);
  CHECK_EQUAL(fake.orders->ran, 1);
}

TEST("cuda lt: a launch has its own stream, and descriptors are made once a shape and given back") {
  const Fake fake;
  auto products = fake.open();
  CHECK_EQUAL(maker(products.get()), "cublasLtMatmul");
  const int made = fake.orders->descriptors;
  CHECK(made > 0);
  CHECK_EQUAL(maker(products.get()), "cublasLtMatmul");
  CHECK_EQUAL(fake.orders->descriptors, made);
  CHECK_EQUAL(fake.orders->asked, 2);  // one shape, asked twice to see that it says the same
  says(products->account(), "cuBLASLt 13.1.1");
  says(products->account(), "1 shapes by the library's first suggestion");
  {
    const On<bf16> A(size_t{64}), B(size_t{64}), C(size_t{64});
    Product p;
    p.M = p.N = p.K = 8, p.A = A, p.B = B, p.C = C, p.lda = p.ldb = p.ldc = 8;
    Tape tape(products.get());
    gemm(tape, p);
    CHECK_EQUAL(fake.orders->ran, 0);  // nothing runs while it is recorded
    tape.run(&tape);
    CHECK(fake.orders->stream == static_cast<void*>(&tape));
    CHECK(fake.orders->alignment_a >= 16 && fake.orders->alignment_d >= 16);
    products.reset();
    CHECK_EQUAL(fake.orders->destroyed, 0);  // the tape still needs it
  }
  CHECK_EQUAL(fake.orders->destroyed, 1);
  CHECK_EQUAL(fake.orders->descriptors, 0);
}

TEST("cuda lt: rows that start off 16 bytes are announced to the library as they are") {
  const Fake fake;
  const auto products = fake.open();
  check_product<bf16>({Form::NN, 6, 10, 12, 1, 0, 1, 1}, products.get());  // rows of 13 and 11 numbers
  CHECK_EQUAL(fake.orders->alignment_a, 2u);
  CHECK_EQUAL(fake.orders->alignment_b, 2u);
  check_product<bf16>({Form::NN, 8, 16, 12}, products.get());              // B and C: rows of 32 bytes; A: of 24
  CHECK_EQUAL(fake.orders->alignment_a, 32u);                              // its A is our B
  CHECK_EQUAL(fake.orders->alignment_b, 8u);
  CHECK_EQUAL(fake.orders->alignment_d, 32u);
}

TEST("cuda lt: no library, no file, a broken file, a missing function, an old version, a library that does not start") {
  const check::Folder empty;
  std::string why;
  CHECK(!LtProducts::open(LtSettings{empty.path, ""}, why));
  CHECK_EQUAL(why, "there is no libcublasLt.so.13 or .12 in " + empty.path);
  CHECK(!LtProducts::open(LtSettings{"none", ""}, why));
  CHECK_EQUAL(why, "SWARM_CUBLAS is none");
  check::write_all(empty.path + "/libcublasLt.so.13", "no library at all");
  CHECK(!LtProducts::open(LtSettings{empty.path, ""}, why));
  says(why, "it cannot be opened: ");
  says(why, empty.path + "/libcublasLt.so.13");

  const check::Folder lacking;
  CHECK(build(lacking.path, "-DFAKE_WITHOUT_MATMUL"));
  CHECK(!LtProducts::open(LtSettings{lacking.path, ""}, why));
  CHECK_EQUAL(why, lacking.path + "/libcublasLt.so.13 has no cublasLtMatmul");

  const Fake fake;
  fake.orders->version = 110805;
  CHECK_EQUAL(fake.refusal(), fake.path + "/libcublasLt.so.13 is version 11.8.5, the least we use is 12.0.0");
  fake.orders->version = 120805;
  fake.orders->create_status = 1;
  says(fake.refusal(), "cuBLASLt 12.8.5 from " + fake.path);
  says(fake.refusal(), "does not start: the library was not initialized");
  fake.orders->create_status = 0;
  CHECK_EQUAL(fake.refusal(), "none");
  CHECK_EQUAL(fake.orders->created, fake.orders->destroyed);

  const Fake twelve("libcublasLt.so.12");
  CHECK_EQUAL(maker(twelve.open().get()), "cublasLtMatmul");
}

TEST("cuda lt: a shape without an algorithm that can be repeated stays with our own kernel, and the account says why") {
  const auto left = [](const char* words, const std::function<void(FakeOrders&)>& order) {
    const Fake fake;
    order(*fake.orders);
    const auto products = fake.open();
    CHECK_EQUAL(maker(products.get()), "gemm");
    CHECK_EQUAL(maker(products.get()), "gemm");
    says(products->account(), "by our own kernels: NT 24x16x32 ");
    says(products->account(), words);
    CHECK(products->account().find("NT", products->account().find("NT") + 1) == std::string::npos);  // said once
    check_product<bf16>(small, products.get());
    CHECK_EQUAL(fake.orders->descriptors, 0);
  };
  left("no algorithm: not supported", [](FakeOrders& o) { o.heuristics_status = 15; });
  left("no algorithm that sums in one order", [](FakeOrders& o) { o.algorithms = 0; });
  left("no algorithm that sums in one order", [](FakeOrders& o) { o.adds_by_counters = 8; });
  left("no algorithm that sums in one order", [](FakeOrders& o) { o.hungry = 8; });
  left("asked twice it suggests different algorithms", [](FakeOrders& o) { o.changes_its_mind = 1; });
  left("its descriptors: some failure", [](FakeOrders& o) { o.layout_status = 7; });
}

TEST("cuda lt: suggestions that add by counters or want too much memory are passed over") {
  const Fake fake;
  fake.orders->adds_by_counters = 2, fake.orders->hungry = 3;
  check_product<bf16>(small, fake.open().get());
  CHECK_EQUAL(fake.orders->last_algorithm, 3);
}

TEST("cuda lt: a product that fails when it runs is an outage of the device") {
  const Fake fake;
  const auto products = fake.open();
  fake.orders->matmul_status = 13;
  CHECK_THROWS(check_product<bf16>(small, products.get()), swarm::cuda::DeviceError, "cublasLtMatmul: some failure");
}

TEST("cuda lt: with a file of choices the fastest is timed once, pinned, and taken by the next run whatever it would time") {
  const Fake fake;
  fake.orders->fast = 4, fake.orders->broken = 2;
  {
    const auto products = fake.open(true);
    check_product<bf16>(small, products.get());
    CHECK_EQUAL(fake.orders->last_algorithm, 4);
    says(products->account(), "0 shapes as pinned in " + fake.path + "/choices, 1 timed and pinned now");
  }
  fake.orders->fast = 6, fake.orders->ran = 0;
  {
    const auto products = fake.open(true);
    check_product<bf16>(small, products.get());
    CHECK_EQUAL(fake.orders->last_algorithm, 4);
    CHECK_EQUAL(fake.orders->ran, 1);
    says(products->account(), "1 shapes as pinned in ");
  }
  fake.orders->check_status = 15;  // a pin that this library refuses is chosen again
  check_product<bf16>(small, fake.open(true).get());
  CHECK_EQUAL(fake.orders->last_algorithm, 6);
  fake.orders->check_status = 0;
  fake.orders->version = 130102;   // another library: another machine, the old line stays
  fake.orders->fast = 2;
  check_product<bf16>(small, fake.open(true).get());
  CHECK_EQUAL(fake.orders->last_algorithm, 2);
  std::ifstream file(fake.path + "/choices");
  int lines = 0;
  for (std::string line; std::getline(file, line);) lines++;
  CHECK_EQUAL(lines, 3);
  fake.orders->broken = 8, fake.orders->version = 130103;
  says([&] {
    const auto products = fake.open(true);
    CHECK_EQUAL(maker(products.get()), "gemm");
    return products->account();
  }(), "none of its algorithms runs");
}

TEST("cuda lt: a damaged file of choices costs its lines, one that cannot be written is said, and neither stops a run") {
  const Fake fake;
  fake.orders->fast = 1;
  maker(fake.open(true).get());
  const std::string whole = check::read_all(fake.path + "/choices");
  check::write_all(fake.path + "/choices", whole.substr(0, whole.size() - 9) + "\nnonsense\n");
  auto products = fake.open(true);
  CHECK_EQUAL(maker(products.get()), "cublasLtMatmul");
  says(products->account(), "1 timed and pinned now, 2 lines of that file unreadable and dropped");
  CHECK_EQUAL(check::read_all(fake.path + "/choices"), whole);
  check::write_all(fake.path + "/choices", "another kind of file\n");
  says(fake.open(true)->account(), "1 lines of that file unreadable and dropped");
  std::string why;
  products = LtProducts::open(LtSettings{fake.path, fake.path + "/nowhere/choices"}, why);
  CHECK_EQUAL(maker(products.get()), "cublasLtMatmul");
  says(products->account(), "NOT PINNED: " + fake.path + "/nowhere/choices");
}

TEST("cuda lt: the environment names the library and the file of choices") {
  setenv("SWARM_CUBLAS", "/some/folder", 1), setenv("SWARM_CUBLAS_CHOICES", "/some/file", 1);
  CHECK_EQUAL(swarm::cuda::lt_settings_of_environment().folder, "/some/folder");
  CHECK_EQUAL(swarm::cuda::lt_settings_of_environment().choices, "/some/file");
  unsetenv("SWARM_CUBLAS"), unsetenv("SWARM_CUBLAS_CHOICES");
  CHECK_EQUAL(swarm::cuda::lt_settings_of_environment().folder, "");
}
