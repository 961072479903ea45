#include "engine/cuda/rows.h"

namespace swarm::cuda {

void SortedTokens::sort(const uint16_t* tokens, int N, int vocab, int32_t* ints) {
  int32_t *order = ints, *first = order + N, *piece_of = first + most_pieces(N, vocab) + 1;
  std::vector<int32_t> begin(size_t(vocab) + 1, 0);  // a counting sort keeps positions in order
  for (int n = 0; n < N; n++) begin[size_t(tokens[n]) + 1]++;
  for (int v = 0; v < vocab; v++) begin[size_t(v) + 1] += begin[size_t(v)];
  int32_t pieces = 0;
  for (int v = 0; v < vocab; v++) {
    piece_of[v] = pieces;
    for (int32_t at = begin[size_t(v)]; at < begin[size_t(v) + 1]; at += piece) first[pieces++] = at;
  }
  piece_of[vocab] = pieces;
  for (size_t p = size_t(pieces); p <= most_pieces(N, vocab); p++) first[p] = N;
  for (int n = 0; n < N; n++) order[begin[tokens[n]]++] = n;
}

}  // namespace swarm::cuda
