// The schema of all staging tables, which is the ledger's: whether this role may use it, and
// staging tables of older versions, which are in the schemas of their targets.
//
// Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct StagingSchema {
  // The publications that cover every table of the schema, FOR ALL TABLES or FOR TABLES IN SCHEMA,
  // quoted and separated by commas. Their subscribers receive the staged rows, too.
  std::string publications;
};

// Reads the catalog only. Errors: PERMISSION_DENIED DB_PERMISSION_DENIED, which names the GRANT, if
// this role may not create tables in `schema`.
absl::StatusOr<StagingSchema> ReadStagingSchema(Transaction& transaction, absl::string_view schema);

// Returns those of `tables` that are tables.
absl::StatusOr<std::set<TableName>> FindOldStaging(Transaction& transaction,
                                                   const std::vector<TableName>& tables);

// Moves `old`, a staging table of an older version, with its rows to `staging`, which has the same
// name in the ledger's schema. If both exist, the one without rows is dropped. Returns whether
// `old` was moved. Errors: FAILED_PRECONDITION TARGET_INCOMPATIBLE if both have rows; those of the
// database.
absl::StatusOr<bool> AdoptStaging(Transaction& transaction, const TableName& old,
                                  const TableName& staging);

}  // namespace syncline::postgres
