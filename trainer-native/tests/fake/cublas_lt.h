// What a test tells the fake cuBLASLt to do, and what it was asked: one object in the fake library, reached by dlsym("fake_orders").
#pragma once
#include <cstddef>

struct FakeOrders {
  size_t version;            // reported
  int create_status;         // of cublasLtCreate
  int layout_status;         // of cublasLtMatrixLayoutCreate
  int heuristics_status;     // of cublasLtMatmulAlgoGetHeuristic
  int check_status;          // of cublasLtMatmulAlgoCheck
  int matmul_status;         // of cublasLtMatmul
  int algorithms;            // suggested at most
  int changes_its_mind;      // suggests another order every second time
  int adds_by_counters;      // of the algorithms suggested first, how many reduce in place
  int hungry;                // of the algorithms suggested first, how many want more workspace than allowed
  int broken;                // of the algorithms suggested first, how many fail when run
  int fast;                  // the algorithm that runs at once while others take milliseconds; -1: all run at once
  // what it was asked
  int created, destroyed, descriptors, asked, ran, last_algorithm;
  unsigned reductions, alignment_a, alignment_b, alignment_c, alignment_d;
  size_t workspace;
  void* stream;
};
