// What is left to be done for replaced tables after a swap, because it would have kept readers out
// in the swap itself.
//
// Foreign keys that point at the target are validated; tables that are not kept are dropped; kept
// ones lose their foreign keys to other tables, which could otherwise not delete rows to which only
// the kept table still refers. The comments on the tables (kept_generations.h) record what is left,
// so it survives a crash, and is done by the next swap of the target or by the hourly upkeep.
// Stateless: safe from any thread.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/lock_policy.h"

namespace syncline::postgres {

// Finishes the replaced tables of `target`, or of all targets. A foreign key that a row violates by
// now stays NOT VALID, and a line in the log (foreign_key_not_valid) reports it. Errors: the first
// one of TransactUnderPolicy, after the other tables have been tried; the rest remains recorded.
absl::Status FinishReplaced(Database& database, const LockPolicy& policy,
                            const std::optional<TableName>& target);

}  // namespace syncline::postgres
