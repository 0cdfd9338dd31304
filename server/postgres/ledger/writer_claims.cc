#include "server/postgres/ledger/writer_claims.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "base/random_bytes.h"
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

// $1: stream; $2: writer; $3: server; $4: the claim's token; $5: the expected epoch, or NULL.
// $Q: kWithoutWalWait. The token is the stored one only if the statement is repeated.
constexpr char kClaimSql[] = R"sql(
INSERT INTO $L.writer AS w (stream_no, writer_id, epoch, open_by, claim_token, plan_version)
SELECT s.stream_no, $2, 1, $3, $4, s.plan_version FROM $Q, $L.stream s
WHERE s.stream_no = $1 AND s.state = 'open' FOR SHARE OF s
ON CONFLICT (stream_no, writer_id) DO UPDATE SET
  epoch = w.epoch + CASE WHEN w.claim_token = excluded.claim_token THEN 0 ELSE 1 END,
  open_by = excluded.open_by, claim_token = excluded.claim_token, plan_version = excluded.plan_version
WHERE w.claim_token = excluded.claim_token OR $5::bigint IS NULL OR w.epoch <= $5::bigint
RETURNING epoch, committed::text AS committed, plan_version,
  NOT isempty(committed)
    AND pg_catalog.current_setting('synchronous_standby_names') <> '' AS standby_may_lack_it
)sql";

// $Q: kWithoutWalWait; $F: how the call failed.
constexpr char kReleaseSql[] = R"sql(
UPDATE $L.writer SET open_by = NULL, last_error = $F
FROM $Q WHERE stream_no = $1 AND writer_id = $2 AND epoch = $3 AND claim_token = $4
)sql";

// $1: server; $2: tokens that are held. Reads the writers of open streams only, by the index of
// those.
constexpr char kUnheldSql[] = R"sql(
SELECT w.stream_no, w.writer_id, w.claim_token
FROM $L.stream s JOIN $L.writer w ON w.stream_no = s.stream_no
WHERE s.state IN ('open', 'finalizing') AND w.open_by = $1 AND w.claim_token <> ALL ($2::bigint[])
FOR NO KEY UPDATE OF w SKIP LOCKED
)sql";

constexpr char kClearSql[] = R"sql(
UPDATE $L.writer w SET open_by = NULL
FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS u (stream_no, writer_id, claim_token)
WHERE w.stream_no = u.stream_no AND w.writer_id = u.writer_id AND w.claim_token = u.claim_token
)sql";

std::string ClaimSql(const Ledger& ledger) {
  return WithLedgerSchema(absl::StrReplaceAll(kClaimSql, {{"$Q", kWithoutWalWait}}),
                          ledger.quoted_schema());
}

std::string ReleaseSql(const Ledger& ledger) {
  const std::string failure = FailureSql("jsonb_build_object('epoch', epoch)", /*first=*/5);
  return WithLedgerSchema(
      absl::StrReplaceAll(kReleaseSql, {{"$Q", kWithoutWalWait}, {"$F", failure}}),
      ledger.quoted_schema());
}

int64_t RandomToken() {
  const std::string bytes = RandomBytes(sizeof(int64_t));
  int64_t token = 0;
  std::memcpy(&token, bytes.data(), sizeof(token));
  return token;
}

}  // namespace

WriterClaims::WriterClaims(const Ledger& ledger, ConnectionPool* connections, std::string server_id)
    : connections_(connections),
      server_id_(std::move(server_id)),
      claim_sql_(ClaimSql(ledger)),
      state_sql_(WithLedgerSchema("SELECT state FROM $L.stream WHERE stream_no = $1",
                                  ledger.quoted_schema())),
      release_sql_(ReleaseSql(ledger)),
      unheld_sql_(WithLedgerSchema(kUnheldSql, ledger.quoted_schema())),
      clear_sql_(WithLedgerSchema(kClearSql, ledger.quoted_schema())) {}

absl::StatusOr<Result> WriterClaims::Run(absl::string_view sql, const Params& params) {
  SYNCLINE_ASSIGN_OR_RETURN(ConnectionPool::Lease connection, connections_->Acquire());
  absl::StatusOr<Result> result = connection->Query(sql, params);
  if (!absl::IsUnavailable(result.status())) return result;
  connections_->CloseIdle();
  SYNCLINE_ASSIGN_OR_RETURN(ConnectionPool::Lease fresh, connections_->Acquire());
  return fresh->Query(sql, params);
}

absl::StatusOr<ClaimedWriter> WriterClaims::Claim(int64_t sync_no, int64_t stream_no,
                                                  absl::string_view writer_id,
                                                  std::optional<int64_t> expected_epoch) {
  WriterClaim claim{sync_no, stream_no, std::string(writer_id), /*epoch=*/0, RandomToken()};
  {
    MutexLock lock(&mutex_);
    held_.insert(claim.token);
  }
  absl::StatusOr<ClaimedWriter> claimed = TryClaim(claim, expected_epoch);
  // The statement may have taken effect although its answer was lost. ClearUnheld undoes it then.
  if (!claimed.ok()) Forget(claim);
  return claimed;
}

absl::StatusOr<ClaimedWriter> WriterClaims::TryClaim(WriterClaim claim,
                                                     std::optional<int64_t> expected_epoch) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, Run(claim_sql_, Params()
                                                                   .Int(claim.stream_no)
                                                                   .Text(claim.writer_id)
                                                                   .Text(server_id_)
                                                                   .Int(claim.token)
                                                                   .OptionalInt(expected_epoch)));
  if (rows.empty()) return GetRefusal(claim);
  const RowView row = rows.Row(0);
  ClaimedWriter claimed;
  SYNCLINE_ASSIGN_OR_RETURN(claimed.committed, OffsetRanges::FromMultirange(row.Text("committed")));
  claimed.claim = std::move(claim);
  claimed.claim.epoch = row.Int("epoch");
  claimed.plan_version = row.Int("plan_version");
  // The call acknowledges these offsets without another commit if it brings nothing new.
  if (row.Bool("standby_may_lack_it")) {
    SYNCLINE_ASSIGN_OR_RETURN(ConnectionPool::Lease connection, connections_->Acquire());
    SYNCLINE_RETURN_IF_ERROR(connection->ConfirmDurable());
  }
  return claimed;
}

absl::Status WriterClaims::GetRefusal(const WriterClaim& claim) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result state, Run(state_sql_, Params().Int(claim.stream_no)));
  if (state.empty()) return StreamCompleted();
  if (state.Text(0, 0) == ToText(StreamState::kOpen)) return OpenedSince(claim.writer_id);
  return state.Text(0, 0) == ToText(StreamState::kCancelled) ? SyncCancelled() : StreamCompleted();
}

absl::Status WriterClaims::Release(const WriterClaim& claim, const absl::Status& end) {
  Params params;
  params.Int(claim.stream_no).Text(claim.writer_id).Int(claim.epoch).Int(claim.token);
  AddFailure(end, &params);
  const absl::Status released = Run(release_sql_, params).status();
  Forget(claim);
  return released;
}

void WriterClaims::Forget(const WriterClaim& claim) {
  MutexLock lock(&mutex_);
  held_.erase(claim.token);
}

absl::Status WriterClaims::ClearUnheld(Transaction& transaction) {
  std::vector<int64_t> held;
  {
    MutexLock lock(&mutex_);
    held.assign(held_.begin(), held_.end());
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result found, transaction.Query(unheld_sql_, Params().Text(server_id_).IntArray(held)));
  std::vector<int64_t> streams, tokens;
  std::vector<std::string> writers;
  {
    // A claim that the query saw may have been made after its parameters were collected.
    MutexLock lock(&mutex_);
    for (const RowView row : found) {
      if (held_.count(row.Int("claim_token")) > 0) continue;
      streams.push_back(row.Int("stream_no"));
      writers.push_back(row.Text("writer_id"));
      tokens.push_back(row.Int("claim_token"));
    }
  }
  if (streams.empty()) return absl::OkStatus();
  return transaction
      .Query(clear_sql_, Params().IntArray(streams).TextArray(writers).IntArray(tokens))
      .status();
}

}  // namespace syncline::postgres
