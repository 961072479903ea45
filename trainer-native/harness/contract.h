// The one header through which the harness reaches an experiment: four functions that experiment/train.cu defines.
#pragma once
#include "engine/experiment.h"

swarm::Settings experiment_settings();
void experiment_build(swarm::Graph& graph, const swarm::Shape& shape);              // throws Refused
void experiment_optimizer(const swarm::Graph& graph, swarm::Optimizer& optimizer);
swarm::Schedule experiment_schedule(int step, float progress);                      // pure; progress 0..1 of the budget, before the step
