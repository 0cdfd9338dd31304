// Checks whether the relation that has a table's name is a table to which Syncline may write.
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct TableShape {
  bool exists = false;  // a relation of any kind, or a type
  // Why it cannot be written to, as part of an error message; empty if it can, or if it is missing.
  std::string problem;
  // The problem is a meta column that is missing or that it must not have.
  bool lacks_meta = false;
  bool has_other_meta = false;
  // How it stores rows, such as "heap"; empty if it stores none itself or cannot be written to.
  std::string access_method = {};
};

// Returns the shapes of `tables` in their order, which must have the meta columns of `metas`; of
// TableMeta::kFull if that is empty. Runs one query for all of them, and a second one if any of the
// names is a relation's.
absl::StatusOr<std::vector<TableShape>> LookUpShapes(Transaction& transaction,
                                                     const std::vector<TableName>& tables,
                                                     const std::vector<TableMeta>& metas = {});

// Returns the shape of `table`. Runs one query, and a second one if there is no such relation.
absl::StatusOr<TableShape> LookUpShape(Transaction& transaction, const TableName& table,
                                       TableMeta meta);

// Returns OK, or an error about `table`: FAILED_PRECONDITION TARGET_INCOMPATIBLE, or MetaMismatch
// if it has meta columns that it must not have.
absl::Status CheckShape(const TableName& table, const TableShape& shape);

// Returns INVALID_ARGUMENT META_MISMATCH: `table` was loaded with another `meta`. `problem` follows
// its name in the message.
absl::Status MetaMismatch(const TableName& table, absl::string_view problem);

// Returns NOT_FOUND TABLE_NOT_FOUND about `table`.
absl::Status TableNotFound(const TableName& table);

}  // namespace syncline::postgres
