// The columns of a merge that are GENERATED ALWAYS AS IDENTITY. An INSERT can set them, an UPDATE
// cannot.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {

// Returns such columns of the stream outside of the primary key.
std::vector<std::string> FindFixedColumns(const Merge& merge);

// Runs `count_sql`, which counts the stored rows that are to be updated and differ from their
// winners in `columns`. Errors: FAILED_PRECONDITION TARGET_INCOMPATIBLE, which names the columns,
// if there are any.
absl::Status CheckFixedColumns(Transaction& transaction, const Merge& merge,
                               const std::vector<std::string>& columns,
                               const std::string& count_sql);

}  // namespace syncline::postgres
