// The views, materialized or not, that stand on a table: captured, taken away and made again as
// they were.
//
// Two ways to make them again. Schema evolution drops them and creates them anew
// (DropDependentViews, ALTER TABLE, RestoreDependentViews), because ALTER COLUMN … TYPE refuses a
// column that a view reads. The swap puts another table under the same name and keeps every plain
// view's identity (ReplaceDependentViews). All of it belongs into the one transaction that changes
// the table. Definitions are read from the catalog, never from text of ours. Stateless: safe from
// any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
  std::string subject;  // as pg_describe_object says it
  bool materialized = false;
  bool populated = true;          // false for a materialized view that was never filled
  std::set<int64_t> stands_on;    // relations that its query names: the table, other views, ...
  std::set<std::string> columns;  // the table's columns that its own query reads
  std::string definition;         // the query, without a semicolon
  std::string options;            // " WITH (...)" or empty
  RelationTraits traits;
};

struct Dependents {
  int64_t table = 0;                      // oid of the table
  std::vector<DependentView> views = {};  // what a view stands on comes before it
};

// All views that stand on `table`, at any depth. NOT_FOUND when there is no such table.
absl::StatusOr<Dependents> CaptureDependents(Transaction& transaction, const TableName& table);

// Those of `dependents` that read one of `columns`, and all that stands on them.
Dependents ThatRead(const Dependents& dependents, const std::set<std::string>& columns);

// Drops the views, outermost first, without CASCADE. FAILED_PRECONDITION DEPENDENT_OBJECTS when
// something else (a function, say) hangs on one of them.
absl::Status DropDependentViews(Transaction& transaction, const Dependents& dependents);

// Creates the dropped views again with options, owner, grants, comments, triggers, rules, indexes;
// fills materialized ones that were filled. FAILED_PRECONDITION DEPENDENT_OBJECTS naming the view
// that the table no longer bears.
absl::Status RestoreDependentViews(Transaction& transaction, const Dependents& dependents);

// What the swap does about the views of a table, as steps.
struct ViewReplacement {
  std::vector<DdlStep>
      locks;  // ACCESS EXCLUSIVE on the views that change, in the order in which readers lock
  std::vector<DdlStep> detach;  // before the tables change names: materialized views out of the way
  std::vector<DdlStep>
      attach;  // under the new table: bind views to it, make materialized views anew
  std::vector<DdlStep>
      fill;  // after the new table's grants stand: contents, indexes of materialized views
};

// Plain views right on the table are bound to whatever has its name then, by CREATE OR REPLACE;
// views further out keep standing on those. Materialized views right on the table, and what stands
// on them, are made anew (plain views among these replaced).
ViewReplacement ReplaceDependentViews(const Dependents& dependents);

}  // namespace syncline::postgres
