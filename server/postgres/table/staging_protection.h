// Takes from staging tables what the settings of a database give to every table: privileges that
// default privileges grant, triggers that an event trigger adds, and publications FOR ALL TABLES.
//
// Stateless: safe from any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Revokes all privileges on `tables` and on the sequences of their columns, except those of the
// owner, so that staged rows are not readable before they are published. Drops their triggers. If a
// publication of updates or deletes covers a table, sets its replica identity to FULL: without one,
// PostgreSQL refuses the statements that deduplicate it. Tables that do not exist are skipped. Runs
// one statement if there is nothing to do; otherwise it waits for sessions that read the tables.
// For staging tables only, because nothing on them is a user's.
absl::Status ProtectStaging(Transaction& transaction, const std::vector<TableName>& tables);

}  // namespace syncline::postgres
