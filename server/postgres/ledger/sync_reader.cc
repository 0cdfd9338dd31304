#include "server/postgres/ledger/sync_reader.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/failure_note.h"
#include "server/postgres/ledger/stream_notes.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr char kSyncColumnsSql[] = R"sql(
SELECT sync_no, sync_id, connection_id, request_digest, state,
  (extract(epoch FROM started_at) * 1000000)::bigint AS started_at,
  (extract(epoch FROM finished_at) * 1000000)::bigint AS finished_at, input_digest, owner, extensible
)sql";
// The ends of a query of syncs, each followed by a condition. y is the sync.
constexpr char kPlannedSyncsSql[] = "FROM $L.sync y ";
// i.interrupted is whether the sync is interrupted.
constexpr char kSummarizedSyncsSql[] = R"sql(
, (extract(epoch FROM p.last) * 1000000)::bigint AS last_progress_at, i.interrupted
FROM $L.sync y, LATERAL (
  SELECT coalesce(max(w.updated_at), y.started_at) AS last,
    coalesce(bool_or(s.state = 'finalizing' OR v.server_id IS NOT NULL), false) AS busy
  FROM $L.stream s
  LEFT JOIN $L.writer w ON w.stream_no = s.stream_no
  LEFT JOIN $L.server v ON v.server_id = w.open_by AND v.lease_until > now()
  WHERE s.sync_no = y.sync_no) p, LATERAL (
  SELECT y.state IN ('starting', 'running') AND NOT p.busy
    AND p.last < now() - interval '1 minute' AS interrupted) i
)sql";

// Followed by FailureColumns, kNoteKindsColumns and one of the ends below.
constexpr char kStreamsSql[] = R"sql(
SELECT sync_no, stream_no, namespace, name, table_schema, table_name,
  coalesce(temp_table_schema, table_schema) AS temp_table_schema, temp_table_name,
  array_to_string(primary_key, ',') AS primary_key, cursor_column, write_mode, loader,
  generation_id, minimum_generation_id, airbyte_sync_id, state, outcome, result_rows, staged_alone,
  schema_policy, replay, cdc_delete_mode, inferred_schema, restart,
  replace_strategy, strategy, strategy_reason, meta, meta_default, plan_version,
  older_generations, deleted_at_column, marked_rows,
)sql";
constexpr char kOfSyncsSql[] = "FROM $L.stream WHERE sync_no = ANY($1) ORDER BY sync_no, ordinal";
constexpr char kOneSql[] = "FROM $L.stream WHERE stream_no = $1";
constexpr char kLockedSql[] = "FROM $L.stream WHERE stream_no = $1 FOR NO KEY UPDATE";

constexpr char kColumnsSql[] = R"sql(
SELECT s.stream_no, c.input, c.name, c.type, c.shape, c.table_type,
  coalesce(c.stored_type, '') AS stored_type, coalesce(c.declared_type, '') AS declared_type
FROM $L.stream s,
  unnest(s.column_inputs, s.column_names, s.column_types, s.json_shapes, s.column_table_types,
    s.column_stored_types, s.column_declared_types)
    WITH ORDINALITY
    AS c (input, name, type, shape, table_type, stored_type, declared_type, position)
WHERE s.stream_no = ANY($1) ORDER BY s.stream_no, c.position
)sql";

// Followed by FailureColumns and the end below.
constexpr char kWritersSql[] = R"sql(
SELECT stream_no, writer_id, durable_offset, epoch, rows_written, records_rejected, bytes,
  values_nulled, values_truncated, fields_undeclared,
)sql";
constexpr char kWritersFailuresSql[] = R"sql(
FROM $L.writer, LATERAL (
  SELECT CASE WHEN open_by IS NULL AND (last_error->>'epoch')::bigint = epoch
              THEN last_error END AS note) f
WHERE stream_no = ANY($1) ORDER BY stream_no, writer_id
)sql";

StreamEntry ReadStreamRow(const RowView& row) {
  StreamEntry stream;
  StreamPlan& plan = stream.plan;
  plan.stream_no = row.Int("stream_no");
  plan.descriptor = {row.Text("namespace"), row.Text("name")};
  plan.table = {row.Text("table_schema"), row.Text("table_name")};
  plan.temp_table = {row.Text("temp_table_schema"), row.Text("temp_table_name")};
  // Mapped column names contain no comma (model/names.h).
  plan.schema.primary_key = absl::StrSplit(row.Text("primary_key"), ',', absl::SkipEmpty());
  if (!row.IsNull("cursor_column")) plan.schema.cursor = row.Text("cursor_column");
  plan.write_mode = WriteModeFromText(row.Text("write_mode"));
  plan.loader = LoaderKindFromText(row.Text("loader"));
  plan.generation_id = row.Int("generation_id");
  plan.minimum_generation_id = row.Int("minimum_generation_id");
  plan.airbyte_sync_id = row.Int("airbyte_sync_id");
  stream.state = StreamStateFromText(row.Text("state"));
  stream.result.outcome = StreamOutcomeFromText(row.Text("outcome"));
  stream.result.rows = row.Int("result_rows");
  stream.staged_alone = row.Bool("staged_alone");
  plan.schema_policy = SchemaPolicyFromText(row.Text("schema_policy"));
  plan.replay = ReplayFromText(row.Text("replay"));
  plan.cdc_delete_mode = CdcDeleteModeFromText(row.Text("cdc_delete_mode"));
  plan.inferred_schema = row.Bool("inferred_schema");
  plan.restart = row.Bool("restart");
  plan.replace_strategy = ReplaceStrategyFromText(row.Text("replace_strategy"));
  plan.choice = {ReplaceStrategyFromText(row.Text("strategy")), row.Text("strategy_reason")};
  plan.schema.meta = TableMetaFromText(row.Text("meta"));
  plan.meta_default = row.Bool("meta_default");
  plan.version = row.Int("plan_version");
  plan.older_generations = OlderGenerationsFromText(row.Text("older_generations"));
  plan.deleted_at_column = row.Text("deleted_at_column");
  stream.result.marked_rows = row.Int("marked_rows");
  ReadFailure(row, &stream);
  return stream;
}

SyncEntry ReadSync(const RowView& row, SyncParts parts) {
  SyncEntry sync;
  sync.sync_no = row.Int("sync_no");
  sync.sync_id = row.Text("sync_id");
  sync.connection_id = row.Text("connection_id");
  sync.request_digest = row.Text("request_digest");
  sync.state = SyncStateFromText(row.Text("state"));
  sync.started_at = absl::FromUnixMicros(row.Int("started_at"));
  if (!row.IsNull("finished_at")) sync.finished_at = absl::FromUnixMicros(row.Int("finished_at"));
  sync.input_digest = row.Text("input_digest");
  sync.owner = row.Text("owner");
  sync.extensible = row.Bool("extensible");
  if (parts == SyncParts::kSummary) {
    sync.last_progress_at = absl::FromUnixMicros(row.Int("last_progress_at"));
    sync.interrupted = row.Bool("interrupted");
  }
  return sync;
}

absl::StatusOr<Result> QueryStreams(Transaction& transaction, absl::string_view schema,
                                    absl::string_view end, const Params& params) {
  const std::string sql =
      absl::StrCat(kStreamsSql, FailureColumns("last_error"), ", ", kNoteKindsColumns, " ", end);
  return transaction.Query(WithLedgerSchema(sql, schema), params);
}

absl::Status ReadColumns(Transaction& transaction, absl::string_view schema,
                         const std::vector<int64_t>& stream_nos, const StreamsByNo& by_no) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(WithLedgerSchema(kColumnsSql, schema), Params().IntArray(stream_nos)));
  for (const RowView row : rows) {
    ColumnSchema column;
    column.input_name = row.Text("input");
    column.column_name = row.Text("name");
    column.type = ColumnTypeFromPostgresName(row.Text("type")).value_or(ColumnType::kJsonb);
    column.json_shape = JsonShapeFromText(row.Text("shape"));
    column.table_type = row.Text("table_type");
    column.stored_type = row.Text("stored_type");
    column.declared_type = ColumnTypeFromPostgresName(row.Text("declared_type"));
    by_no.at(row.Int("stream_no"))->plan.schema.columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

absl::Status ReadWriters(Transaction& transaction, absl::string_view schema,
                         const std::vector<int64_t>& stream_nos, const StreamsByNo& by_no) {
  const std::string sql = absl::StrCat(kWritersSql, FailureColumns("f.note"), kWritersFailuresSql);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(WithLedgerSchema(sql, schema),
                                                                 Params().IntArray(stream_nos)));
  for (const RowView row : rows) {
    StreamEntry* const stream = by_no.at(row.Int("stream_no"));
    stream->writers.push_back({row.Text("writer_id"), row.Int("durable_offset"), row.Int("epoch")});
    stream->records_written += row.Int("rows_written");
    stream->records_rejected += row.Int("records_rejected");
    stream->bytes += row.Int("bytes");
    stream->values += {.nulled = row.Int("values_nulled"),
                       .truncated = row.Int("values_truncated"),
                       .undeclared = row.Int("fields_undeclared")};
    ReadFailure(row, stream);
  }
  return absl::OkStatus();
}

// Reads what ReadStreamRow does not: columns, writers and notes. `kinds` are those of the streams'
// rows.
absl::Status ReadDetails(Transaction& transaction, absl::string_view schema,
                         const std::vector<StreamEntry*>& streams, NoteKinds kinds,
                         SyncParts parts) {
  std::vector<int64_t> stream_nos;
  StreamsByNo by_no;
  for (StreamEntry* const stream : streams) {
    stream_nos.push_back(stream->plan.stream_no);
    by_no[stream->plan.stream_no] = stream;
  }
  if (parts == SyncParts::kPlans) {
    SYNCLINE_RETURN_IF_ERROR(ReadColumns(transaction, schema, stream_nos, by_no));
  }
  SYNCLINE_RETURN_IF_ERROR(ReadWriters(transaction, schema, stream_nos, by_no));
  // A DataCommitter writes the counts of fields and their sums in one transaction.
  for (const StreamEntry* const stream : streams) {
    const ValueCounts& values = stream->values;
    kinds.fields |= values.nulled > 0 || values.truncated > 0 || values.undeclared > 0;
  }
  return ReadStreamNotes(transaction, schema, stream_nos, kinds, by_no);
}

absl::Status ReadStreams(Transaction& transaction, absl::string_view schema,
                         std::vector<SyncEntry>* syncs, SyncParts parts) {
  if (syncs->empty()) return absl::OkStatus();
  std::vector<int64_t> sync_nos;
  std::map<int64_t, SyncEntry*> by_no;
  for (SyncEntry& sync : *syncs) {
    sync_nos.push_back(sync.sync_no);
    by_no[sync.sync_no] = &sync;
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, QueryStreams(transaction, schema, kOfSyncsSql,
                                                            Params().IntArray(sync_nos)));
  NoteKinds kinds;
  for (const RowView row : rows) {
    by_no[row.Int("sync_no")]->streams.push_back(ReadStreamRow(row));
    kinds |= ReadNoteKinds(row);
  }
  std::vector<StreamEntry*> streams;
  for (SyncEntry& sync : *syncs) {
    for (StreamEntry& stream : sync.streams) streams.push_back(&stream);
  }
  return ReadDetails(transaction, schema, streams, kinds, parts);
}

// `end` selects one stream by $1.
absl::StatusOr<std::optional<StreamEntry>> ReadOneStream(Transaction& transaction,
                                                         absl::string_view schema,
                                                         absl::string_view end, int64_t stream_no) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            QueryStreams(transaction, schema, end, Params().Int(stream_no)));
  if (rows.empty()) return std::optional<StreamEntry>();
  StreamEntry stream = ReadStreamRow(rows.Row(0));
  SYNCLINE_RETURN_IF_ERROR(
      ReadDetails(transaction, schema, {&stream}, ReadNoteKinds(rows.Row(0)), SyncParts::kPlans));
  return std::optional<StreamEntry>(std::move(stream));
}

}  // namespace

absl::StatusOr<std::vector<SyncEntry>> ReadSyncs(Transaction& transaction,
                                                 absl::string_view quoted_schema,
                                                 absl::string_view condition, const Params& params,
                                                 SyncParts parts) {
  const std::string sql =
      absl::StrCat(kSyncColumnsSql,
                   parts == SyncParts::kPlans ? kPlannedSyncsSql : kSummarizedSyncsSql, condition);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(WithLedgerSchema(sql, quoted_schema), params));
  std::vector<SyncEntry> syncs;
  for (const RowView row : rows) syncs.push_back(ReadSync(row, parts));
  SYNCLINE_RETURN_IF_ERROR(ReadStreams(transaction, quoted_schema, &syncs, parts));
  return syncs;
}

absl::StatusOr<std::optional<StreamEntry>> ReadStream(Transaction& transaction,
                                                      absl::string_view quoted_schema,
                                                      int64_t stream_no) {
  return ReadOneStream(transaction, quoted_schema, kOneSql, stream_no);
}

absl::StatusOr<std::optional<StreamEntry>> ReadAndLockStream(Transaction& transaction,
                                                             absl::string_view quoted_schema,
                                                             int64_t stream_no) {
  return ReadOneStream(transaction, quoted_schema, kLockedSql, stream_no);
}

}  // namespace syncline::postgres
