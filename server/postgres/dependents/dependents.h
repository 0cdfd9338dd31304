// The views, plain and materialized, that depend on a table: they are captured, dropped, and
// created again unchanged.
//
// There are two ways to create them again. Schema evolution drops the views and creates them anew
// (DropDependentViews, ALTER TABLE, RestoreDependentViews), because ALTER COLUMN … TYPE fails for a
// column that a view reads. The swap puts another table under the same name and keeps the identity
// of every plain view whose columns keep their types (ReplaceDependentViews). All steps belong in
// the transaction that changes the table. Definitions are read from the catalog and are never SQL
// text of ours. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/dependents/relation_traits.h"

namespace syncline::postgres {

struct DependentView {
  int64_t oid = 0;
  TableName name;
  std::string quoted_name;  // "schema"."name"
  std::string quoted_schema;
  std::string subject;  // as pg_describe_object prints it
  bool materialized = false;
  bool populated = true;          // false for a materialized view that was never filled
  std::set<int64_t> depends_on;   // relations that its query names: the table, other views, ...
  std::set<std::string> columns;  // the table's columns that its own query reads
  std::string definition;         // the query, without a semicolon
  std::string options;            // " WITH (...)" or empty
  RelationTraits traits;
};

struct Dependents {
  int64_t table = 0;                      // oid of the table
  std::vector<DependentView> views = {};  // a view follows all views on which it depends
};

// Returns all views that depend on `table`, directly or through other views. Errors: NOT_FOUND
// TABLE_MISSING if there is no such table.
absl::StatusOr<Dependents> CaptureDependents(Transaction& transaction, const TableName& table);

// Returns the views of `dependents` that read one of `columns`, and all views that depend on these.
Dependents SelectReaders(const Dependents& dependents, const std::set<std::string>& columns);

// Returns the statements that fill the materialized view `quoted_name`, which its readers can read
// meanwhile if `concurrently`. It reads as its owner. Policies of other tables may hide rows from
// that role, which would be an error with the setting of our sessions.
std::string RefreshSql(absl::string_view quoted_name, bool concurrently = false);

// Returns the steps that lock the views in ACCESS EXCLUSIVE mode, outermost first, as readers do.
std::vector<DdlStep> LockViews(const Dependents& dependents);

// Drops the views, outermost first, without CASCADE. Errors: FAILED_PRECONDITION DEPENDENT_OBJECTS
// if another object, such as a function, depends on one of them.
absl::Status DropDependentViews(Transaction& transaction, const Dependents& dependents);

// Creates the dropped views again with options, owner, grants, comments, triggers, rules and
// indexes, and fills the materialized views that were filled. Errors: FAILED_PRECONDITION
// DEPENDENT_OBJECTS, which names the view that the changed table can no longer support.
absl::Status RestoreDependentViews(Transaction& transaction, const Dependents& dependents);

// Materialized views that have been filled from the new table already: oid of the view -> quoted
// name of its filled copy, in another schema.
using FilledViews = std::map<int64_t, std::string>;

// The steps by which a swap handles the views of a table.
struct ViewReplacement {
  // Lock the views that change in ACCESS EXCLUSIVE mode, in the order in which readers lock them.
  std::vector<DdlStep> locks;
  // Run before the tables change names: drop or rename the views that are created anew.
  std::vector<DdlStep> detach;
  // Run when the new table has its name: bind views to it and create materialized views anew.
  std::vector<DdlStep> attach;
  // Run after the new table's grants: grants of the views that are created anew, and contents and
  // indexes of materialized views.
  std::vector<DdlStep> fill;
};

// Plain views that read the table directly are bound to the table that has its name then, by CREATE
// OR REPLACE. Views that read only such views remain unchanged. Materialized views that read the
// table, directly or through other such materialized views, are created anew, and plain views that
// read those are replaced. Views in `filled` are moved instead of created and filled. The views of
// `recreated`, which is a result of SelectReaders and has none of `filled`, are dropped and created
// anew, too, because CREATE OR REPLACE cannot change the type of a view's column.
ViewReplacement ReplaceDependentViews(const Dependents& dependents, const FilledViews& filled = {},
                                      const Dependents& recreated = {});

}  // namespace syncline::postgres
