// StatementCommit: a data commit (data_commit.h) as one statement, which is a transaction of its
// own and one round trip. For small blocks.
//
// The statement's first change is the fence: the UPDATE of the writer's row. Rows and checkpoints
// are inserted by further CTEs, which read from it, so they exist only if the position has moved.
// The statement fails if the table has not stored every row. Like a COMMIT, it may have succeeded
// if its answer is lost; DataCommitter::Look tells.
//
// Not for commits with rejected records, with counts per field, or with checkpoints that cover
// several writers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/checkpoint.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/ledger/data_commit.h"

namespace syncline::postgres {

// Immutable: safe from any thread.
class StatementCommit {
 public:
  // For rows of `table`. `element_types`: per column of a row, the meta columns first, the name in
  // pg_catalog of the type of its field.
  StatementCommit(absl::string_view quoted_ledger_schema, const TableName& table,
                  const TableSchema& schema, const std::vector<std::string>& element_types);

  // Returns the statement that stores `rows`, which are commit.rows rows as of FrameRows
  // (array_frame.h), and those of the checkpoints, which are in the order of their offsets, that
  // are due then. `rows` is empty if commit.rows is 0. A wait of the statement for a lock is
  // bounded by the session's lock_timeout.
  Statement Make(const WriterClaim& claim, const DataCommit& commit,
                 const std::vector<PendingCheckpoint>& checkpoints,
                 std::vector<std::optional<std::string>> rows) const;
  // Returns the durable offset after the statement with this result, or nullopt if it has changed
  // nothing: the claim does not hold, or some of the records were committed before.
  static std::optional<int64_t> GetDurableOffset(const Result& result);

  // Commits what Make describes. Returns the durable offset. Call it outside of a transaction.
  // Errors: ABORTED FENCED as for DataCommitter::AdvanceOffset; those of
  // Connection::QueryAndCommit.
  absl::StatusOr<int64_t> Commit(Connection& connection, const WriterClaim& claim,
                                 const DataCommit& commit,
                                 const std::vector<PendingCheckpoint>& checkpoints,
                                 std::vector<std::optional<std::string>> rows) const;

 private:
  // What a statement stores. A single row needs no arrays, for each of which PostgreSQL would call
  // a function (decision 0043).
  enum class Rows { kNone, kOne, kMany };

  static Rows GetRows(const DataCommit& commit);
  // Returns the text of the statement.
  std::string MakeSql(Rows rows, bool has_checkpoints) const;
  // Returns the SELECT that reads the parameters after number `param` as rows.
  std::string MakeSource(Rows rows, int param) const;

  const std::string quoted_ledger_schema_;
  const std::string insert_sql_;  // without the values
  const std::vector<std::string> element_types_;
  const std::string row_sql_;
  const std::string row_and_checkpoints_sql_;
  const std::string rows_sql_;
  const std::string rows_and_checkpoints_sql_;
};

// How small blocks may be committed to a table.
struct StatementUse {
  bool alone = false;    // by a StatementCommit, as a transaction of its own
  bool grouped = false;  // together with those of other writers, in one transaction
};

// Returns how small blocks may be committed to the table. A COPY ignores rules, and a statement
// would fire triggers FOR EACH STATEMENT even if it is fenced. Partitioned tables and tables with
// BEFORE triggers are left to COPY, too. A group's transaction must neither run code of users nor
// wait for rows of other tables, so a table with any trigger on INSERT is left out of groups; those
// of foreign keys and of deferrable constraints are triggers, too. So is a table of which a
// default, a generated column, a constraint, an index or a domain calls such code. Reads the
// catalog. Errors: those of Connection::Query.
absl::StatusOr<StatementUse> GetStatementUse(Connection& connection, const TableName& table);

}  // namespace syncline::postgres
