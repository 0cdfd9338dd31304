// Ledger: the statements with which StartSync writes it.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/stream_notes.h"

namespace syncline::postgres {
namespace {

constexpr char kInsertSyncSql[] = R"sql(
INSERT INTO $L.sync (sync_id, connection_id, request_digest, state, input_digest, owner)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING sync_no
)sql";

constexpr char kInsertStreamSql[] = R"sql(
INSERT INTO $L.stream (sync_no, ordinal, namespace, name, table_schema, table_name, temp_table_name,
  column_inputs, column_names, column_types, json_shapes, primary_key, cursor_column, write_mode, loader,
  generation_id, minimum_generation_id, airbyte_sync_id, state, column_table_types, schema_policy, replay,
  cdc_delete_mode, inferred_schema, restart, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
  $23, $24, $25, CASE WHEN $19 = 'failed' THEN now() END)
RETURNING stream_no
)sql";

constexpr char kOpenGenerationSql[] = R"sql(
INSERT INTO $L.generation AS g (table_schema, table_name, generation_id, connection_id, sync_id, state)
SELECT w.table_schema, w.table_name, w.generation_id, $4, $5, 'loading'
FROM unnest($1::text[], $2::text[], $3::bigint[]) w (table_schema, table_name, generation_id)
ORDER BY w.table_schema, w.table_name, w.generation_id
ON CONFLICT (table_schema, table_name, generation_id) DO UPDATE SET
  connection_id = excluded.connection_id, sync_id = excluded.sync_id, state = 'loading',
  rows = CASE WHEN g.state = 'dropped' THEN 0 ELSE g.rows END,
  bytes = CASE WHEN g.state = 'dropped' THEN 0 ELSE g.bytes END,
  started_at = CASE WHEN g.state = 'dropped' THEN now() ELSE g.started_at END,
  completed_at = CASE WHEN g.state <> 'dropped' THEN g.completed_at END
)sql";

constexpr char kMarkRunningSql[] = R"sql(
UPDATE $L.sync s SET state = n.state, finished_at = CASE WHEN n.state <> 'running' THEN now() END
FROM (SELECT CASE WHEN bool_or(state IN ('open', 'finalizing')) THEN 'running'
                  WHEN bool_or(state = 'cancelled') THEN 'cancelled' ELSE 'finished' END AS state
      FROM $L.stream WHERE sync_no = $1) n
WHERE s.sync_no = $1 AND s.state = 'starting'
)sql";

constexpr char kFailStreamSql[] = R"sql(
WITH failed AS (
  UPDATE $L.stream SET state = 'failed', finished_at = now()
  WHERE stream_no = $1 AND state = 'open' RETURNING table_schema, table_name, generation_id, sync_no)
UPDATE $L.generation g SET state = CASE WHEN g.state = 'loading' THEN 'cancelled' ELSE g.state END
FROM failed f JOIN $L.sync y USING (sync_no)
WHERE g.table_schema = f.table_schema AND g.table_name = f.table_name
  AND g.generation_id = f.generation_id AND g.sync_id = y.sync_id
)sql";

constexpr char kStoreDigestSql[] =
    "UPDATE $L.sync SET input_digest = $2 WHERE sync_no = $1 AND input_digest = ''";

Params StreamParams(int64_t sync_no, int64_t ordinal, const StreamEntry& stream) {
  const StreamPlan& plan = stream.plan;
  std::vector<std::string> inputs;
  std::vector<std::string> names;
  std::vector<std::string> types;
  std::vector<std::string> shapes;
  std::vector<std::string> table_types;
  for (const ColumnSchema& column : plan.schema.columns) {
    inputs.push_back(column.input_name);
    names.push_back(column.column_name);
    types.emplace_back(PostgresTypeName(column.type));
    shapes.emplace_back(ToText(column.json_shape));
    table_types.push_back(column.table_type);
  }
  Params params;
  params.Int(sync_no).Int(ordinal).Text(plan.descriptor.name_space).Text(plan.descriptor.name);
  params.Text(plan.table.schema).Text(plan.table.name).Text(plan.temp_table.name);
  params.TextArray(inputs).TextArray(names).TextArray(types).TextArray(shapes);
  params.TextArray(plan.schema.primary_key);
  plan.schema.cursor.has_value() ? params.Text(*plan.schema.cursor) : params.Null();
  params.Text(ToText(plan.write_mode)).Text(ToText(plan.loader)).Int(plan.generation_id);
  params.Int(plan.minimum_generation_id).Int(plan.airbyte_sync_id).Text(ToText(stream.state));
  params.TextArray(table_types).Text(ToText(plan.schema_policy)).Text(ToText(plan.replay));
  params.Text(ToText(plan.cdc_delete_mode)).Bool(plan.inferred_schema).Bool(plan.restart);
  return params;
}

}  // namespace

absl::Status Ledger::InsertSync(Transaction& transaction, SyncEntry* sync) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result inserted,
      transaction.Query(Sql(kInsertSyncSql), Params()
                                                 .Text(sync->sync_id)
                                                 .Text(sync->connection_id)
                                                 .Text(sync->request_digest)
                                                 .Text(ToText(SyncState::kStarting))
                                                 .Text(sync->input_digest)
                                                 .Text(sync->owner)));
  sync->sync_no = inserted.Int(0, 0);
  sync->state = SyncState::kStarting;
  int64_t ordinal = 0;
  std::vector<std::string> schemas;
  std::vector<std::string> tables;
  std::vector<int64_t> generations;
  for (StreamEntry& stream : sync->streams) {
    StreamPlan& plan = stream.plan;
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result row,
        transaction.Query(Sql(kInsertStreamSql), StreamParams(sync->sync_no, ordinal++, stream)));
    plan.stream_no = row.Int(0, 0);
    if (HasStreamNotes(stream)) {
      SYNCLINE_RETURN_IF_ERROR(WriteStreamNotes(transaction, quoted_schema_, stream));
    }
    if (stream.state == StreamState::kFailed) continue;
    schemas.push_back(plan.table.schema);
    tables.push_back(plan.table.name);
    generations.push_back(plan.generation_id);
  }
  return transaction
      .Query(Sql(kOpenGenerationSql), Params()
                                          .TextArray(schemas)
                                          .TextArray(tables)
                                          .IntArray(generations)
                                          .Text(sync->connection_id)
                                          .Text(sync->sync_id))
      .status();
}

absl::Status Ledger::MarkRunning(Transaction& transaction, int64_t sync_no) const {
  return transaction.Query(Sql(kMarkRunningSql), Params().Int(sync_no)).status();
}

absl::StatusOr<SyncState> Ledger::GetSyncState(Transaction& transaction, int64_t sync_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(Sql("SELECT state FROM $L.sync WHERE sync_no = $1"),
                                              Params().Int(sync_no)));
  if (rows.empty()) return absl::InternalError(absl::StrCat("no sync ", sync_no));
  return SyncStateFromText(rows.Text(0, 0));
}

absl::Status Ledger::FailStream(Transaction& transaction, const StreamEntry& stream) const {
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Query(Sql(kFailStreamSql), Params().Int(stream.plan.stream_no)).status());
  return WriteStreamNotes(transaction, quoted_schema_, stream);
}

absl::Status Ledger::StoreInputDigest(Transaction& transaction, int64_t sync_no,
                                      absl::string_view input_digest) const {
  return transaction.Query(Sql(kStoreDigestSql), Params().Int(sync_no).Text(input_digest)).status();
}

}  // namespace syncline::postgres
