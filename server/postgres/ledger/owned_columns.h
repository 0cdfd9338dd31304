// Which columns of a table streams made, as the ledger knows it: all others are the user's.
//
// `quoted_schema` is the ledger's, as SQL writes it. Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/transaction.h"

namespace syncline::postgres {

// The names of the columns of `table` that streams made.
absl::StatusOr<std::set<std::string>> ReadOwnedColumns(Transaction& transaction,
                                                       absl::string_view quoted_schema,
                                                       const TableName& table);

// Notes whose the columns of `schema` are when a stream starts: those that are not among `present`,
// the columns that the table has, are going to be made by the stream; others are the user's unless
// the ledger says otherwise. A column that is neither present nor declared has no owner any more,
// so that one that the user makes under its name is the user's.
absl::Status NoteColumns(Transaction& transaction, absl::string_view quoted_schema,
                         const TableName& table, const TableSchema& schema,
                         const std::vector<std::string>& present);

}  // namespace syncline::postgres
