// Opens and closes writers. Each operation is one statement that commits by itself, prepared on a
// data connection, because small calls consist mostly of these statements.
//
// Neither waits for WAL (docs/decisions/0011-opening-a-writer-without-wal-wait.md). Both may run
// twice: a connection that became stale while it was idle is replaced and the statement repeated.
// Holds the text of the statements. Safe from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

class WriterClaims {
 public:
  // `connections` must outlive it.
  WriterClaims(const Ledger& ledger, ConnectionPool* connections);

  // Raises the writer's epoch and marks it as open by `server_id`. Errors: FAILED_PRECONDITION
  // STREAM_COMPLETED or SYNC_CANCELLED if the stream accepts no records; those of Connection.
  absl::StatusOr<ClaimedWriter> Claim(int64_t sync_no, int64_t stream_no,
                                      absl::string_view writer_id, absl::string_view server_id);

  // Marks the writer as no longer open and stores how its call failed, if it did (`end`), unless
  // another call has claimed the writer since.
  absl::Status Release(const WriterClaim& claim, const absl::Status& end);

 private:
  absl::StatusOr<Result> Run(absl::string_view sql, const Params& params);

  ConnectionPool* const connections_;
  const std::string claim_sql_;
  const std::string state_sql_;
  const std::string release_sql_;
};

}  // namespace syncline::postgres
