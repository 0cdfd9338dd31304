// What prevents ALTER COLUMN … TYPE, and what PostgreSQL loses by it.
//
// PostgreSQL builds indexes, constraints and extended statistics of such a column again. It refuses
// the change while a policy, a trigger, a rule or a publication names the column; these are removed
// before it and created again after it, as the swap creates them (relation_traits.h). It resets
// storage and compression of the column, statistics targets of the indexes, target and owner of the
// extended statistics, and the state of the triggers inside foreign keys; these are set again.
// Views are in dependents.h. Stateless: safe from any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/dependents/dependents.h"

namespace syncline::postgres {

struct ColumnDependents {
  std::vector<DdlStep> locks;    // lock the other tables that have such an object; run first
  std::vector<DdlStep> remove;   // run before the views are dropped
  std::vector<DdlStep> restore;  // run after the views are restored
};

// Captures what depends on the columns `retyped` (name -> new type as format_type() prints it) of
// the table `readers.table`, also in other tables, or on one of the views `readers`, which are
// dropped for the change, too.
absl::StatusOr<ColumnDependents> CaptureColumnDependents(
    Transaction& transaction, const Dependents& readers,
    const std::map<std::string, std::string>& retyped);

}  // namespace syncline::postgres
