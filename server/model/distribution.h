// By which column the table of a stream is distributed if the stream creates it in a Citus cluster.
// Pure functions.
#pragma once

#include <string>

#include "server/model/stream.h"
#include "server/model/stream_plan.h"

namespace syncline {

// Returns the distribution of a new table of `plan`, whose columns are named: the requested one, or
// else what `setting` makes of it.
Distribution ChooseDistribution(const StreamPlan& plan, NewTableDistribution setting);

// Returns the column of `plan.distribution`; empty if the table is not distributed.
std::string GetDistributionColumn(const StreamPlan& plan);

}  // namespace syncline
