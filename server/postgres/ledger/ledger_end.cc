// Ledger: the statements that end streams, syncs and generations. They lock rows in the order of
// row_locks.h.
#include <algorithm>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/row_locks.h"

namespace syncline::postgres {
namespace {

constexpr char kLiveStreamsSql[] = R"sql(
SELECT stream_no FROM $L.stream
WHERE sync_no = $1 AND state IN ('open', 'finalizing') ORDER BY stream_no FOR NO KEY UPDATE
)sql";

// $1 to $4: the tables of a new sync, and the loader and generation of its streams.
constexpr char kSupersededSql[] = R"sql(
SELECT s.stream_no, s.sync_no FROM $L.stream s
WHERE s.state IN ('open', 'finalizing') AND EXISTS (
  SELECT FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
    AS n (table_schema, table_name, loader, generation_id)
  WHERE n.table_schema = s.table_schema AND n.table_name = s.table_name
    AND (s.loader <> 'append' OR n.loader <> 'append' OR s.generation_id < n.generation_id))
ORDER BY s.stream_no FOR NO KEY UPDATE OF s
)sql";

constexpr char kCancelStreamsSql[] = R"sql(
UPDATE $L.stream SET state = 'cancelled', finished_at = now(), superseded = $2
WHERE stream_no = ANY($1)
)sql";

constexpr char kCancelSyncSql[] = R"sql(
UPDATE $L.sync SET state = 'cancelled', finished_at = now()
WHERE sync_no = $1 AND state IN ('starting', 'running')
)sql";

constexpr char kFenceStreamsSql[] = R"sql(
WITH locked AS (
  SELECT stream_no, writer_id FROM $L.writer
  WHERE stream_no = ANY($1) ORDER BY stream_no, writer_id COLLATE "C" FOR NO KEY UPDATE)
UPDATE $L.writer w SET epoch = w.epoch + 1, open_by = NULL
FROM locked l WHERE w.stream_no = l.stream_no AND w.writer_id = l.writer_id
)sql";

// Several streams may have loaded one generation.
constexpr char kEndGenerationsSql[] = R"sql(
UPDATE $L.generation g SET
  state = CASE WHEN g.state = 'loading' AND g.sync_id = ANY(t.sync_ids) THEN 'cancelled'
               ELSE g.state END,
  rows = g.rows + t.rows, bytes = g.bytes + t.bytes
FROM (
  SELECT s.table_schema, s.table_name, s.generation_id, array_agg(y.sync_id) AS sync_ids,
    coalesce(sum(w.rows_written) FILTER (WHERE s.loader = 'append'), 0) AS rows,
    coalesce(sum(w.bytes), 0) AS bytes
  FROM $L.stream s JOIN $L.sync y USING (sync_no) LEFT JOIN $L.writer w USING (stream_no)
  WHERE s.stream_no = ANY($1) GROUP BY s.table_schema, s.table_name, s.generation_id) t
WHERE g.table_schema = t.table_schema AND g.table_name = t.table_name
  AND g.generation_id = t.generation_id
)sql";

// The writers' columns are those after the update, which has waited for their commits.
constexpr char kBeginFinalizeSql[] = R"sql(
WITH finalizing AS (UPDATE $L.stream SET state = 'finalizing' WHERE stream_no = $1),
locked AS (
  SELECT stream_no, writer_id FROM $L.writer
  WHERE stream_no = $1 ORDER BY writer_id COLLATE "C" FOR NO KEY UPDATE)
UPDATE $L.writer w SET epoch = w.epoch + 1, open_by = NULL
FROM locked l WHERE w.stream_no = l.stream_no AND w.writer_id = l.writer_id
RETURNING w.writer_id, NOT isempty(w.committed) AND upper(w.committed) > w.durable_offset AS gap
)sql";

// The generation's update reads from `finished`, so the stream's row is locked first.
constexpr char kFinishStreamSql[] = R"sql(
WITH finished AS (
  UPDATE $L.stream SET state = $2, outcome = $3, result_rows = $4::bigint, marked_rows = $9,
    finished_at = now(), strategy = CASE $7 WHEN 'auto' THEN strategy ELSE $7 END,
    strategy_reason = CASE $7 WHEN 'auto' THEN strategy_reason ELSE $8 END
  WHERE stream_no = $1 AND state = 'finalizing'
  RETURNING sync_no, table_schema, table_name, generation_id),
history AS (
  UPDATE $L.generation g SET state = $5,
    rows = CASE WHEN $3 IN ('swapped', 'replaced_in_place') THEN $4::bigint
                WHEN $3 = 'kept_for_resume' THEN g.rows ELSE g.rows + $4::bigint END,
    bytes = g.bytes + $6,
    completed_at = CASE WHEN $5 = 'completed' THEN now() ELSE g.completed_at END
  FROM finished f
  WHERE g.table_schema = f.table_schema AND g.table_name = f.table_name
    AND g.generation_id = f.generation_id)
SELECT sync_no FROM finished
)sql";

// $2: also those that accept more streams.
constexpr char kFinishSyncsSql[] = R"sql(
UPDATE $L.sync s SET finished_at = now(),
  state = CASE WHEN EXISTS (SELECT FROM $L.stream t
                            WHERE t.sync_no = s.sync_no AND t.state = 'cancelled')
          THEN 'cancelled' ELSE 'finished' END
WHERE s.sync_no = ANY($1) AND s.state IN ('starting', 'running') AND (NOT s.extensible OR $2)
  AND NOT EXISTS (SELECT FROM $L.stream t
                  WHERE t.sync_no = s.sync_no AND t.state IN ('open', 'finalizing'))
)sql";

constexpr char kEndExtensionsSql[] = R"sql(
UPDATE $L.sync s SET extensible = false
WHERE s.sync_no = $1 AND s.extensible
  AND NOT EXISTS (SELECT FROM $L.stream t
                  WHERE t.sync_no = s.sync_no AND t.state IN ('open', 'finalizing'))
)sql";

constexpr char kDropGenerationsSql[] = R"sql(
UPDATE $L.generation g SET state = 'dropped'
FROM unnest($1::text[], $2::text[]) AS t (table_schema, table_name)
WHERE g.table_schema = t.table_schema AND g.table_name = t.table_name
  AND (completed_at IS NOT NULL OR (rows > 0 AND state IN ('incomplete', 'cancelled')))
)sql";

std::vector<int64_t> ReadNumbers(const Result& rows, absl::string_view column) {
  std::vector<int64_t> numbers;
  for (const RowView row : rows) numbers.push_back(row.Int(column));
  return numbers;
}

}  // namespace

absl::Status Ledger::CancelSync(Transaction& transaction, int64_t sync_no) const {
  const Params params = Params().Int(sync_no);
  SYNCLINE_ASSIGN_OR_RETURN(const Result live, transaction.Query(Sql(kLiveStreamsSql), params));
  const std::vector<int64_t> streams = ReadNumbers(live, "stream_no");
  SYNCLINE_RETURN_IF_ERROR(CancelStreams(transaction, streams, /*superseded=*/false));
  SYNCLINE_RETURN_IF_ERROR(LockGenerations(transaction, quoted_schema_, {}, streams));
  SYNCLINE_RETURN_IF_ERROR(EndGenerations(transaction, streams));
  return transaction.Query(Sql(kCancelSyncSql), params).status();
}

absl::Status Ledger::CancelStreams(Transaction& transaction, const std::vector<int64_t>& stream_nos,
                                   bool superseded) const {
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Query(Sql(kCancelStreamsSql), Params().IntArray(stream_nos).Bool(superseded))
          .status());
  // Waits for data transactions that are committing, whose rows the following statements see.
  return transaction.Query(Sql(kFenceStreamsSql), Params().IntArray(stream_nos)).status();
}

absl::Status Ledger::EndGenerations(Transaction& transaction,
                                    const std::vector<int64_t>& stream_nos) const {
  return transaction.Query(Sql(kEndGenerationsSql), Params().IntArray(stream_nos)).status();
}

absl::StatusOr<std::vector<int64_t>> Ledger::SupersedeStreams(
    Transaction& transaction, const std::vector<StreamPlan>& plans,
    const std::vector<TableName>& dropped) const {
  std::vector<std::string> schemas, tables, loaders;
  std::vector<int64_t> generations;
  std::vector<GenerationKey> opened;
  for (const StreamPlan& plan : plans) {
    schemas.push_back(plan.table.schema);
    tables.push_back(plan.table.name);
    loaders.emplace_back(ToText(plan.loader));
    generations.push_back(plan.generation_id);
    opened.push_back({plan.table, plan.generation_id});
  }
  Params params;
  params.TextArray(schemas).TextArray(tables).TextArray(loaders).IntArray(generations);
  SYNCLINE_ASSIGN_OR_RETURN(const Result found, transaction.Query(Sql(kSupersededSql), params));
  const std::vector<int64_t> streams = ReadNumbers(found, "stream_no");
  if (streams.empty() && dropped.empty()) return std::vector<int64_t>();
  SYNCLINE_RETURN_IF_ERROR(CancelStreams(transaction, streams, /*superseded=*/true));
  SYNCLINE_RETURN_IF_ERROR(LockGenerations(transaction, quoted_schema_, opened, streams, dropped));
  SYNCLINE_RETURN_IF_ERROR(MarkGenerationsDropped(transaction, dropped));
  SYNCLINE_RETURN_IF_ERROR(EndGenerations(transaction, streams));
  return ReadNumbers(found, "sync_no");
}

absl::Status Ledger::MarkGenerationsDropped(Transaction& transaction,
                                            const std::vector<TableName>& tables) const {
  return transaction.Query(Sql(kDropGenerationsSql), Params().TableNames(tables)).status();
}

absl::StatusOr<std::vector<std::string>> Ledger::BeginFinalize(Transaction& transaction,
                                                               int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result writers,
                            transaction.Query(Sql(kBeginFinalizeSql), Params().Int(stream_no)));
  std::vector<std::string> gaps;
  for (const RowView row : writers) {
    if (row.Bool("gap")) gaps.push_back(row.Text("writer_id"));
  }
  std::sort(gaps.begin(), gaps.end());
  return gaps;
}

absl::Status Ledger::FinishStream(Transaction& transaction, const StreamEntry& stream,
                                  StreamState state, const StreamResult& result) const {
  Params params;
  params.Int(stream.plan.stream_no).Text(ToText(state)).Text(ToText(result.outcome));
  params.Int(result.rows);
  params.Text(state == StreamState::kCompleted ? "completed" : "incomplete").Int(stream.bytes);
  params.Text(ToText(result.choice.strategy)).Text(result.choice.reason);
  params.Int(result.marked_rows);
  SYNCLINE_ASSIGN_OR_RETURN(const Result finished,
                            transaction.Query(Sql(kFinishStreamSql), params));
  if (finished.empty()) return Superseded();
  return FinishSyncs(transaction, {finished.Int(0, 0)});
}

absl::StatusOr<SyncState> Ledger::LockExtended(Transaction& transaction, int64_t sync_no,
                                               std::vector<int64_t> others) const {
  others.push_back(sync_no);
  SYNCLINE_RETURN_IF_ERROR(LockSyncs(transaction, quoted_schema_, others));
  return GetSyncState(transaction, sync_no);
}

absl::Status Ledger::EndExtensions(Transaction& transaction, int64_t sync_no) const {
  SYNCLINE_RETURN_IF_ERROR(LockSyncs(transaction, quoted_schema_, {sync_no}));
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Query(Sql(kEndExtensionsSql), Params().Int(sync_no)).status());
  return FinishSyncs(transaction, {sync_no});
}

absl::Status Ledger::FinishSyncs(Transaction& transaction, const std::vector<int64_t>& sync_nos,
                                 bool also_extensible) const {
  if (sync_nos.empty()) return absl::OkStatus();
  // With the row lock, the last two streams see each other if they end at the same time.
  SYNCLINE_RETURN_IF_ERROR(LockSyncs(transaction, quoted_schema_, sync_nos));
  return transaction.Query(Sql(kFinishSyncsSql), Params().IntArray(sync_nos).Bool(also_extensible))
      .status();
}

}  // namespace syncline::postgres
