// The product kernel: every form, odd shapes, batches, sums in parts, against float64 and a naive bf16 kernel.
#include "product_check.h"

using namespace product_check;
using swarm::cuda::gemm_workspace_floats;

namespace {

const Form forms[] = {Form::NT, Form::NN, Form::TN};

}  // namespace

TEST("cuda gemm: every form at sizes around a tile agrees with float64") {
  for (Form form : forms)
    for (auto [M, N, K] : {std::array{1, 1, 1}, std::array{4, 32, 70}, std::array{16, 8, 16}, std::array{128, 128, 32}, std::array{129, 136, 40},
                           std::array{64, 200, 104}, std::array{37, 53, 91}})
      check_product<bf16>({form, M, N, K});
}

TEST("cuda gemm: alpha, beta, batches, rows with slack that nobody writes") {
  for (Form form : forms) {
    check_product<bf16>({form, 48, 40, 64, 0.5f, 2.0f, 3, 0});
    check_product<bf16>({form, 48, 40, 64, 1, -1, 2, 8});
    check_product<bf16>({form, 19, 23, 33, 1, 1, 2, 3});
  }
}

TEST("cuda gemm: gradients of weights, in float32, summed in parts and added to") {
  for (float beta : {0.0f, 1.0f}) {
    check_product<float>({Form::TN, 32, 64, 96, 1, beta});
    check_product<float>({Form::TN, 40, 24, 1031, 1, beta});
    check_product<float>({Form::TN, 4, 33, 2100, 1, beta, 1, 2});
  }
  CHECK(gemm_workspace_floats(4, 33, 2100) > 0);
}

TEST("cuda gemm: the same bits in every order of threads") {
  every_order([] { return check_product<bf16>({Form::NT, 70, 90, 200, 1, 1}); });
  every_order([] { return check_product<bf16>({Form::NN, 130, 72, 96}); });
  every_order([] { return check_product<float>({Form::TN, 72, 40, 600}); });
  every_order([] { return check_product<float>({Form::TN, 7, 9, 300, 1, 1}); });
}

// On a GPU with the library; everywhere else the fake one of blas_lt_test.cpp has to do.
TEST("cuda gemm: cuBLASLt, where there is one, agrees with float64 and gives the same bits twice") {
  std::string why;
  const auto products = swarm::cuda::library_products(why);
  if (!products) {
    std::printf("NOT TESTED: products by cuBLASLt: %s\n", why.c_str());
    return;
  }
  for (Form form : forms) {
    for (const Case& c : {Case{form, 128, 128, 64}, Case{form, 264, 136, 512, 0.5f, 2.0f, 3}, Case{form, 512, 64, 256, 1, 1}})
      CHECK(check_product<bf16>(c, products.get()) == check_product<bf16>(c, products.get()));
  }
  for (float beta : {0.0f, 1.0f})
    CHECK(check_product<float>({Form::TN, 128, 256, 8192, 1, beta}, products.get()) == check_product<float>({Form::TN, 128, 256, 8192, 1, beta}, products.get()));
  std::printf("%s\n", products->account().c_str());
}
