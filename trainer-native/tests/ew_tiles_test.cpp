// An expression over tiles writes what it was given and nothing beside it, whatever the broadcast, the width and the rows of a tile.
#include "engine/ops/ew_tiles.h"
#include "kernel_check.h"

using namespace swarm;
using kernel_check::Buffer;
using kernel_check::close;

TEST("ew tiles: every kind of output stays inside its array, written or added to") {
  Program program;  // x + head, handed to one output of every kind; the head-wise input makes tiles of whole rows
  program.inputs = 2;
  program.code = {{Calc::Add, 0, 1}};
  program.outputs = {2, 2, 2, 2};
  const std::vector<Broadcast> kinds{Broadcast::Full, Broadcast::Head, Broadcast::Channel, Broadcast::Single};
  for (int C : {1, 4, 48, 512, 1030})
    for (int N : {1, 3, 9}) {
      const int heads = C % 4 ? 1 : 4;
      const TileProgram tiles(program, C, {Broadcast::Full, Broadcast::Head}, {C, heads}, kinds, {C, heads, C, 1});
      for (bool add : {false, true}) {
        Buffer x(long(N) * C), head(long(N) * heads), full(long(N) * C), by_head(long(N) * heads), channel(C), single(1), scratch(long(tiles.scratch_floats()));
        kernel_check::Random random(C + N);
        random.fill(x), random.fill(head);
        const float* in[] = {x, head};
        float* out[] = {full, by_head, channel, single};
        const bool adds[] = {add, add, add, add};
        if (add)
          for (Buffer* b : {&full, &by_head, &channel, &single}) for (size_t i = 0; i < b->size(); i++) (*b)[long(i)] = 1;
        tiles.run(N, in, out, adds, scratch);
        for (const Buffer* b : {&x, &head, &full, &by_head, &channel, &single, &scratch}) b->check_canaries();
        double total = add;
        for (int c = 0; c < C; c++) {
          double sum = add;
          for (int n = 0; n < N; n++) {
            const double value = double(x[long(n) * C + c]) + head[long(n) * heads + c / (C / heads)];
            close("full", "", c, full[long(n) * C + c], value + add, 1);
            sum += value, total += value;
          }
          close("channel", "", c, channel[c], sum, N);
        }
        close("single", "", 0, single[0], total, double(N) * C);
      }
    }
}
