// Group: a schedule of topics, lived through by one to three machines that share its partitions: each with a disk of its own,
// crashing and coming back, under the group's word on who owns what. Machines take turns, a step at a time, in one thread.
//
// What befalls them beyond the troubles of world.h and broker.h: rebalances, clean ones and those of which a member learns too
// late; a stopped process that goes on as a zombie; a disk that is lost, put back in an older state, or another machine's;
// compaction of the changelog. In the end a fresh machine rebuilds all from the changelog and must hold the same.
#pragma once

#include "tests/simulation/play.h"

namespace troth::simulation {

[[nodiscard]] Result play_group(const Schedule& schedule, World& world);

}  // namespace troth::simulation
