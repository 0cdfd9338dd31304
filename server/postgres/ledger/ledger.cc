#include "server/postgres/ledger/ledger.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/failure_note.h"
#include "server/postgres/ledger/global_checkpoints.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/stream_notes.h"
#include "server/postgres/ledger/sync_reader.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// Checkpoints of one writer, and those that cover several. The latter count the records of all
// their positions since the previously announced one.
constexpr char kCheckpointsSql[] = R"sql(
SELECT sequence, stream_no, writer_id, checkpoint_id, "offset", records_since_last, state
FROM $L.checkpoint WHERE sync_no = $1 AND sequence > $2
UNION ALL
SELECT g.sequence, g.stream_no, g.writer_id, g.checkpoint_id,
  (SELECT coalesce(max(p."offset"), 0) FROM $L.global_position p
   WHERE p.sync_no = g.sync_no AND p.number = g.number AND p.stream_no = g.stream_no
     AND p.writer_id = g.writer_id),
  (SELECT coalesce(sum(p."offset"), 0)::bigint FROM $L.global_position p
   WHERE p.sync_no = g.sync_no AND p.number = g.number)
  - (SELECT coalesce(sum(p."offset"), 0)::bigint FROM $L.global_position p
     WHERE p.sync_no = g.sync_no AND p.number =
       (SELECT max(h.number) FROM $L.global_checkpoint h
        WHERE h.sync_no = g.sync_no AND h.sequence < g.sequence)),
  g.state
FROM $L.global_checkpoint g WHERE g.sync_no = $1 AND g.sequence > $2
ORDER BY sequence LIMIT $3
)sql";

}  // namespace

Ledger::Ledger(absl::string_view schema)
    : schema_(schema), quoted_schema_(QuoteIdentifier(schema)) {}

std::string Ledger::Channel() const { return absl::StrCat(schema_, "_sync"); }

absl::Status Ledger::Listen(Connection& connection) const {
  return connection.Execute(absl::StrCat("LISTEN ", QuoteIdentifier(Channel())));
}

absl::Status Ledger::Notify(Transaction& transaction, int64_t sync_no) const {
  return transaction.Query("SELECT pg_notify($1, $2)", Params().Text(Channel()).Int(sync_no))
      .status();
}

std::string Ledger::Sql(absl::string_view sql) const {
  return absl::StrReplaceAll(sql, {{"$L", quoted_schema_}});
}

absl::Status Ledger::Lock(Transaction& transaction, absl::string_view key) const {
  return transaction
      .Query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1937337955))", Params().Text(key))
      .status();
}

absl::Status Ledger::LockAll(Transaction& transaction, const std::vector<std::string>& keys) const {
  return transaction
      .Query(
          "SELECT pg_advisory_xact_lock(hashtextextended(k.key, 1937337955)) "
          "FROM (SELECT key FROM unnest($1::text[]) WITH ORDINALITY u (key, at) ORDER BY at) k",
          Params().TextArray(keys))
      .status();
}

absl::StatusOr<SyncEntry> Ledger::GetSync(Transaction& transaction,
                                          absl::string_view sync_id) const {
  SYNCLINE_ASSIGN_OR_RETURN(std::optional<SyncEntry> sync, FindSync(transaction, sync_id));
  if (!sync.has_value()) return UnknownSync(sync_id);
  return *std::move(sync);
}

absl::StatusOr<std::optional<SyncEntry>> Ledger::FindSync(Transaction& transaction,
                                                          absl::string_view sync_id) const {
  // libpq ends a parameter at its first NUL, so the lookup would match the truncated id.
  if (absl::StrContains(sync_id, '\0')) return std::optional<SyncEntry>();
  SYNCLINE_ASSIGN_OR_RETURN(
      std::vector<SyncEntry> syncs,
      ReadSyncs(transaction, quoted_schema_, "WHERE sync_id = $1", Params().Text(sync_id)));
  if (syncs.empty()) return std::optional<SyncEntry>();
  return std::optional<SyncEntry>(std::move(syncs.front()));
}

absl::StatusOr<std::vector<SyncEntry>> Ledger::ListSyncs(Transaction& transaction,
                                                         const SyncQuery& query) const {
  return ReadSyncs(transaction, quoted_schema_,
                   "WHERE ($1::bigint = 0 OR sync_no < $1::bigint) "
                   "AND ($3::text = '' OR owner IN ('', $3::text)) ORDER BY sync_no DESC LIMIT $2",
                   Params().Int(query.before).Int(query.limit).Text(query.owner));
}

absl::StatusOr<std::string> Ledger::GetOwner(Transaction& transaction,
                                             absl::string_view sync_id) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(Sql("SELECT owner FROM $L.sync WHERE sync_id = $1"),
                                              Params().Text(sync_id)));
  if (rows.empty()) return UnknownSync(sync_id);
  return rows.Text(0, 0);
}

absl::Status Ledger::CancelSync(Transaction& transaction, int64_t sync_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result cancelled,
      transaction.Query(Sql("UPDATE $L.sync SET state = 'cancelled', finished_at = now() "
                            "WHERE sync_no = $1 AND state IN ('starting', 'running')"),
                        Params().Int(sync_no)));
  if (cancelled.affected() == 0) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result streams,
      transaction.Query(Sql("UPDATE $L.stream SET state = 'cancelled', finished_at = now() "
                            "WHERE sync_no = $1 AND state IN ('open', 'finalizing') "
                            "RETURNING stream_no"),
                        Params().Int(sync_no)));
  SYNCLINE_RETURN_IF_ERROR(EndCancelled(transaction, streams));
  return Notify(transaction, sync_no);
}

absl::Status Ledger::EndCancelled(Transaction& transaction, const Result& stream_nos) const {
  std::vector<int64_t> numbers;
  for (size_t row = 0; row < stream_nos.size(); ++row) numbers.push_back(stream_nos.Int(row, 0));
  const Params params = Params().IntArray(numbers);
  // This comes first: it waits for data transactions that are committing, whose rows the next
  // statement sees.
  SYNCLINE_RETURN_IF_ERROR(transaction
                               .Query(Sql("UPDATE $L.writer SET epoch = epoch + 1, open_by = NULL "
                                          "WHERE stream_no = ANY($1)"),
                                      params)
                               .status());
  return transaction
      .Query(Sql("UPDATE $L.generation g SET "
                 "state = CASE WHEN g.state = 'loading' AND g.sync_id = t.sync_id "
                 "THEN 'cancelled' ELSE g.state END, "
                 "rows = g.rows + CASE WHEN t.loader = 'append' THEN t.rows ELSE 0 END, "
                 "bytes = g.bytes + t.bytes FROM (SELECT s.table_schema, s.table_name, "
                 "s.generation_id, s.loader, y.sync_id, coalesce(sum(w.rows_written), 0) AS rows, "
                 "coalesce(sum(w.bytes), 0) AS bytes FROM $L.stream s JOIN $L.sync y USING "
                 "(sync_no) LEFT JOIN $L.writer w USING (stream_no) WHERE s.stream_no = ANY($1) "
                 "GROUP BY s.stream_no, y.sync_no) t WHERE g.table_schema = t.table_schema AND "
                 "g.table_name = t.table_name AND g.generation_id = t.generation_id"),
             params)
      .status();
}

absl::Status Ledger::SupersedeStreams(Transaction& transaction, int64_t sync_no,
                                      const StreamPlan& plan) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result superseded,
      transaction.Query(Sql("UPDATE $L.stream SET state = 'cancelled', finished_at = now() "
                            "WHERE table_schema = $1 AND table_name = $2 AND sync_no <> $3 AND "
                            "state IN ('open', 'finalizing') AND "
                            "(loader <> 'append' OR $4 <> 'append' OR generation_id < $5) "
                            "RETURNING stream_no, sync_no"),
                        Params()
                            .Text(plan.table.schema)
                            .Text(plan.table.name)
                            .Int(sync_no)
                            .Text(ToText(plan.loader))
                            .Int(plan.generation_id)));
  if (superseded.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(EndCancelled(transaction, superseded));
  for (size_t row = 0; row < superseded.size(); ++row) {
    SYNCLINE_RETURN_IF_ERROR(FinishSyncIfDone(transaction, superseded.Int(row, 1)));
  }
  return absl::OkStatus();
}

absl::StatusOr<TableHistory> Ledger::GetTableHistory(Transaction& transaction,
                                                     const TableName& table) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(
          Sql("SELECT coalesce(max(g.generation_id) FILTER "
              "(WHERE g.completed_at IS NOT NULL AND g.state <> 'dropped'), 0), "
              "coalesce((array_agg(g.connection_id ORDER BY y.sync_no DESC NULLS LAST))[1], ''), "
              "t.live, t.generation_id, max(g.generation_id) FILTER "
              "(WHERE g.state <> 'dropped' AND (g.completed_at IS NOT NULL OR g.rows > 0)) "
              "FROM (SELECT count(*) > 0 AS live, "
              "coalesce(max(generation_id), 0) AS generation_id FROM $L.stream "
              "WHERE table_schema = $1 AND table_name = $2 AND state IN ('open', 'finalizing')) t "
              "LEFT JOIN $L.generation g ON g.table_schema = $1 AND g.table_name = $2 "
              "LEFT JOIN $L.sync y ON y.sync_id = g.sync_id GROUP BY t.live, t.generation_id"),
          Params().Text(table.schema).Text(table.name)));
  TableHistory history = {rows.Int(0, 0), rows.Text(0, 1), rows.Bool(0, 2), rows.Int(0, 3), {}};
  if (!rows.IsNull(0, 4)) history.loaded_generation = rows.Int(0, 4);
  return history;
}

absl::Status Ledger::MarkGenerationsDropped(Transaction& transaction,
                                            const TableName& table) const {
  return transaction
      .Query(Sql("UPDATE $L.generation SET state = 'dropped' WHERE table_schema = $1 AND "
                 "table_name = $2 AND (completed_at IS NOT NULL OR "
                 "(rows > 0 AND state IN ('incomplete', 'cancelled')))"),
             Params().Text(table.schema).Text(table.name))
      .status();
}

absl::Status Ledger::AddRows(Transaction& transaction, const TableName& table,
                             int64_t generation_id, int64_t rows) const {
  return transaction
      .Query(Sql("UPDATE $L.generation SET rows = rows + $4 "
                 "WHERE table_schema = $1 AND table_name = $2 AND generation_id = $3"),
             Params().Text(table.schema).Text(table.name).Int(generation_id).Int(rows))
      .status();
}

absl::Status Ledger::RenewServerLease(Transaction& transaction, absl::string_view server_id,
                                      absl::Duration lease) const {
  return transaction
      .Query(Sql("INSERT INTO $L.server (server_id, lease_until) "
                 "VALUES ($1, now() + make_interval(secs => $2::float8 / 1000)) "
                 "ON CONFLICT (server_id) DO UPDATE SET lease_until = excluded.lease_until"),
             Params().Text(server_id).Int(absl::ToInt64Milliseconds(lease)))
      .status();
}

absl::Status Ledger::DropServerLease(Transaction& transaction, absl::string_view server_id) const {
  return transaction
      .Query(Sql("DELETE FROM $L.server "
                 "WHERE server_id = $1 OR lease_until < now() - interval '1 day'"),
             Params().Text(server_id))
      .status();
}

absl::StatusOr<StreamState> Ledger::GetStreamState(Transaction& transaction,
                                                   int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows, transaction.Query(Sql("SELECT state FROM $L.stream WHERE stream_no = $1"),
                                           Params().Int(stream_no)));
  if (rows.empty()) return absl::InternalError(absl::StrCat("no stream ", stream_no));
  return StreamStateFromText(rows.Text(0, 0));
}

absl::StatusOr<StreamEntry> Ledger::LockStream(Transaction& transaction, int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(std::optional<StreamEntry> stream,
                            ReadAndLockStream(transaction, quoted_schema_, stream_no));
  if (!stream.has_value()) return absl::InternalError(absl::StrCat("no stream ", stream_no));
  return *std::move(stream);
}

absl::StatusOr<std::vector<std::string>> Ledger::FindOpenWriters(Transaction& transaction,
                                                                 int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(Sql("SELECT w.writer_id FROM $L.writer w JOIN $L.server s "
                            "ON s.server_id = w.open_by AND s.lease_until > now() "
                            "WHERE w.stream_no = $1 ORDER BY w.writer_id"),
                        Params().Int(stream_no)));
  std::vector<std::string> writers;
  for (size_t row = 0; row < rows.size(); ++row) writers.push_back(rows.Text(row, 0));
  return writers;
}

absl::StatusOr<std::vector<std::string>> Ledger::FindWritersWithGaps(Transaction& transaction,
                                                                     int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(
          Sql("SELECT writer_id FROM $L.writer WHERE stream_no = $1 AND NOT isempty(committed) "
              "AND upper(committed) > durable_offset ORDER BY writer_id"),
          Params().Int(stream_no)));
  std::vector<std::string> writers;
  for (size_t row = 0; row < rows.size(); ++row) writers.push_back(rows.Text(row, 0));
  return writers;
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
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result finished,
      transaction.Query(Sql("UPDATE $L.stream SET state = $2, outcome = $3, result_rows = $4, "
                            "finished_at = now() WHERE stream_no = $1 AND state = 'finalizing' "
                            "RETURNING sync_no"),
                        Params()
                            .Int(plan.stream_no)
                            .Text(ToText(state))
                            .Text(ToText(result.outcome))
                            .Int(result.rows)));
  if (finished.affected() != 1) return Superseded();
  const bool completed = state == StreamState::kCompleted;
  SYNCLINE_RETURN_IF_ERROR(
      transaction
          .Query(Sql("UPDATE $L.generation SET state = $4, "
                     "rows = CASE $7 WHEN 'swapped' THEN $5::bigint WHEN 'kept_for_resume' "
                     "THEN rows ELSE rows + $5::bigint END, "
                     "bytes = bytes + $6, "
                     "completed_at = CASE WHEN $4 = 'completed' THEN now() ELSE completed_at END "
                     "WHERE table_schema = $1 AND table_name = $2 AND generation_id = $3"),
                 Params()
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
  // With the row lock, the last two streams see each other if they end at the same time.
  SYNCLINE_RETURN_IF_ERROR(
      transaction
          .Query(Sql("SELECT 1 FROM $L.sync WHERE sync_no = $1 FOR UPDATE"), Params().Int(sync_no))
          .status());
  SYNCLINE_RETURN_IF_ERROR(
      transaction
          .Query(Sql("UPDATE $L.sync s SET finished_at = now(), state = CASE WHEN EXISTS "
                     "(SELECT FROM $L.stream t WHERE t.sync_no = s.sync_no AND "
                     "t.state = 'cancelled') THEN 'cancelled' ELSE 'finished' END "
                     "WHERE s.sync_no = $1 AND s.state IN ('starting', 'running') AND NOT EXISTS "
                     "(SELECT FROM $L.stream t WHERE t.sync_no = s.sync_no AND "
                     "t.state IN ('open', 'finalizing'))"),
                 Params().Int(sync_no))
          .status());
  return Notify(transaction, sync_no);
}

absl::StatusOr<std::vector<CommittedCheckpoint>> Ledger::ReadCheckpoints(Transaction& transaction,
                                                                         int64_t sync_no,
                                                                         int64_t after_sequence,
                                                                         int limit) const {
  SYNCLINE_RETURN_IF_ERROR(GlobalCheckpoints(schema_).Number(transaction, sync_no));
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows, transaction.Query(Sql(kCheckpointsSql),
                                           Params().Int(sync_no).Int(after_sequence).Int(limit)));
  std::vector<CommittedCheckpoint> checkpoints;
  for (size_t row = 0; row < rows.size(); ++row) {
    CommittedCheckpoint checkpoint;
    checkpoint.sequence = rows.Int(row, 0);
    checkpoint.stream_no = rows.Int(row, 1);
    checkpoint.writer_id = rows.Text(row, 2);
    checkpoint.checkpoint_id = rows.Text(row, 3);
    checkpoint.offset = rows.Int(row, 4);
    checkpoint.records_since_last = rows.Int(row, 5);
    checkpoint.state = rows.Bytes(row, 6);
    checkpoints.push_back(std::move(checkpoint));
  }
  return checkpoints;
}

absl::Status Ledger::NoteFailure(Transaction& transaction, int64_t stream_no,
                                 const absl::Status& failure) const {
  Params params;
  params.Int(stream_no);
  AddFailure(failure, &params);
  return transaction
      .Query(Sql(absl::StrCat("UPDATE $L.stream SET last_error = ", FailureSql("'{}'::jsonb", 2),
                              " WHERE stream_no = $1")),
             params)
      .status();
}

}  // namespace syncline::postgres
