// The replica identity of a table whose rows are updated or deleted and that a publication covers:
// without one PostgreSQL refuses the statement.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// A table that holds rows, the target or one of its partitions or children, of which a publication
// sends updates or deletions.
struct PublishedTable {
  std::string quoted_name;
  std::string subject;      // as pg_describe_object names it
  std::string identity;     // the present one: "default", "nothing", "full" or "index"
  bool identified = false;  // it has a replica identity
  bool owned = false;       // our role may change it
  bool restricted = false;  // a publication sends only some columns, which FULL does not allow
};

// Returns such tables of `table`; none if it does not exist. Only reads.
absl::StatusOr<std::vector<PublishedTable>> FindPublishedTables(Transaction& transaction,
                                                                const TableName& table);

// Returns why rows of the table cannot be updated and deleted, as part of an error message; empty
// if they can, if need be after its replica identity has been set.
std::string DescribeIdentityProblem(const PublishedTable& table);

// Sets the replica identity FULL of those that have none. The locks block readers until the
// transaction ends, so it should do nothing else. Returns whether it changed anything.
absl::StatusOr<bool> EnsureReplicaIdentity(Transaction& transaction, const TableName& table);

}  // namespace syncline::postgres
