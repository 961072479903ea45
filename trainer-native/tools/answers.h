// Beside a judge whose checkpoint has code of the experiment's own: takes its questions, has each answered by a process of that code which
// has never seen another, and hands the answer back (docs/decisions/0009). Frozen, and never looks into what it carries.
#pragma once
#include <functional>

namespace swarm {

// Until the judge closes its end. `become` is called in a fresh child with a question on its standard input and its answer on its standard
// output: it puts up the walls, becomes the program, and returns only when it could not.
void answer_questions(int asked, int told, const std::function<void()>& become);

}  // namespace swarm
