#include "server/postgres/ledger/data_commit.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/line_limiter.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/advance_sql.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// Limits for the rejected records of one statement: large enough to save round trips, small enough
// to use little memory.
constexpr size_t kRejectedPerStatement = 5000;
constexpr size_t kRejectedBytesPerStatement = 1 << 20;

// $1: sync_no; $2, $3: the writer; $4 to $6: the checkpoints in their order. A checkpoint that is
// repeated at a lower offset than a later one that is already committed gets the latter's offset,
// because the offsets of a writer never go back. The fence has locked the writer's row.
constexpr char kCheckpointsSql[] = R"sql(
WITH w AS (
  SELECT last_checkpoint_offset AS last, checkpoints FROM $L.writer
  WHERE stream_no = $2::bigint AND writer_id = $3::text),
given AS (
  SELECT c.id, c.state, c.place, w.last, w.checkpoints + c.place AS number,
    greatest(w.last, max(c.at) OVER (ORDER BY c.place)) AS at
  FROM w, unnest($4::text[], $5::bigint[], $6::bytea[]) WITH ORDINALITY AS c (id, at, state, place)),
stored AS (
  INSERT INTO $L.checkpoint (sync_no, stream_no, writer_id, checkpoint_id, number, "offset",
    records_since_last, state)
  SELECT $1::bigint, $2::bigint, $3::text, id, number, at,
    at - lag(at, 1, last) OVER (ORDER BY place), state
  FROM given ORDER BY place
  ON CONFLICT (stream_no, writer_id, checkpoint_id) DO NOTHING
  RETURNING number, "offset")
UPDATE $L.writer SET last_checkpoint_offset = s.last, checkpoints = s.number
FROM (SELECT max("offset") AS last, max(number) AS number FROM stored) s
WHERE stream_no = $2::bigint AND writer_id = $3::text AND s.number IS NOT NULL
)sql";

constexpr char kRejectedSql[] = R"sql(
INSERT INTO $L.rejected_record
  (sync_id, namespace, stream, writer_id, "offset", reason, raw, raw_truncated, detail)
SELECT y.sync_id, t.namespace, t.name, $3, r.number, r.reason, r.raw, r.truncated, r.detail
FROM $L.sync y, $L.stream t,
  unnest($4::bigint[], $5::text[], $6::bytea[], $7::boolean[], $8::text[])
    AS r (number, reason, raw, truncated, detail)
WHERE y.sync_no = $1 AND t.stream_no = $2
)sql";

constexpr char kRejectedTotalsSql[] = R"sql(
SELECT sum(rejected_bytes)::bigint, sum(records_rejected)::bigint FROM $L.writer
WHERE stream_no = $1
)sql";

constexpr char kAddRejectedBytesSql[] = R"sql(
UPDATE $L.writer SET rejected_bytes = rejected_bytes + $3 WHERE stream_no = $1 AND writer_id = $2
)sql";

// Lanes of one writer run this statement one after another, because each of them holds the lock on
// the writer's row.
constexpr char kCountsSql[] = R"sql(
INSERT INTO $L.field_count AS f (stream_no, writer_id, field, nulled, truncated, undeclared)
SELECT $1, $2, c.* FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) AS c
ON CONFLICT (stream_no, writer_id, field) DO UPDATE SET
  nulled = f.nulled + excluded.nulled, truncated = f.truncated + excluded.truncated,
  undeclared = f.undeclared + excluded.undeclared
)sql";

constexpr char kLookSql[] = R"sql(
SELECT w.epoch - $3 AS newer_claims, w.claim_token IS DISTINCT FROM $5::bigint AS other_claim,
  w.claim_token IS NULL AS withdrawn, w.committed @> $4::int8multirange AS committed, w.durable_offset, s.state
FROM $L.writer w JOIN $L.stream s ON s.stream_no = w.stream_no
WHERE w.stream_no = $1 AND w.writer_id = $2
)sql";

constexpr char kUnlockedSql[] = R"sql(
SELECT FROM $L.writer WHERE stream_no = $1 AND writer_id = $2 FOR NO KEY UPDATE NOWAIT
)sql";

// Returns one record per reason, at the first offset of the reason, that stands for all.
std::vector<RejectedRecord> Summarize(absl::Span<const RejectedRecord> rejected) {
  struct Reason {
    int64_t records = 0;
    int64_t first = 0;
    int64_t last = 0;
  };
  std::map<std::string, Reason> reasons;
  for (const RejectedRecord& record : rejected) {
    Reason& reason = reasons[record.reason];
    if (reason.records++ == 0) reason.first = record.offset;
    reason.last = record.offset;
  }
  std::vector<RejectedRecord> summaries;
  summaries.reserve(reasons.size());
  for (const auto& [name, reason] : reasons) {
    summaries.push_back(
        {reason.first, name, /*raw=*/"", /*raw_truncated=*/true,
         absl::StrCat("stands for ", reason.records, " rejected records, the last at offset ",
                      reason.last, ": at most ", kMaxListedRejections,
                      " of a stream are listed one by one")});
  }
  return summaries;
}

void LogUnlisted(const WriterClaim& claim, int64_t records) {
  static auto* const limiter = new LineLimiter(10, absl::Seconds(10));
  const std::optional<int64_t> left_out = limiter->Take(absl::Now());
  if (!left_out.has_value()) return;
  Log line(LogLevel::kWarning, "rejected_records_summarized");
  line.Field("sync_no", claim.sync_no)
      .Field("stream_no", claim.stream_no)
      .Field("writer", claim.writer_id)
      .Field("records", records);
  if (*left_out > 0) line.Field("left_out", *left_out);
}

}  // namespace

DataCommitter::DataCommitter(const Ledger& ledger)
    : quoted_schema_(ledger.quoted_schema()),
      globals_(ledger.quoted_schema()),
      advance_sql_(AdvanceSql(ledger.quoted_schema())),
      checkpoints_sql_(WithLedgerSchema(kCheckpointsSql, ledger.quoted_schema())),
      rejected_sql_(WithLedgerSchema(kRejectedSql, ledger.quoted_schema())),
      rejected_totals_sql_(WithLedgerSchema(kRejectedTotalsSql, ledger.quoted_schema())),
      add_rejected_bytes_sql_(WithLedgerSchema(kAddRejectedBytesSql, ledger.quoted_schema())),
      counts_sql_(WithLedgerSchema(kCountsSql, ledger.quoted_schema())),
      look_sql_(WithLedgerSchema(kLookSql, ledger.quoted_schema())),
      unlocked_sql_(WithLedgerSchema(kUnlockedSql, ledger.quoted_schema())) {}

absl::StatusOr<int64_t> DataCommitter::AdvanceOffset(Connection& connection,
                                                     const WriterClaim& claim,
                                                     const DataCommit& commit) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result moved,
                            connection.Query(advance_sql_, AdvanceParams(claim, commit)));
  if (moved.size() != 1) return Fenced(claim.writer_id);
  return moved.Int(0, 0);
}

absl::Status DataCommitter::WriteOwn(
    Connection& connection, const WriterClaim& claim,
    const std::vector<const PendingCheckpoint*>& checkpoints) const {
  std::vector<std::string> ids;
  std::vector<int64_t> offsets;
  std::vector<absl::string_view> states;
  for (const PendingCheckpoint* const checkpoint : checkpoints) {
    ids.push_back(checkpoint->checkpoint_id);
    offsets.push_back(checkpoint->offset);
    states.emplace_back(checkpoint->state);
  }
  Params params;
  params.Int(claim.sync_no).Int(claim.stream_no).Text(claim.writer_id);
  params.TextArray(ids).IntArray(offsets).BytesArray(states);
  return connection.Query(checkpoints_sql_, params).status();
}

absl::Status DataCommitter::WriteCheckpoints(
    Connection& connection, const WriterClaim& claim,
    const std::vector<PendingCheckpoint>& checkpoints) const {
  std::vector<const PendingCheckpoint*> own, global;
  for (const PendingCheckpoint& checkpoint : checkpoints) {
    (checkpoint.positions.empty() ? own : global).push_back(&checkpoint);
  }
  if (!own.empty()) SYNCLINE_RETURN_IF_ERROR(WriteOwn(connection, claim, own));
  return global.empty() ? absl::OkStatus() : globals_.Store(connection, claim, global);
}

absl::Status DataCommitter::WriteRejected(Connection& connection, const WriterClaim& claim,
                                          const std::vector<RejectedRecord>& rejected,
                                          int64_t max_bytes) const {
  if (rejected.empty()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const Result known,
                            connection.Query(rejected_totals_sql_, Params().Int(claim.stream_no)));
  const int64_t kept_before = known.Int(0, 0);
  int64_t room = max_bytes - kept_before;
  // The fence has already counted the records of this commit.
  const auto records = static_cast<int64_t>(rejected.size());
  const int64_t listed_before = known.Int(0, 1) - records;
  const auto listed =
      static_cast<size_t>(std::clamp<int64_t>(kMaxListedRejections - listed_before, 0, records));
  const absl::Span<const RejectedRecord> all(rejected);
  SYNCLINE_RETURN_IF_ERROR(WriteRejectedRows(connection, claim, all.first(listed), &room));
  const std::vector<RejectedRecord> summaries = Summarize(all.subspan(listed));
  SYNCLINE_RETURN_IF_ERROR(WriteRejectedRows(connection, claim, summaries, &room));
  if (!summaries.empty()) {
    LogUnlisted(claim, records - static_cast<int64_t>(listed));
  }
  const int64_t kept = max_bytes - room - kept_before;
  if (kept == 0) return absl::OkStatus();
  return connection
      .Query(add_rejected_bytes_sql_, Params().Int(claim.stream_no).Text(claim.writer_id).Int(kept))
      .status();
}

absl::Status DataCommitter::WriteRejectedRows(Connection& connection, const WriterClaim& claim,
                                              absl::Span<const RejectedRecord> rejected,
                                              int64_t* room) const {
  for (size_t next = 0; next < rejected.size();) {
    std::vector<int64_t> offsets;
    std::vector<std::string> reasons, truncated, details;
    std::vector<absl::string_view> raws;
    size_t bytes = 0;
    for (; next < rejected.size() && offsets.size() < kRejectedPerStatement &&
           bytes < kRejectedBytesPerStatement;
         ++next) {
      const RejectedRecord& record = rejected[next];
      const auto size = static_cast<int64_t>(record.raw.size());
      const bool keep = size <= *room;
      if (keep) *room -= size;
      offsets.push_back(record.offset);
      reasons.push_back(record.reason);
      raws.emplace_back(keep ? record.raw : absl::string_view());
      truncated.emplace_back(record.raw_truncated || !keep ? "t" : "f");
      details.push_back(record.detail);
      bytes += record.raw.size();
    }
    Params params;
    params.Int(claim.sync_no).Int(claim.stream_no).Text(claim.writer_id).IntArray(offsets);
    params.TextArray(reasons).BytesArray(raws).TextArray(truncated).TextArray(details);
    SYNCLINE_RETURN_IF_ERROR(connection.Query(rejected_sql_, params).status());
  }
  return absl::OkStatus();
}

absl::Status DataCommitter::WriteCounts(Connection& connection, const WriterClaim& claim,
                                        const FieldCounts& fields) const {
  if (fields.empty()) return absl::OkStatus();
  std::vector<std::string> names;
  std::vector<int64_t> nulled, truncated, undeclared;
  for (const auto& [field, counts] : fields) {
    names.push_back(field);
    nulled.push_back(counts.nulled);
    truncated.push_back(counts.truncated);
    undeclared.push_back(counts.undeclared);
  }
  Params params;
  params.Int(claim.stream_no).Text(claim.writer_id).TextArray(names);
  params.IntArray(nulled).IntArray(truncated).IntArray(undeclared);
  return connection.Query(counts_sql_, params).status();
}

absl::StatusOr<WriterRowState> DataCommitter::Look(Connection& connection, const WriterClaim& claim,
                                                   const OffsetRanges& offsets) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result found,
                            connection.Query(look_sql_, Params()
                                                            .Int(claim.stream_no)
                                                            .Text(claim.writer_id)
                                                            .Int(claim.epoch)
                                                            .Text(offsets.ToMultirange())
                                                            .Int(claim.token)));
  WriterRowState standing;
  // Only a crash lowers an epoch or removes the row of an open call: the claim was one of the last
  // changes that the database had not written yet. A later claim may have received the same epoch.
  if (found.size() != 1) {
    standing.claim = ClaimLost(claim.writer_id);
    return standing;
  }
  const RowView row = found.Row(0);
  standing.committed = row.Bool("committed") && !offsets.empty();
  standing.durable_offset = row.Int("durable_offset");
  const int64_t newer_claims = row.Int("newer_claims");
  if (newer_claims < 0) {
    standing.claim = ClaimLost(claim.writer_id);
  } else if (newer_claims == 0 && row.Bool("withdrawn")) {
    standing.claim = ColumnsChanged(claim.writer_id);
  } else if (newer_claims > 0 || row.Bool("other_claim")) {
    standing.claim = row.Text("state") == ToText(StreamState::kCancelled) ? SyncCancelled()
                                                                          : Fenced(claim.writer_id);
  }
  return standing;
}

absl::Status DataCommitter::CheckUnlocked(Connection& connection, const WriterClaim& claim) const {
  return connection.Query(unlocked_sql_, Params().Int(claim.stream_no).Text(claim.writer_id))
      .status();
}

}  // namespace syncline::postgres
