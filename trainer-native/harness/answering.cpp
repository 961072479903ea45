#include "harness/answering.h"

#include <unistd.h>

#include <limits>
#include <string>
#include <vector>

#include "harness/contract.h"
#include "harness/failure.h"
#include "harness/question.h"
#include "harness/whole.h"

namespace swarm {
namespace {

void take(void* to, size_t bytes) {
  if (!take_whole(STDIN_FILENO, to, bytes)) throw Failure(Exit::usage, "the question ends early");
}

}  // namespace

void answer_one_question() {
  Question q;
  take(&q, sizeof q);
  Graph graph({q.rows, q.T, q.vocab});
  experiment_build(graph, graph.shape());
  if (q.node < 0 || size_t(q.node) >= graph.nodes().size()) refuse("the network has no node " + std::to_string(q.node));
  const Node& node = graph.nodes()[size_t(q.node)];
  if (!node.custom || size_t(q.inputs) != node.inputs.size() || q.N < q.T || q.N % q.T != 0) refuse("node " + std::to_string(q.node) + " is another than the one that is asked for");

  std::vector<std::vector<float>> inputs;
  for (int i = 0; i < q.inputs; ++i) {
    const Node& in = graph.nodes()[size_t(node.inputs[size_t(i)])];
    inputs.emplace_back(size_t(in.op == Op::Param ? in.rows : q.N) * size_t(in.cols));
    if (inputs.back().size() != q.floats[i]) refuse("input " + std::to_string(i) + " of node " + std::to_string(q.node) + " has another size than the one that is asked for");
    take(inputs.back().data(), inputs.back().size() * sizeof(float));
  }
  std::vector<float> out(size_t(q.N) * size_t(node.cols), std::numeric_limits<float>::quiet_NaN());
  Frame<float> f;
  f.N = q.N;
  f.T = q.T;
  for (size_t i = 0; i < inputs.size(); ++i) f.in[i] = inputs[i].data();
  f.out = out.data();
  node.custom->forward(f);
  if (!give_whole(STDOUT_FILENO, out.data(), out.size() * sizeof(float))) throw Failure(Exit::internal, "nobody takes the answer");
}

}  // namespace swarm
