// Indexes, constraints and extended statistics of a table: what must be built on the loaded table
// before it can replace the target.
//
// They are built under names of ours, because index names are unique in a schema and the loaded
// table may already have a CHECK of that name. The swap gives them their own names. Stateless: safe
// from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

enum class MemberKind {
  kIndex,            // belongs to no constraint
  kIndexConstraint,  // PRIMARY KEY, UNIQUE, EXCLUDE
  kCheck,
  kForeignKey,  // from the table to another
  kSelfForeignKey,
  kStatistics,
};

struct TableMember {
  MemberKind kind = MemberKind::kIndex;
  std::string name;  // empty for our index on the primary key, which has no name yet
  std::string quoted_name;
  std::string quoted_schema;
  std::string subject;     // as pg_describe_object prints it
  std::string definition;  // without its name and the table's name
  bool validated = true;   // false for a constraint that is NOT VALID
  bool gone = false;       // depends on a column that the successor lacks
  std::string tablespace;  // of an index; empty for the database's default
  std::string options;     // of a constraint's index: "a='b', …" or empty
  // Statistics targets of an index's expressions: "position target,…".
  std::string column_targets;
  // Statements to run after the member has its own name: comment, owner, CLUSTER ON, …
  std::string finish;
};

// Returns the members of `table`, without invalid indexes. With `successor`, members that depend on
// a column that it lacks are `gone`.
absl::StatusOr<std::vector<TableMember>> CaptureMembers(Transaction& transaction, int64_t table,
                                                        std::optional<int64_t> successor);

// The table on which members are built.
struct BuildPlace {
  std::string source;         // quoted, qualified
  std::string source_schema;  // quoted
  std::string key;            // makes our names differ from those for other tables
  // Citus places the table. It renames no constraint, so that those without an index are built
  // under their own names, and the names of the others are changed with their indexes.
  bool placed = false;
};

// Returns the name under which a member is built. A different definition gives a different name.
std::string BuildName(const TableMember& member, const BuildPlace& place);

// One statement of the preparation, or a few that run in one transaction.
struct BuildStep {
  DdlStep step;
  bool locks_other_tables = false;  // takes a lock for which writers of another table wait
};

// Returns the steps that are left until the table with members `built` has all of `wanted`; empty
// if it is prepared. Built members that are not wanted (any more) are dropped, because nothing on a
// loaded table is a user's.
std::vector<BuildStep> PlanBuild(const std::vector<TableMember>& wanted,
                                 const std::vector<TableMember>& built, const BuildPlace& place);

// Returns the steps that give the `built` members the names and `finish` statements of `wanted`
// after the swap. They also add foreign keys of the table to itself. `table` and `schema` are
// quoted.
std::vector<DdlStep> NameMembers(const std::vector<TableMember>& wanted,
                                 const std::vector<TableMember>& built, const BuildPlace& place,
                                 const std::string& table, const std::string& schema);

}  // namespace syncline::postgres
