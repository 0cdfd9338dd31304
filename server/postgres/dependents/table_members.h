// Indexes, constraints and extended statistics of a table: what must be built on the loaded table
// before it can take the final one's place.
//
// They are built under names of ours (index names are unique in a schema, and the loaded table may
// have a CHECK of the name) and get their own names in the swap. Stateless: safe from any thread.
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
  kIndex,            // no constraint's
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
  std::string subject;     // as pg_describe_object says it
  std::string definition;  // without its own and the table's name
  bool validated = true;   // false for a constraint that is NOT VALID
  bool gone = false;       // stands on a column that the successor lacks
  std::string tablespace;  // of an index; empty for the database's own
  std::string options;     // of a constraint's index: "a='b', …" or empty
  // Statistics targets of an index's expressions: "position target,…".
  std::string column_targets;
  // Statements for after the member has its own name: comment, owner, CLUSTER ON, …
  std::string finish;
};

// The members of `table`, which is `quoted_table`. The search path must be empty (ClearSearchPath).
absl::StatusOr<std::vector<TableMember>> CaptureMembers(Transaction& transaction, int64_t table,
                                                        std::optional<int64_t> successor);

// Where the members are built.
struct BuildPlace {
  std::string source;         // quoted, qualified
  std::string source_schema;  // quoted
  std::string key;            // what makes our names differ from those for other tables
};

// The name under which a member is built. Another definition gives another name.
std::string BuildName(const TableMember& member, const BuildPlace& place);

// One statement (or few, for one transaction) of the preparation.
struct BuildStep {
  DdlStep step;
  bool locks_others = false;  // takes a lock that writers of another table wait behind
};

// What is still to do so that the table with `built` has all of `wanted`; empty when it is
// prepared. Members that are not wanted (any more) are dropped: loaded tables are created without
// any.
std::vector<BuildStep> PlanBuild(const std::vector<TableMember>& wanted,
                                 const std::vector<TableMember>& built, const BuildPlace& place);

// The steps that, after the swap, give the `built` members the names and finish of `wanted`.
// `table` and `schema` quoted.
std::vector<DdlStep> NameMembers(const std::vector<TableMember>& wanted,
                                 const std::vector<TableMember>& built, const BuildPlace& place,
                                 const std::string& table, const std::string& schema);

}  // namespace syncline::postgres
