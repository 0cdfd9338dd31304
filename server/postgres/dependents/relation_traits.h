// What a table, view or materialized view has besides its columns and query: owner, grants,
// options, defaults, triggers, rules, row level security, publications, comments, labels, as the
// statements that give it to another relation of the same name.
//
// Not here: indexes, constraints and statistics of tables (table_members.h). Stateless: safe from
// any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct RelationTraits {
  std::vector<DdlStep> owner;   // first, right after the relation exists
  std::vector<DdlStep> access;  // grants, what default privileges gave taken back
  std::vector<DdlStep> rest;
};

// The traits of each of `relations` (oids). With `successor` the columns that it lacks are left
// out. The search path must be empty (ClearSearchPath).
absl::StatusOr<std::map<int64_t, RelationTraits>> CaptureTraits(
    Transaction& transaction, const std::vector<int64_t>& relations,
    std::optional<int64_t> successor);

}  // namespace syncline::postgres
