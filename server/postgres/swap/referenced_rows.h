// Foreign keys that reference rows of a table which is about to be replaced in place.
//
// A row whose key other rows reference must stay: it may be updated in its other columns, and
// neither deleted, which would fail or delete these rows, nor get another key. Stateless: safe from
// any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// A foreign key. The SQL texts have `t` for a row of the replaced table, `s` for a staged row and
// `r` for a referencing row.
struct IncomingKey {
  std::string subject;       // as pg_describe_object names it
  std::string quoted_table;  // the referencing table
  bool own = false;          // of the table itself
  bool readable = false;     // our role may read the referencing table, all rows of it
  bool restricts = false;    // it refuses deletions and changes: NO ACTION or RESTRICT
  std::string same;          // predicate: `t` and `s` have the same key
  std::string refers;        // predicate: `r` references `t`
};

// Returns the keys that reference `table`, its partitions or its children; those of other tables
// first.
absl::StatusOr<std::vector<IncomingKey>> FindIncomingKeys(Transaction& transaction,
                                                          const TableName& table);

// Checks that every referenced row of `target` has a staged row that is the same by `match` and has
// the same values in the columns of each of `keys`. If our role may not read a referencing table,
// every row counts as referenced, unless the key itself refuses what would harm it. Errors:
// FAILED_PRECONDITION DEPENDENT_OBJECTS, which names the foreign key, the number of rows and the
// raw id of one of them, or its place (ctid) if tables of `meta` have no raw ids.
absl::Status CheckReferencedRows(Transaction& transaction, const TableName& staging,
                                 const TableName& target, const std::vector<IncomingKey>& keys,
                                 const std::string& match, TableMeta meta);

}  // namespace syncline::postgres
