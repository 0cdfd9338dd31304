// The claims of one server: opens and closes writers, and clears what a crash of the database
// brought back.
//
// Opening and closing are one statement each, which commits by itself and is prepared on a data
// connection, because small calls consist mostly of these statements. Neither waits for WAL
// (docs/decisions/0011-opening-a-writer-without-wal-wait.md), so a crash may take either back. Both
// may run twice: if the connection breaks, the statement is repeated on another one, and a claim is
// recognized by its token. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

class WriterClaims {
 public:
  // `server_id` names this process in the ledger. `connections` must outlive the object.
  WriterClaims(const Ledger& ledger, ConnectionPool* connections, std::string server_id);

  // Raises the writer's epoch and marks it as open by this server. With `expected_epoch`, the
  // writer's epoch must not be higher than that; a new writer has 0. A claim that is returned is
  // held until Release or Forget. Errors: ABORTED FENCED if the epoch is higher;
  // FAILED_PRECONDITION STREAM_COMPLETED or SYNC_CANCELLED if the stream accepts no records; those
  // of Connection.
  absl::StatusOr<ClaimedWriter> Claim(int64_t sync_no, int64_t stream_no,
                                      absl::string_view writer_id,
                                      std::optional<int64_t> expected_epoch);

  // Marks the writer as no longer open and stores how its call failed, if it did (`end`), unless
  // another call has claimed the writer since. The claim is no longer held, even after an error.
  absl::Status Release(const WriterClaim& claim, const absl::Status& end);

  // Ends a claim whose last commit has marked the writer as no longer open.
  void Forget(const WriterClaim& claim);

  // Marks the writers as no longer open that the ledger lists as open by this server, and whose
  // claims are not held: a crash took their release back, or the answer to their claim was lost.
  // Never waits for a row that another transaction has locked; the next call clears it. Call it
  // with every renewal of the server's lease.
  absl::Status ClearUnheld(Transaction& transaction);

 private:
  absl::StatusOr<Result> Run(absl::string_view sql, const Params& params);
  absl::StatusOr<ClaimedWriter> TryClaim(WriterClaim claim, std::optional<int64_t> expected_epoch);
  // Returns why a claim did not find its stream open, or its writer's epoch low enough.
  absl::Status GetRefusal(const WriterClaim& claim);

  ConnectionPool* const connections_;
  const std::string server_id_;
  const std::string claim_sql_;
  const std::string state_sql_;
  const std::string release_sql_;
  const std::string unheld_sql_;
  const std::string clear_sql_;
  Mutex mutex_;
  // Tokens of claims that calls of this process hold or are about to get. A token is added before
  // its statement is sent, so that every claim in the ledger that is not here has ended.
  std::unordered_set<int64_t> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres
