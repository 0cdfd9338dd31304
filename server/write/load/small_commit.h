// SmallCommit: commits the contents of an InsertBuffer by one statement if they are small.
//
// The rows stay encoded as for COPY, so that a block can be committed either way. A statement that
// fails has changed nothing, and says less than a COPY about what is wrong with which row; the
// caller then commits the block by a data transaction. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "server/model/checkpoint.h"
#include "server/model/stream_plan.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/copy/row_encoder.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/write/load/statement_tables.h"

namespace syncline::write {

class SmallCommit {
 public:
  // Maximum bytes of rows, and of the states of checkpoints. Up to here a statement costs less than
  // the round trips of a COPY; beyond it, copying fields into arrays costs more.
  static constexpr int64_t kMaxBytes = 32 << 10;
  // Limits the text of the statement.
  static constexpr size_t kMaxColumns = 200;
  static constexpr size_t kMaxCheckpoints = 64;

  // `tables` may be null: then nothing is committed this way, nor if a column has a stored_type.
  SmallCommit(const postgres::DataCommitter* committer, StatementTables* tables,
              const StreamPlan& plan, postgres::CopyFormat format);

  // What was committed.
  struct Committed {
    int64_t durable_offset = 0;
    std::vector<PendingCheckpoint> checkpoints;  // those that were due
  };

  // Returns whether a commit with rows of `bytes` bytes is small enough.
  bool Fits(const postgres::DataCommit& commit, int64_t bytes) const;

  // Returns whether a commit that fits may also be made together with those of other writers
  // (group_commit.h). False, too, while the table has not been checked.
  bool FitsGroup(const postgres::DataCommit& commit,
                 const std::vector<PendingCheckpoint>& checkpoints) const;
  // Returns the statement that commits the rows of `blocks` and those of `checkpoints` that are due
  // then.
  postgres::Statement MakeStatement(const WriterClaim& claim, const postgres::DataCommit& commit,
                                    absl::Span<const ByteBuffer> blocks,
                                    const std::vector<PendingCheckpoint>& checkpoints) const;
  // Returns what was committed, given the durable offset after it. `checkpoints` are those that
  // were offered.
  static Committed GetCommitted(int64_t durable_offset, std::vector<PendingCheckpoint> checkpoints);

  // Commits the rows of `blocks`, which fit, and those of `checkpoints`, which are in the order of
  // their offsets, that are due then. Returns nullopt if nothing was committed and a data
  // transaction must do it: the table does not take statements, the checkpoints are too large or
  // cover several writers, or the statement failed. Errors: ABORTED FENCED; UNAVAILABLE, with the
  // reason COMMIT_UNKNOWN if it may be committed; ABORTED LOCK_NOT_AVAILABLE. A table whose
  // statement fails is left out of groups for a while, so that its blocks do not make others fail.
  absl::StatusOr<std::optional<Committed>> Commit(postgres::Connection& connection,
                                                  const WriterClaim& claim,
                                                  const postgres::DataCommit& commit,
                                                  absl::Span<const ByteBuffer> blocks,
                                                  std::vector<PendingCheckpoint> checkpoints) const;

 private:
  // Returns the rows as parameters of the statement.
  std::vector<std::optional<std::string>> Frame(const postgres::DataCommit& commit,
                                                absl::Span<const ByteBuffer> blocks) const;
  // Returns whether the table takes statements, and checks that from time to time.
  absl::StatusOr<bool> CheckTable(postgres::Connection& connection) const;

  std::shared_ptr<StatementTable> table_;  // null: nothing is committed this way
};

}  // namespace syncline::write
