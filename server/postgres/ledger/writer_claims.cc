#include "server/postgres/ledger/writer_claims.h"

#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/failure_note.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// Turns off the wait for WAL, for the statement's own transaction only.
constexpr char kWithoutWalWait[] =
    "(SELECT set_config('synchronous_commit', 'off', true)) AS without_wal_wait";

// $Q: kWithoutWalWait.
constexpr char kClaimSql[] = R"sql(
INSERT INTO $L.writer AS w (stream_no, writer_id, epoch, open_by)
SELECT s.stream_no, $2, 1, $3 FROM $Q, $L.stream s
WHERE s.stream_no = $1 AND s.state = 'open' FOR SHARE OF s
ON CONFLICT (stream_no, writer_id) DO UPDATE SET epoch = w.epoch + 1, open_by = excluded.open_by
RETURNING epoch, committed::text AS committed
)sql";

// $Q: kWithoutWalWait; $F: how the call failed.
constexpr char kReleaseSql[] = R"sql(
UPDATE $L.writer SET open_by = NULL, last_error = $F
FROM $Q WHERE stream_no = $1 AND writer_id = $2 AND epoch = $3
)sql";

std::string ClaimSql(const Ledger& ledger) {
  return WithLedgerSchema(absl::StrReplaceAll(kClaimSql, {{"$Q", kWithoutWalWait}}),
                          ledger.quoted_schema());
}

std::string ReleaseSql(const Ledger& ledger) {
  const std::string failure = FailureSql("jsonb_build_object('epoch', epoch)", /*first=*/4);
  return WithLedgerSchema(
      absl::StrReplaceAll(kReleaseSql, {{"$Q", kWithoutWalWait}, {"$F", failure}}),
      ledger.quoted_schema());
}

}  // namespace

WriterClaims::WriterClaims(const Ledger& ledger, ConnectionPool* connections)
    : connections_(connections),
      claim_sql_(ClaimSql(ledger)),
      state_sql_(WithLedgerSchema("SELECT state FROM $L.stream WHERE stream_no = $1",
                                  ledger.quoted_schema())),
      release_sql_(ReleaseSql(ledger)) {}

absl::StatusOr<Result> WriterClaims::Run(absl::string_view sql, const Params& params) {
  SYNCLINE_ASSIGN_OR_RETURN(ConnectionPool::Lease connection, connections_->Acquire());
  absl::StatusOr<Result> result = connection->Query(sql, params);
  if (!absl::IsUnavailable(result.status()) || !connection.reused()) return result;
  connections_->CloseIdle();
  SYNCLINE_ASSIGN_OR_RETURN(ConnectionPool::Lease fresh, connections_->Acquire());
  return fresh->Query(sql, params);
}

absl::StatusOr<ClaimedWriter> WriterClaims::Claim(int64_t sync_no, int64_t stream_no,
                                                  absl::string_view writer_id,
                                                  absl::string_view server_id) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows, Run(claim_sql_, Params().Int(stream_no).Text(writer_id).Text(server_id)));
  if (rows.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(const Result state, Run(state_sql_, Params().Int(stream_no)));
    return !state.empty() && state.Text(0, 0) == ToText(StreamState::kCancelled)
               ? SyncCancelled()
               : StreamCompleted();
  }
  ClaimedWriter claimed;
  const RowView row = rows.Row(0);
  claimed.claim = {sync_no, stream_no, std::string(writer_id), row.Int("epoch")};
  SYNCLINE_ASSIGN_OR_RETURN(claimed.committed, OffsetRanges::FromMultirange(row.Text("committed")));
  return claimed;
}

absl::Status WriterClaims::Release(const WriterClaim& claim, const absl::Status& end) {
  Params params;
  params.Int(claim.stream_no).Text(claim.writer_id).Int(claim.epoch);
  AddFailure(end, &params);
  return Run(release_sql_, params).status();
}

}  // namespace syncline::postgres
