#include "server/postgres/ledger/global_checkpoints.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kStoreSql[] = R"sql(
WITH c AS (
  INSERT INTO $L.global_checkpoint (sync_no, stream_no, writer_id, checkpoint_id, state)
  VALUES ($1, $2, $3, $4, $5) ON CONFLICT (stream_no, writer_id, checkpoint_id) DO NOTHING
  RETURNING sync_no, number)
INSERT INTO $L.global_position (sync_no, number, stream_no, writer_id, "offset")
SELECT c.sync_no, c.number, s.stream_no, p.writer_id, p.at
FROM c, unnest($6::text[], $7::text[], $8::text[], $9::bigint[]) AS p (namespace, name, writer_id, at)
JOIN $L.stream s ON s.sync_no = $1 AND s.namespace = p.namespace AND s.name = p.name
)sql";

// $1: sync_no. The checkpoints that are committed and have no sequence number yet.
constexpr char kDueSql[] = R"sql(
SELECT g.number, row_number() OVER (ORDER BY g.number) AS place
FROM $L.global_checkpoint g
WHERE g.sync_no = $1 AND g.sequence IS NULL AND NOT EXISTS (
  SELECT FROM $L.global_position p
  LEFT JOIN $L.writer w ON w.stream_no = p.stream_no AND w.writer_id = p.writer_id
  WHERE p.sync_no = g.sync_no AND p.number = g.number
    AND coalesce(w.durable_offset, 0) < p."offset")
)sql";

constexpr char kLockSyncSql[] = "SELECT 1 FROM $L.sync WHERE sync_no = $1 FOR UPDATE";

// Follows `WITH due AS (kDueSql)`.
constexpr char kNumberSql[] = R"sql(
, numbered AS (
  UPDATE $L.global_checkpoint g SET sequence = y.last_sequence + d.place
  FROM due d, $L.sync y
  WHERE y.sync_no = $1 AND g.sync_no = $1 AND g.number = d.number RETURNING g.sequence)
UPDATE $L.sync SET last_sequence = (SELECT max(sequence) FROM numbered)
WHERE sync_no = $1 AND EXISTS (SELECT FROM numbered)
)sql";

}  // namespace

GlobalCheckpoints::GlobalCheckpoints(absl::string_view quoted_schema)
    : store_sql_(WithLedgerSchema(kStoreSql, quoted_schema)),
      due_sql_(WithLedgerSchema(absl::StrCat("SELECT EXISTS (", kDueSql, ")"), quoted_schema)),
      lock_sql_(WithLedgerSchema(kLockSyncSql, quoted_schema)),
      number_sql_(WithLedgerSchema(absl::StrCat("WITH due AS (", kDueSql, ")", kNumberSql),
                                   quoted_schema)) {}

absl::Status GlobalCheckpoints::Store(Connection& connection, const WriterClaim& claim,
                                      const PendingCheckpoint& checkpoint) const {
  std::vector<std::string> namespaces, names, writers;
  std::vector<int64_t> offsets;
  for (const CheckpointPosition& position : checkpoint.positions) {
    namespaces.push_back(position.descriptor.name_space);
    names.push_back(position.descriptor.name);
    writers.push_back(position.writer_id);
    offsets.push_back(position.offset);
  }
  Params params;
  params.Int(claim.sync_no).Int(claim.stream_no).Text(claim.writer_id);
  params.Text(checkpoint.checkpoint_id).Bytes(checkpoint.state).TextArray(namespaces);
  params.TextArray(names).TextArray(writers).IntArray(offsets);
  return connection.Query(store_sql_, params).status();
}

absl::Status GlobalCheckpoints::Number(Transaction& transaction, int64_t sync_no) const {
  const Params params = Params().Int(sync_no);
  SYNCLINE_ASSIGN_OR_RETURN(const Result due, transaction.Query(due_sql_, params));
  if (!due.Bool(0, 0)) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(transaction.Query(lock_sql_, params).status());
  return transaction.Query(number_sql_, params).status();
}

}  // namespace syncline::postgres
