#include "server/postgres/ledger/sync_reader.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/failure_note.h"
#include "server/postgres/ledger/stream_notes.h"

namespace syncline::postgres {
namespace {

std::string SqlOf(absl::string_view schema, absl::string_view sql) {
  return absl::StrReplaceAll(sql, {{"$L", schema}});
}

// Returns the columns that StreamFromRow reads, in its order.
std::string StreamColumns() {
  return absl::StrCat(
      "sync_no, stream_no, namespace, name, table_schema, table_name, temp_table_name, "
      "array_to_string(primary_key, ','), cursor_column, write_mode, loader, generation_id, "
      "minimum_generation_id, airbyte_sync_id, state, outcome, result_rows, staged_alone, "
      "schema_policy, replay, cdc_delete_mode, inferred_schema, restart, ",
      FailureColumns("last_error"));
}

constexpr char kSelectSyncs[] = R"sql(
SELECT sync_no, sync_id, connection_id, request_digest, state,
  (extract(epoch FROM started_at) * 1000000)::bigint,
  (extract(epoch FROM finished_at) * 1000000)::bigint, input_digest, owner,
  (extract(epoch FROM p.last) * 1000000)::bigint,
  state IN ('starting', 'running') AND NOT p.busy AND p.last < now() - interval '1 minute'
FROM $L.sync y, LATERAL (
  SELECT coalesce(max(w.updated_at), y.started_at) AS last,
    coalesce(bool_or(s.state = 'finalizing' OR v.server_id IS NOT NULL), false) AS busy
  FROM $L.stream s
  LEFT JOIN $L.writer w ON w.stream_no = s.stream_no
  LEFT JOIN $L.server v ON v.server_id = w.open_by AND v.lease_until > now()
  WHERE s.sync_no = y.sync_no) p
)sql";

StreamEntry StreamFromRow(const Result& rows, size_t row) {
  StreamEntry stream;
  StreamPlan& plan = stream.plan;
  plan.stream_no = rows.Int(row, 1);
  plan.descriptor = {rows.Text(row, 2), rows.Text(row, 3)};
  plan.table = {rows.Text(row, 4), rows.Text(row, 5)};
  plan.temp_table = {rows.Text(row, 4), rows.Text(row, 6)};
  // Mapped column names contain no comma (model/names.h).
  plan.schema.primary_key = absl::StrSplit(rows.Text(row, 7), ',', absl::SkipEmpty());
  if (!rows.IsNull(row, 8)) plan.schema.cursor = rows.Text(row, 8);
  plan.write_mode = WriteModeFromText(rows.Text(row, 9));
  plan.loader = LoaderKindFromText(rows.Text(row, 10));
  plan.generation_id = rows.Int(row, 11);
  plan.minimum_generation_id = rows.Int(row, 12);
  plan.airbyte_sync_id = rows.Int(row, 13);
  stream.state = StreamStateFromText(rows.Text(row, 14));
  stream.result.outcome = StreamOutcomeFromText(rows.Text(row, 15));
  stream.result.rows = rows.Int(row, 16);
  stream.staged_alone = rows.Bool(row, 17);
  plan.schema_policy = SchemaPolicyFromText(rows.Text(row, 18));
  plan.replay = ReplayFromText(rows.Text(row, 19));
  plan.cdc_delete_mode = CdcDeleteModeFromText(rows.Text(row, 20));
  plan.inferred_schema = rows.Bool(row, 21);
  plan.restart = rows.Bool(row, 22);
  ReadFailure(rows, row, 23, &stream);
  return stream;
}

absl::Status ReadColumns(Transaction& transaction, absl::string_view schema,
                         const std::vector<int64_t>& stream_nos, const StreamsByNo& by_no) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result columns,
      transaction.Query(
          SqlOf(schema,
                "SELECT s.stream_no, c.input, c.name, c.type, c.shape, c.table_type FROM "
                "$L.stream s, unnest(s.column_inputs, s.column_names, s.column_types, "
                "s.json_shapes, s.column_table_types) "
                "WITH ORDINALITY AS c (input, name, type, shape, table_type, position) "
                "WHERE s.stream_no = ANY($1) ORDER BY s.stream_no, c.position"),
          Params().IntArray(stream_nos)));
  for (size_t row = 0; row < columns.size(); ++row) {
    ColumnSchema column;
    column.input_name = columns.Text(row, 1);
    column.column_name = columns.Text(row, 2);
    column.type = ColumnTypeFromPostgresName(columns.Text(row, 3)).value_or(ColumnType::kJsonb);
    column.json_shape = JsonShapeFromText(columns.Text(row, 4));
    column.table_type = columns.Text(row, 5);
    by_no.at(columns.Int(row, 0))->plan.schema.columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

absl::Status ReadWriters(Transaction& transaction, absl::string_view schema,
                         const std::vector<int64_t>& stream_nos, const StreamsByNo& by_no) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result writers,
      transaction.Query(
          SqlOf(schema,
                absl::StrCat(
                    "SELECT stream_no, writer_id, durable_offset, rows_written, records_rejected, "
                    "bytes, values_nulled, values_truncated, fields_undeclared, ",
                    FailureColumns("f.note"),
                    " FROM $L.writer, LATERAL (SELECT CASE WHEN open_by IS NULL AND "
                    "(last_error->>'epoch')::bigint = epoch THEN last_error END AS note) f "
                    "WHERE stream_no = ANY($1) ORDER BY stream_no, writer_id")),
          Params().IntArray(stream_nos)));
  for (size_t row = 0; row < writers.size(); ++row) {
    StreamEntry* const stream = by_no.at(writers.Int(row, 0));
    stream->writers.push_back({writers.Text(row, 1), writers.Int(row, 2)});
    stream->records_written += writers.Int(row, 3);
    stream->records_rejected += writers.Int(row, 4);
    stream->bytes += writers.Int(row, 5);
    stream->values += {writers.Int(row, 6), writers.Int(row, 7), writers.Int(row, 8)};
    ReadFailure(writers, row, 9, stream);
  }
  return absl::OkStatus();
}

// Reads what is not in the streams' own rows.
absl::Status ReadColumnsAndWriters(Transaction& transaction, absl::string_view schema,
                                   const std::vector<StreamEntry*>& streams) {
  std::vector<int64_t> stream_nos;
  StreamsByNo by_no;
  for (StreamEntry* const stream : streams) {
    stream_nos.push_back(stream->plan.stream_no);
    by_no[stream->plan.stream_no] = stream;
  }
  SYNCLINE_RETURN_IF_ERROR(ReadColumns(transaction, schema, stream_nos, by_no));
  SYNCLINE_RETURN_IF_ERROR(ReadWriters(transaction, schema, stream_nos, by_no));
  return ReadStreamNotes(transaction, schema, stream_nos, by_no);
}

absl::Status ReadStreams(Transaction& transaction, absl::string_view schema,
                         std::vector<SyncEntry>* syncs) {
  std::vector<int64_t> sync_nos;
  std::map<int64_t, SyncEntry*> by_no;
  for (SyncEntry& sync : *syncs) {
    sync_nos.push_back(sync.sync_no);
    by_no[sync.sync_no] = &sync;
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(
          SqlOf(schema,
                absl::StrCat("SELECT ", StreamColumns(),
                             " FROM $L.stream WHERE sync_no = ANY($1) ORDER BY sync_no, ordinal")),
          Params().IntArray(sync_nos)));
  for (size_t row = 0; row < rows.size(); ++row) {
    by_no[rows.Int(row, 0)]->streams.push_back(StreamFromRow(rows, row));
  }
  std::vector<StreamEntry*> streams;
  for (SyncEntry& sync : *syncs) {
    for (StreamEntry& stream : sync.streams) streams.push_back(&stream);
  }
  return ReadColumnsAndWriters(transaction, schema, streams);
}

}  // namespace

absl::StatusOr<std::vector<SyncEntry>> ReadSyncs(Transaction& transaction,
                                                 absl::string_view quoted_schema,
                                                 absl::string_view condition,
                                                 const Params& params) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(absl::StrCat(SqlOf(quoted_schema, kSelectSyncs), condition), params));
  std::vector<SyncEntry> syncs;
  for (size_t row = 0; row < rows.size(); ++row) {
    SyncEntry sync;
    sync.sync_no = rows.Int(row, 0);
    sync.sync_id = rows.Text(row, 1);
    sync.connection_id = rows.Text(row, 2);
    sync.request_digest = rows.Text(row, 3);
    sync.state = SyncStateFromText(rows.Text(row, 4));
    sync.started_at = absl::FromUnixMicros(rows.Int(row, 5));
    if (!rows.IsNull(row, 6)) sync.finished_at = absl::FromUnixMicros(rows.Int(row, 6));
    sync.input_digest = rows.Text(row, 7);
    sync.owner = rows.Text(row, 8);
    sync.last_progress_at = absl::FromUnixMicros(rows.Int(row, 9));
    sync.interrupted = rows.Bool(row, 10);
    syncs.push_back(std::move(sync));
  }
  SYNCLINE_RETURN_IF_ERROR(ReadStreams(transaction, quoted_schema, &syncs));
  return syncs;
}

absl::StatusOr<std::optional<StreamEntry>> ReadAndLockStream(Transaction& transaction,
                                                             absl::string_view quoted_schema,
                                                             int64_t stream_no) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(
          SqlOf(quoted_schema, absl::StrCat("SELECT ", StreamColumns(),
                                            " FROM $L.stream WHERE stream_no = $1 FOR UPDATE")),
          Params().Int(stream_no)));
  if (rows.empty()) return std::optional<StreamEntry>();
  StreamEntry stream = StreamFromRow(rows, 0);
  SYNCLINE_RETURN_IF_ERROR(ReadColumnsAndWriters(transaction, quoted_schema, {&stream}));
  return std::optional<StreamEntry>(std::move(stream));
}

}  // namespace syncline::postgres
