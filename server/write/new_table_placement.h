// Distributes the tables that a stream creates in a Citus cluster as its plan requests it. Outside
// of a cluster nothing is requested, and the functions do nothing.
//
// Stateless; safe from any thread. Errors: those of postgres/table/table_placement.h.
#pragma once

#include "absl/status/status.h"
#include "server/model/stream_plan.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/table_placement.h"

namespace syncline::write {

// Returns how the stream distributes a table that it creates.
postgres::PlacementRequest GetPlacementRequest(const StreamPlan& plan);

// Places the table that records are loaded into (StreamPlan::load_table), which is new.
absl::Status PlaceLoadTable(postgres::Transaction& transaction, const StreamPlan& plan);

// Places the target, which is new: as its staging table is if the stream has one.
absl::Status PlaceTarget(postgres::Transaction& transaction, const StreamPlan& plan);

}  // namespace syncline::write
