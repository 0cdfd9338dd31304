// The statements of a merge that updates rows where they are. Pure functions; see upsert_sql.h for
// the winners and the matches that they read.
//
// One more temporary table tells which stored row (stored) which winner (tid) is put into: the
// newest of its key. A second one has the stored rows that go.
#pragma once

#include <string>
#include <vector>

#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {

// Of each winner that is no deletion and beats the newest stored row of its key, that row.
std::string CreateReplacedSql(const Merge& merge);
// The stored rows that are beaten and not replaced.
extern const char kCreateRemovedSql[];
std::string DeleteRemovedSql(const Merge& merge);
std::string UpdateReplacedSql(const Merge& merge);
inline constexpr char kDropInPlaceSql[] =
    "DROP TABLE pg_temp.syncline_replaced, pg_temp.syncline_removed";

// Sets `columns`, at least one, to NULL in the rows to be replaced whose values there change, so
// that rows may exchange them afterwards.
std::string ClearValuesSql(const Merge& merge, const std::vector<std::string>& columns);

// Instead of the update: keeps the new rows with the values of the target's other columns, deletes
// the old ones and inserts the new.
std::string CreateReinsertedSql(const Merge& merge);
std::string DeleteReplacedSql(const Merge& merge);
std::string InsertReinsertedSql(const Merge& merge);
inline constexpr char kDropReinsertedSql[] = "DROP TABLE pg_temp.syncline_reinserted";

}  // namespace syncline::postgres
