#include "server/postgres/ledger/checkpoint_numbers.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// Whether every position of the global checkpoint g is durable.
constexpr char kIsDurable[] = R"sql(NOT EXISTS (
  SELECT FROM $L.global_position p
  LEFT JOIN $L.writer w ON w.stream_no = p.stream_no AND w.writer_id = p.writer_id
  WHERE p.sync_no = g.sync_no AND p.number = g.number
    AND coalesce(w.durable_offset, 0) < p."offset"))sql";

// $D: kIsDurable. Returns the syncs that have checkpoints without a number.
constexpr char kSurveySql[] = R"sql(
SELECT u.sync_no, u.global, u.own OR u.global AND EXISTS (
    SELECT FROM $L.global_checkpoint g
    WHERE g.sync_no = u.sync_no AND g.sequence IS NULL AND $D) AS due
FROM (SELECT n.sync_no,
        EXISTS (SELECT FROM $L.checkpoint c
                WHERE c.sync_no = n.sync_no AND c.sequence IS NULL) AS own,
        EXISTS (SELECT FROM $L.global_checkpoint g
                WHERE g.sync_no = n.sync_no AND g.sequence IS NULL) AS global
      FROM unnest($1::bigint[]) AS n (sync_no)) u
WHERE u.own OR u.global
)sql";

constexpr char kLockSql[] = R"sql(
SELECT sync_no FROM $L.sync WHERE sync_no = ANY($1) ORDER BY sync_no FOR NO KEY UPDATE
SKIP LOCKED
)sql";

// $D: kIsDurable. The syncs are locked, so last_sequence is the same in all parts.
constexpr char kNumberSql[] = R"sql(
WITH own AS (
  SELECT sync_no, stream_no, writer_id, checkpoint_id,
    row_number() OVER (PARTITION BY sync_no ORDER BY stream_no, writer_id, number) AS place
  FROM $L.checkpoint WHERE sync_no = ANY($1) AND sequence IS NULL),
counted AS (SELECT sync_no, count(*) AS own FROM own GROUP BY sync_no),
global AS (
  SELECT g.sync_no, g.number,
    coalesce(n.own, 0) + row_number() OVER (PARTITION BY g.sync_no ORDER BY g.number) AS place
  FROM $L.global_checkpoint g LEFT JOIN counted n USING (sync_no)
  WHERE g.sync_no = ANY($1) AND g.sequence IS NULL AND $D),
numbered_own AS (
  UPDATE $L.checkpoint c SET sequence = y.last_sequence + o.place, numbered_at = statement_timestamp()
  FROM own o JOIN $L.sync y USING (sync_no)
  WHERE c.stream_no = o.stream_no AND c.writer_id = o.writer_id
    AND c.checkpoint_id = o.checkpoint_id),
numbered_global AS (
  UPDATE $L.global_checkpoint c
  SET sequence = y.last_sequence + g.place, numbered_at = statement_timestamp()
  FROM global g JOIN $L.sync y USING (sync_no)
  WHERE c.sync_no = g.sync_no AND c.number = g.number)
UPDATE $L.sync y SET last_sequence = y.last_sequence + t.numbered
FROM (SELECT sync_no, count(*) AS numbered
      FROM (SELECT sync_no FROM own UNION ALL SELECT sync_no FROM global) a
      GROUP BY sync_no) t
WHERE y.sync_no = t.sync_no
RETURNING y.sync_no
)sql";

std::string Sql(absl::string_view text, absl::string_view quoted_schema) {
  return WithLedgerSchema(absl::StrReplaceAll(text, {{"$D", kIsDurable}}), quoted_schema);
}

std::vector<int64_t> ReadSyncNos(const Result& rows) {
  std::vector<int64_t> sync_nos;
  for (const RowView row : rows) sync_nos.push_back(row.Int("sync_no"));
  return sync_nos;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> FindDueCheckpoints(Transaction& transaction,
                                                        absl::string_view quoted_schema,
                                                        const std::vector<int64_t>& sync_nos) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result surveyed, transaction.Query(Sql(kSurveySql, quoted_schema),
                                                                     Params().IntArray(sync_nos)));
  std::vector<int64_t> due;
  for (const RowView row : surveyed) {
    if (row.Bool("due")) due.push_back(row.Int("sync_no"));
  }
  return due;
}

absl::StatusOr<CheckpointNumbering> NumberCheckpoints(Transaction& transaction,
                                                      absl::string_view quoted_schema,
                                                      const std::vector<int64_t>& sync_nos) {
  const auto sql = [&](absl::string_view text) { return Sql(text, quoted_schema); };
  CheckpointNumbering numbering;
  std::vector<int64_t> due;
  SYNCLINE_ASSIGN_OR_RETURN(const Result surveyed,
                            transaction.Query(sql(kSurveySql), Params().IntArray(sync_nos)));
  for (const RowView row : surveyed) {
    if (row.Bool("global")) numbering.waiting.push_back(row.Int("sync_no"));
    if (row.Bool("due")) due.push_back(row.Int("sync_no"));
  }
  if (due.empty()) return numbering;
  SYNCLINE_ASSIGN_OR_RETURN(const Result got,
                            transaction.Query(sql(kLockSql), Params().IntArray(due)));
  const std::vector<int64_t> held = ReadSyncNos(got);
  for (const int64_t sync_no : due) {
    if (!std::binary_search(held.begin(), held.end(), sync_no)) numbering.locked.push_back(sync_no);
  }
  if (held.empty()) return numbering;
  SYNCLINE_ASSIGN_OR_RETURN(const Result numbered,
                            transaction.Query(sql(kNumberSql), Params().IntArray(held)));
  numbering.numbered = ReadSyncNos(numbered);
  return numbering;
}

}  // namespace syncline::postgres
