// What is said when the judge comes to an op whose code is the experiment's own (docs/decisions/0009): the judge asks the launcher, the
// launcher puts the question to a fresh process of the trainer and hands its answer back. Between processes of one machine: own byte order.
// defines: Asked, Told, Question, most_asked
#pragma once
#include <cstdint>

#include "engine/core/frame.h"

namespace swarm {

// Where the launcher leaves its two ends with the judge: above every number that the judge may still open.
constexpr int told_descriptor = 298, asked_descriptor = 299;

// Bytes of a question, and of an answer: the launcher and the trainer hold each in memory.
constexpr uint64_t most_asked = uint64_t{1} << 30;

struct Asked {  // judge to launcher, then `question` bytes
  uint64_t question, answer;
};
enum class End : uint64_t { refused, answered, outage };  // the code's fault, an answer, this machine's fault
struct Told {  // launcher to judge, then `bytes` of the answer, or of the reason why there is none
  End end;
  uint64_t bytes;
};
struct Question {  // launcher to `train --answer`, then the floats of every input, one input after the other
  int32_t rows, T, vocab;  // of the graph that the experiment describes again
  int32_t node, N, inputs;
  uint64_t floats[max_inputs];
};

}  // namespace swarm
