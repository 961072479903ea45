// `train --answer`: one question of the judge on standard input, its answer on standard output, and over.
#pragma once

namespace swarm {

// The experiment describes its network again, and forward of the one op that is asked for runs on what the question brings: no data, no
// target, no weight but those that are the op's inputs. Throws Refused for a question that does not fit the network.
void answer_one_question();

}  // namespace swarm
