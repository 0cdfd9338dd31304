// Reads from the catalog the properties of a target that a merge depends on (merge_target.h).
//
// Stateless: safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/merge_target.h"

namespace syncline::postgres {

// `schema` is the stream's. Both tables must exist.
absl::StatusOr<MergeTarget> SurveyTarget(Transaction& transaction, const TableName& source,
                                         const TableName& target, const TableSchema& schema);

}  // namespace syncline::postgres
