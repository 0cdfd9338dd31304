// Which columns of a table streams made, as the ledger knows it: all others are the user's. They
// are noted when a stream is named (stream_names.h).
//
// `quoted_schema` is the ledger's, as SQL writes it. Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// The names of the columns of `table` that streams made.
absl::StatusOr<std::set<std::string>> ReadOwnedColumns(Transaction& transaction,
                                                       absl::string_view quoted_schema,
                                                       const TableName& table);

}  // namespace syncline::postgres
