// The default of `_airbyte_meta` in the tables of streams (postgres/table/meta_default.h): which
// streams have it, and how an append ends it.
//
// A published table never has it, because the swap drops it in its own transaction. An append drops
// it in the target before the stream ends. If another session locks the table for too long, or
// after a crash or a cancellation, the next sync of the table drops it, or the upkeep does.
// Stateless; safe from any thread. The functions that drop block.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/model/stream_plan.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::write {

// Returns the default for a table that is created for the stream's rows; empty if it has no
// `_airbyte_meta`.
std::string GetMetaDefault(const StreamPlan& plan);

// Drops the default in the target of `plan`, which is that of an append, under the lock policy. A
// failure is only logged.
void EndMetaDefault(postgres::Database& database, const postgres::Ledger& ledger,
                    const postgres::LockPolicy& policy, const StreamPlan& plan);

// Drops what appends have left in `tables`, or in all tables if it is null. Failures to drop are
// only logged. Errors: those of the query for them.
absl::Status DropLeftMetaDefaults(postgres::Database& database, const postgres::Ledger& ledger,
                                  const postgres::LockPolicy& policy,
                                  const std::set<TableName>* tables = nullptr);

}  // namespace syncline::write
