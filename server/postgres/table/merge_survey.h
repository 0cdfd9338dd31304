// Reads from the catalog what a merge has to know of its target (merge_target.h).
//
// Stateless: safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/merge_target.h"

namespace syncline::postgres {

// `schema` is the stream's. Both tables exist.
absl::StatusOr<MergeTarget> SurveyTarget(Transaction& transaction, const TableName& source,
                                         const TableName& target, const TableSchema& schema);

}  // namespace syncline::postgres
