// The default of `_airbyte_meta` in a table into which rows are loaded without that column: the
// meta of a record without changes (model/plain_meta.h).
//
// A staging table has it until its rows are published, and a target that an append created until
// the append ends. Stateless: safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns whether `plain_meta` is the default. It stays so until the end of a transaction that has
// written to the table before.
absl::StatusOr<bool> HasMetaDefault(Transaction& transaction, const TableName& table,
                                    absl::string_view plain_meta);
absl::StatusOr<bool> HasMetaDefault(Connection& connection, const TableName& table,
                                    absl::string_view plain_meta);

// Makes `plain_meta` the default, unless it is. Locks the table against every other session then.
absl::Status SetMetaDefault(Transaction& transaction, const TableName& table,
                            absl::string_view plain_meta);

// Drops the default if it is `plain_meta`. Locks the table against every other session then.
absl::Status DropMetaDefault(Transaction& transaction, const TableName& table,
                             absl::string_view plain_meta);

// Returns whether `expression`, as pg_get_expr() prints it, is such a default of some stream.
bool IsMetaDefault(absl::string_view expression);

}  // namespace syncline::postgres
