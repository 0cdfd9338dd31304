// Checks before anything is loaded whether PostgreSQL will allow the changes of a table's columns.
//
// A merge and a replace change the target when everything is loaded, which is too late for a
// refusal. Stateless: safe from any thread.
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct PlannedColumns {
  TableSchema schema;             // the columns with the types that they will have
  std::set<std::string> dropped;  // columns that will be dropped
  bool replaced = false;          // another table takes the place of this one
};

// Checks the columns of `table` whose type will differ, and those that will be dropped: the catalog
// for objects that prevent the change, and then the change itself on an empty temporary copy of the
// table, which shows whether defaults, constraints, indexes, and the conditions of policies,
// publications and triggers are defined for the new types. Takes ACCESS SHARE on the table and
// leaves nothing behind. Without the right to create temporary tables only the catalog is checked.
// Errors: FAILED_PRECONDITION DEPENDENT_OBJECTS, which names the object; PERMISSION_DENIED
// DB_PERMISSION_DENIED if an object that must be created again is not ours.
absl::Status CheckColumnChanges(Transaction& transaction, const TableName& table,
                                const PlannedColumns& planned);

}  // namespace syncline::postgres
