// Ledger: the statements that end streams, syncs and generations.
#include <vector>

#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_errors.h"

namespace syncline::postgres {
namespace {

constexpr char kCancelSyncSql[] = R"sql(
UPDATE $L.sync SET state = 'cancelled', finished_at = now()
WHERE sync_no = $1 AND state IN ('starting', 'running')
)sql";

constexpr char kCancelStreamsSql[] = R"sql(
UPDATE $L.stream SET state = 'cancelled', finished_at = now()
WHERE sync_no = $1 AND state IN ('open', 'finalizing') RETURNING stream_no
)sql";

// $1, $2: the table; $3: the newer sync; $4, $5: its loader and generation.
constexpr char kSupersedeSql[] = R"sql(
UPDATE $L.stream SET state = 'cancelled', finished_at = now()
WHERE table_schema = $1 AND table_name = $2 AND sync_no <> $3 AND state IN ('open', 'finalizing')
  AND (loader <> 'append' OR $4 <> 'append' OR generation_id < $5)
RETURNING stream_no, sync_no
)sql";

constexpr char kFenceStreamsSql[] =
    "UPDATE $L.writer SET epoch = epoch + 1, open_by = NULL WHERE stream_no = ANY($1)";

constexpr char kEndGenerationsSql[] = R"sql(
UPDATE $L.generation g SET
  state = CASE WHEN g.state = 'loading' AND g.sync_id = t.sync_id THEN 'cancelled' ELSE g.state END,
  rows = g.rows + CASE WHEN t.loader = 'append' THEN t.rows ELSE 0 END,
  bytes = g.bytes + t.bytes
FROM (
  SELECT s.table_schema, s.table_name, s.generation_id, s.loader, y.sync_id,
    coalesce(sum(w.rows_written), 0) AS rows, coalesce(sum(w.bytes), 0) AS bytes
  FROM $L.stream s JOIN $L.sync y USING (sync_no) LEFT JOIN $L.writer w USING (stream_no)
  WHERE s.stream_no = ANY($1) GROUP BY s.stream_no, y.sync_no) t
WHERE g.table_schema = t.table_schema AND g.table_name = t.table_name
  AND g.generation_id = t.generation_id
)sql";

constexpr char kFinishStreamSql[] = R"sql(
UPDATE $L.stream SET state = $2, outcome = $3, result_rows = $4, finished_at = now()
WHERE stream_no = $1 AND state = 'finalizing' RETURNING sync_no
)sql";

constexpr char kFinishGenerationSql[] = R"sql(
UPDATE $L.generation SET state = $4,
  rows = CASE $7 WHEN 'swapped' THEN $5::bigint WHEN 'kept_for_resume' THEN rows
         ELSE rows + $5::bigint END,
  bytes = bytes + $6,
  completed_at = CASE WHEN $4 = 'completed' THEN now() ELSE completed_at END
WHERE table_schema = $1 AND table_name = $2 AND generation_id = $3
)sql";

constexpr char kFinishSyncSql[] = R"sql(
UPDATE $L.sync s SET finished_at = now(),
  state = CASE WHEN EXISTS (SELECT FROM $L.stream t
                            WHERE t.sync_no = s.sync_no AND t.state = 'cancelled')
          THEN 'cancelled' ELSE 'finished' END
WHERE s.sync_no = $1 AND s.state IN ('starting', 'running')
  AND NOT EXISTS (SELECT FROM $L.stream t
                  WHERE t.sync_no = s.sync_no AND t.state IN ('open', 'finalizing'))
)sql";

}  // namespace

absl::Status Ledger::CancelSync(Transaction& transaction, int64_t sync_no) const {
  const Params params = Params().Int(sync_no);
  SYNCLINE_ASSIGN_OR_RETURN(const Result cancelled, transaction.Query(Sql(kCancelSyncSql), params));
  if (cancelled.affected() == 0) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const Result streams,
                            transaction.Query(Sql(kCancelStreamsSql), params));
  SYNCLINE_RETURN_IF_ERROR(EndCancelled(transaction, streams));
  return Notify(transaction, sync_no);
}

absl::Status Ledger::EndCancelled(Transaction& transaction, const Result& streams) const {
  std::vector<int64_t> numbers;
  for (const RowView stream : streams) numbers.push_back(stream.Int("stream_no"));
  const Params params = Params().IntArray(numbers);
  // This comes first: it waits for data transactions that are committing, whose rows the next
  // statement sees.
  SYNCLINE_RETURN_IF_ERROR(transaction.Query(Sql(kFenceStreamsSql), params).status());
  return transaction.Query(Sql(kEndGenerationsSql), params).status();
}

absl::Status Ledger::SupersedeStreams(Transaction& transaction, int64_t sync_no,
                                      const StreamPlan& plan) const {
  Params params;
  params.Text(plan.table.schema).Text(plan.table.name).Int(sync_no);
  params.Text(ToText(plan.loader)).Int(plan.generation_id);
  SYNCLINE_ASSIGN_OR_RETURN(const Result superseded, transaction.Query(Sql(kSupersedeSql), params));
  if (superseded.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(EndCancelled(transaction, superseded));
  for (const RowView stream : superseded) {
    SYNCLINE_RETURN_IF_ERROR(FinishSyncIfDone(transaction, stream.Int("sync_no")));
  }
  return absl::OkStatus();
}

absl::Status Ledger::BeginFinalize(Transaction& transaction, int64_t stream_no) const {
  SYNCLINE_RETURN_IF_ERROR(
      transaction
          .Query(Sql("UPDATE $L.stream SET state = 'finalizing' WHERE stream_no = $1"),
                 Params().Int(stream_no))
          .status());
  return transaction
      .Query(Sql("UPDATE $L.writer SET epoch = epoch + 1, open_by = NULL WHERE stream_no = $1"),
             Params().Int(stream_no))
      .status();
}

absl::Status Ledger::FinishStream(Transaction& transaction, const StreamEntry& stream,
                                  StreamState state, const StreamResult& result) const {
  const StreamPlan& plan = stream.plan;
  Params params;
  params.Int(plan.stream_no).Text(ToText(state)).Text(ToText(result.outcome)).Int(result.rows);
  SYNCLINE_ASSIGN_OR_RETURN(const Result finished,
                            transaction.Query(Sql(kFinishStreamSql), params));
  if (finished.affected() != 1) return Superseded();
  const bool completed = state == StreamState::kCompleted;
  SYNCLINE_RETURN_IF_ERROR(
      transaction
          .Query(Sql(kFinishGenerationSql), Params()
                                                .Text(plan.table.schema)
                                                .Text(plan.table.name)
                                                .Int(plan.generation_id)
                                                .Text(completed ? "completed" : "incomplete")
                                                .Int(result.rows)
                                                .Int(stream.bytes)
                                                .Text(ToText(result.outcome)))
          .status());
  return FinishSyncIfDone(transaction, finished.Int(0, 0));
}

absl::Status Ledger::FinishSyncIfDone(Transaction& transaction, int64_t sync_no) const {
  const Params params = Params().Int(sync_no);
  // With the row lock, the last two streams see each other if they end at the same time.
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Query(Sql("SELECT 1 FROM $L.sync WHERE sync_no = $1 FOR UPDATE"), params)
          .status());
  SYNCLINE_RETURN_IF_ERROR(transaction.Query(Sql(kFinishSyncSql), params).status());
  return Notify(transaction, sync_no);
}

}  // namespace syncline::postgres
