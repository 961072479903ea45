// A graph as bytes, little-endian: magic, shape, output, nodes. Reading goes through Graph::append, so that whatever a file
// says must pass the same shape rules as what an experiment describes.
#include <cstring>

#include "engine/core/network.h"

namespace swarm {
namespace {

constexpr char magic[8] = {'S', 'W', 'R', 'M', 'G', 'R', 'F', '2'};

class Writer {
 public:
  void u32(uint32_t v) { for (int i = 0; i < 4; i++) bytes.push_back(uint8_t(v >> (8 * i))); }
  void i32(int v) { u32(uint32_t(v)); }
  void f32(float v) {
    uint32_t bits;
    std::memcpy(&bits, &v, 4);
    u32(bits);
  }
  std::vector<uint8_t> bytes;
};

class Reader {
 public:
  Reader(const uint8_t* bytes, size_t count) : at_(bytes), end_(bytes + count) {}
  const uint8_t* raw(size_t count) {
    if (size_t(end_ - at_) < count) refuse("the graph in this checkpoint ends early: it is damaged");
    const uint8_t* here = at_;
    at_ += count;
    return here;
  }
  uint32_t u32() {
    const uint8_t* b = raw(4);
    return uint32_t(b[0]) | uint32_t(b[1]) << 8 | uint32_t(b[2]) << 16 | uint32_t(b[3]) << 24;
  }
  int i32() { return int(u32()); }
  float f32() {
    const uint32_t bits = u32();
    float v;
    std::memcpy(&v, &bits, 4);
    return v;
  }
  uint32_t count(uint32_t most, const char* of) {
    const uint32_t n = u32();
    if (n > most) refuse(std::string("the graph in this checkpoint claims ") + std::to_string(n) + " " + of + ": it is damaged");
    return n;
  }
  bool done() const { return at_ == end_; }

 private:
  const uint8_t *at_, *end_;
};

Node read_node(Reader& in) {
  Node node;
  const uint32_t op = in.count(uint32_t(Op::Count) - 1, "as an op");
  node.op = Op(op);
  node.inputs.resize(in.count(16, "inputs"));
  for (int& i : node.inputs) i = in.i32();
  node.rows = in.i32();
  node.cols = in.i32();
  for (int& i : node.ints) i = in.i32();
  for (float& f : node.floats) f = in.f32();
  node.init.kind = Init::Kind(in.count(Init::Uniform, "as an init"));
  node.init.scale = in.f32();
  const uint32_t letters = in.count(200, "letters in a name");
  node.name.assign(reinterpret_cast<const char*>(in.raw(letters)), letters);
  node.program.inputs = in.i32();
  node.program.code.resize(in.count(4096, "instructions"));
  for (Instruction& i : node.program.code) {
    i.calc = Calc(in.count(uint32_t(Calc::Count) - 1, "as an instruction"));
    i.a = in.i32();
    i.b = in.i32();
    i.c = in.i32();
    i.constant = in.f32();
  }
  node.program.outputs.resize(in.count(16, "outputs"));
  for (int& o : node.program.outputs) o = in.i32();
  return node;
}

}  // namespace

std::vector<uint8_t> serialize(const Graph& graph) {
  Writer out;
  for (char c : magic) out.bytes.push_back(uint8_t(c));
  out.i32(graph.shape().rows);
  out.i32(graph.shape().T);
  out.i32(graph.shape().vocab);
  out.i32(graph.output_node());
  out.u32(uint32_t(graph.nodes().size()));
  for (const Node& node : graph.nodes()) {
    out.u32(uint32_t(node.op));
    out.u32(uint32_t(node.inputs.size()));
    for (int i : node.inputs) out.i32(i);
    out.i32(node.rows);
    out.i32(node.cols);
    for (int i : node.ints) out.i32(i);
    for (float f : node.floats) out.f32(f);
    out.u32(node.init.kind);
    out.f32(node.init.scale);
    out.u32(uint32_t(node.name.size()));
    for (char c : node.name) out.bytes.push_back(uint8_t(c));
    out.i32(node.program.inputs);
    out.u32(uint32_t(node.program.code.size()));
    for (const Instruction& i : node.program.code) {
      out.u32(uint32_t(i.calc));
      out.i32(i.a);
      out.i32(i.b);
      out.i32(i.c);
      out.f32(i.constant);
    }
    out.u32(uint32_t(node.program.outputs.size()));
    for (int o : node.program.outputs) out.i32(o);
  }
  return std::move(out.bytes);
}

Graph deserialize(const uint8_t* bytes, size_t count) {
  Reader in(bytes, count);
  if (std::memcmp(in.raw(8), magic, 8)) refuse("these bytes are no graph");
  Shape shape;
  shape.rows = in.i32();
  shape.T = in.i32();
  shape.vocab = in.i32();
  require_shape(shape);
  const int output = in.i32();
  const uint32_t nodes = in.count(20000, "nodes");
  Graph graph(shape);
  for (uint32_t n = 0; n < nodes; n++) {
    const Node node = read_node(in);
    const Tensor t = graph.append(node);
    if (graph[t].rows != node.rows || graph[t].cols != node.cols)
      refuse("node " + std::to_string(n) + " of this graph has another shape than its inputs give");
  }
  graph.output({output});
  if (!in.done()) refuse("the graph in this checkpoint goes on after its end: it is damaged");
  return graph;
}

}  // namespace swarm
