// The properties of a table, view or materialized view other than its columns and query: owner,
// grants, options, defaults, triggers, states of the triggers inside its foreign keys, rules, row
// level security, publications, comments, labels, and the comment and privileges of its row type.
// They are captured as the statements that give them to another relation of the same name.
//
// Indexes, constraints and statistics of tables are in table_members.h. Stateless: safe from any
// thread.
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
  std::vector<DdlStep> owner;   // run first, right after the relation is created
  std::vector<DdlStep> access;  // grants; what default privileges granted is revoked first
  std::vector<DdlStep> rest;
};

// Returns the traits of each of `relations` (oids). With `successor`, the columns that it lacks are
// omitted.
absl::StatusOr<std::map<int64_t, RelationTraits>> CaptureTraits(
    Transaction& transaction, const std::vector<int64_t>& relations,
    std::optional<int64_t> successor);

}  // namespace syncline::postgres
