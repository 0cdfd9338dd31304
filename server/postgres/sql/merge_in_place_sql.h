// The statements of a merge that updates rows in place. Pure functions. upsert_sql.h describes the
// winners and matches that they read.
//
// The temporary table syncline_replaced maps each winner (tid) to the stored row that it replaces
// (stored), which is the newest of its key. syncline_removed lists the stored rows to be deleted.
#pragma once

#include <string>
#include <vector>

#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {

// Creates syncline_replaced, with each winner that is not a deletion and beats the newest stored
// row of its key.
std::string CreateReplacedSql(const Merge& merge);
// Creates syncline_removed, with the stored rows that are beaten and not replaced.
std::string CreateRemovedSql(const Merge& merge);
std::string DeleteRemovedSql(const Merge& merge);
std::string UpdateReplacedSql(const Merge& merge);
// Counts the rows to be replaced that differ from their winners in `columns` (at least one).
std::string CountFixedDifferencesSql(const Merge& merge, const std::vector<std::string>& columns);
inline constexpr char kDropInPlaceSql[] =
    "DROP TABLE pg_temp.syncline_replaced, pg_temp.syncline_removed";

// Sets `columns` (at least one) to NULL in the rows to be replaced whose values in them change, so
// that rows can exchange values of a unique index.
std::string ClearValuesSql(const Merge& merge, const std::vector<std::string>& columns);

// Instead of the update, these store the new rows together with the values of the target's other
// columns, delete the old rows and insert the new ones.
std::string CreateReinsertedSql(const Merge& merge);
std::string DeleteReplacedSql(const Merge& merge);
std::string InsertReinsertedSql(const Merge& merge);
inline constexpr char kDropReinsertedSql[] = "DROP TABLE pg_temp.syncline_reinserted";

}  // namespace syncline::postgres
