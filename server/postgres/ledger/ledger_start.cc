// Ledger: the statements with which StartSync writes it.
#include <algorithm>
#include <cstddef>
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
INSERT INTO $L.sync (sync_id, connection_id, request_digest, state, input_digest, owner, extensible)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING sync_no
)sql";

// $1: the sync; $2: the ordinal of the first stream. The others have one element per stream; lists
// are array literals (TextLists).
constexpr char kInsertStreamsSql[] = R"sql(
INSERT INTO $L.stream (sync_no, ordinal, namespace, name, table_schema, table_name, temp_table_name,
  column_inputs, column_names, column_types, json_shapes, primary_key, cursor_column, write_mode, loader,
  generation_id, minimum_generation_id, airbyte_sync_id, state, column_table_types, schema_policy, replay,
  cdc_delete_mode, inferred_schema, restart, temp_table_schema, replace_strategy, strategy,
  strategy_reason, meta, older_generations, deleted_at_column, changes, warnings, guard, error,
  finished_at)
SELECT $1::bigint, $2::bigint + n.place - 1, n.namespace, n.name, n.table_schema, n.table_name, n.temp_table_name,
  n.inputs::text[], n.names::text[], n.types::text[], n.shapes::text[], n.key::text[], n.cursor_column,
  n.write_mode, n.loader, n.generation_id, n.minimum_id, n.airbyte_sync_id, n.state,
  n.table_types::text[], n.schema_policy, n.replay, n.cdc_delete_mode, n.inferred, n.restart,
  n.temp_table_schema, n.replace_strategy, n.strategy, n.strategy_reason, n.meta,
  n.older_generations, n.deleted_at_column, n.changes, n.warnings, n.guard, n.error,
  CASE WHEN n.state = 'failed' THEN now() END
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bigint[],
    $17::bigint[], $18::bigint[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
    $24::boolean[], $25::boolean[], $26::text[], $27::text[], $28::text[], $29::text[], $30::text[],
    $31::text[], $32::text[], $33::jsonb[], $34::jsonb[], $35::jsonb[], $36::jsonb[])
  WITH ORDINALITY n (namespace, name, table_schema, table_name, temp_table_name, inputs, names, types,
    shapes, key, cursor_column, write_mode, loader, generation_id, minimum_id, airbyte_sync_id, state,
    table_types, schema_policy, replay, cdc_delete_mode, inferred, restart, temp_table_schema,
    replace_strategy, strategy, strategy_reason, meta, older_generations, deleted_at_column,
    changes, warnings, guard, error, place)
ORDER BY n.place
RETURNING ordinal, stream_no
)sql";

// $1: streams; $2, $3: one array literal per stream (TextLists).
constexpr char kStoreTypesSql[] = R"sql(
UPDATE $L.stream s SET column_stored_types = n.stored::text[],
  column_declared_types = n.declared::text[]
FROM unnest($1::bigint[], $2::text[], $3::text[]) n (stream_no, stored, declared)
WHERE s.stream_no = n.stream_no
)sql";

constexpr char kOpenGenerationSql[] = R"sql(
INSERT INTO $L.generation AS g (table_schema, table_name, generation_id, connection_id, sync_id, state,
  meta)
SELECT w.table_schema, w.table_name, w.generation_id, $4, $5, 'loading', w.meta
FROM unnest($1::text[], $2::text[], $3::bigint[], $6::text[])
  w (table_schema, table_name, generation_id, meta)
ORDER BY w.table_schema, w.table_name, w.generation_id
ON CONFLICT (table_schema, table_name, generation_id) DO UPDATE SET
  connection_id = excluded.connection_id, sync_id = excluded.sync_id, state = 'loading',
  meta = excluded.meta,
  rows = CASE WHEN g.state = 'dropped' THEN 0 ELSE g.rows END,
  bytes = CASE WHEN g.state = 'dropped' THEN 0 ELSE g.bytes END,
  started_at = CASE WHEN g.state = 'dropped' THEN now() ELSE g.started_at END,
  completed_at = CASE WHEN g.state <> 'dropped' THEN g.completed_at END
)sql";

constexpr char kMarkRunningSql[] = R"sql(
UPDATE $L.sync s SET state = n.state, finished_at = CASE WHEN n.state <> 'running' THEN now() END
FROM (SELECT CASE WHEN bool_or(state IN ('open', 'finalizing')) OR (
                         SELECT extensible FROM $L.sync WHERE sync_no = $1) THEN 'running'
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

// The columns of one stream are arrays of their own.
constexpr char kChangePlanSql[] = R"sql(
UPDATE $L.stream SET plan_version = plan_version + 1, column_inputs = $2, column_names = $3,
  column_types = $4, json_shapes = $5, column_table_types = $6, column_stored_types = $7,
  column_declared_types = $8, older_generations = $9, deleted_at_column = $10, strategy = $11,
  strategy_reason = $12
WHERE stream_no = $1 RETURNING plan_version
)sql";

// Locks the writers in the order of row_locks.h.
constexpr char kWithdrawClaimsSql[] = R"sql(
WITH locked AS (
  SELECT stream_no, writer_id FROM $L.writer
  WHERE stream_no = $1 ORDER BY writer_id COLLATE "C" FOR NO KEY UPDATE)
UPDATE $L.writer w SET claim_token = NULL, open_by = NULL
FROM locked l WHERE w.stream_no = l.stream_no AND w.writer_id = l.writer_id
)sql";

using Texts = std::vector<std::string>;
using Lists = std::vector<Texts>;

// Applies `get` to the plan of each stream.
template <typename Get>
auto MapPlans(const std::vector<StreamEntry>& streams, Get get) {
  std::vector<decltype(get(streams.front().plan))> values;
  values.reserve(streams.size());
  for (const StreamEntry& stream : streams) values.push_back(get(stream.plan));
  return values;
}

// Applies `get` to each column of each stream.
template <typename Get>
Lists MapColumns(const std::vector<StreamEntry>& streams, Get get) {
  return MapPlans(streams, [&](const StreamPlan& plan) {
    Texts values;
    for (const ColumnSchema& column : plan.schema.columns) values.emplace_back(get(column));
    return values;
  });
}

// Most streams have none.
bool HasOtherTypes(const StreamEntry& stream) {
  const std::vector<ColumnSchema>& columns = stream.plan.schema.columns;
  return std::any_of(columns.begin(), columns.end(), [](const ColumnSchema& column) {
    return !column.stored_type.empty() || column.declared_type.has_value();
  });
}

std::string GetDeclaredType(const ColumnSchema& column) {
  if (!column.declared_type.has_value()) return "";
  return std::string(PostgresTypeName(*column.declared_type));
}

std::string BoolText(bool value) { return value ? "t" : "f"; }

// The parameters $3 to $32 of kInsertStreamsSql.
void AddPlans(const std::vector<StreamEntry>& streams, Params* params) {
  using Plan = StreamPlan;
  using Column = ColumnSchema;
  const auto texts = [&](auto get) { params->TextArray(MapPlans(streams, get)); };
  const auto enums = [&](auto get) {
    texts([&](const Plan& plan) { return std::string(ToText(get(plan))); });
  };
  const auto numbers = [&](auto get) { params->IntArray(MapPlans(streams, get)); };
  const auto lists = [&](auto get) { params->TextLists(MapColumns(streams, get)); };
  texts([](const Plan& plan) { return plan.descriptor.name_space; });
  texts([](const Plan& plan) { return plan.descriptor.name; });
  texts([](const Plan& plan) { return plan.table.schema; });
  texts([](const Plan& plan) { return plan.table.name; });
  texts([](const Plan& plan) { return plan.temp_table.name; });
  lists([](const Column& column) { return column.input_name; });
  lists([](const Column& column) { return column.column_name; });
  lists([](const Column& column) { return PostgresTypeName(column.type); });
  lists([](const Column& column) { return ToText(column.json_shape); });
  params->TextLists(MapPlans(streams, [](const Plan& plan) { return plan.schema.primary_key; }));
  params->OptionalTextArray(MapPlans(streams, [](const Plan& plan) { return plan.schema.cursor; }));
  enums([](const Plan& plan) { return plan.write_mode; });
  enums([](const Plan& plan) { return plan.loader; });
  numbers([](const Plan& plan) { return plan.generation_id; });
  numbers([](const Plan& plan) { return plan.minimum_generation_id; });
  numbers([](const Plan& plan) { return plan.airbyte_sync_id; });
  Texts states;
  for (const StreamEntry& stream : streams) states.emplace_back(ToText(stream.state));
  params->TextArray(states);
  lists([](const Column& column) { return column.table_type; });
  enums([](const Plan& plan) { return plan.schema_policy; });
  enums([](const Plan& plan) { return plan.replay; });
  enums([](const Plan& plan) { return plan.cdc_delete_mode; });
  texts([](const Plan& plan) { return BoolText(plan.inferred_schema); });
  texts([](const Plan& plan) { return BoolText(plan.restart); });
  texts([](const Plan& plan) { return plan.temp_table.schema; });
  enums([](const Plan& plan) { return plan.replace_strategy; });
  enums([](const Plan& plan) { return plan.choice.strategy; });
  texts([](const Plan& plan) { return plan.choice.reason; });
  enums([](const Plan& plan) { return plan.schema.meta; });
  enums([](const Plan& plan) { return plan.older_generations; });
  texts([](const Plan& plan) { return plan.deleted_at_column; });
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
                                                 .Text(sync->owner)
                                                 .Bool(sync->extensible)));
  sync->sync_no = inserted.Int(0, 0);
  sync->state = SyncState::kStarting;
  if (sync->streams.empty()) return absl::OkStatus();
  return AddStreams(transaction, /*first_ordinal=*/0, sync);
}

absl::Status Ledger::AddStreams(Transaction& transaction, int64_t first_ordinal,
                                SyncEntry* sync) const {
  SYNCLINE_RETURN_IF_ERROR(InsertStreams(transaction, first_ordinal, sync));
  return OpenGenerations(transaction, *sync);
}

absl::Status Ledger::InsertStreams(Transaction& transaction, int64_t first_ordinal,
                                   SyncEntry* sync) const {
  Params params;
  params.Int(sync->sync_no).Int(first_ordinal);
  AddPlans(sync->streams, &params);
  AddStreamNotes(sync->streams, &params);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(Sql(kInsertStreamsSql), params));
  std::vector<StreamEntry> typed;
  for (const RowView row : rows) {
    StreamEntry& stream = sync->streams.at(static_cast<size_t>(row.Int("ordinal") - first_ordinal));
    stream.plan.stream_no = row.Int("stream_no");
    if (HasOtherTypes(stream)) typed.push_back(stream);
  }
  if (typed.empty()) return absl::OkStatus();
  Params types;
  types.IntArray(MapPlans(typed, [](const StreamPlan& plan) { return plan.stream_no; }));
  types.TextLists(MapColumns(typed, [](const ColumnSchema& column) { return column.stored_type; }));
  types.TextLists(MapColumns(typed, GetDeclaredType));
  return transaction.Query(Sql(kStoreTypesSql), types).status();
}

absl::Status Ledger::OpenGenerations(Transaction& transaction, const SyncEntry& sync) const {
  std::vector<std::string> schemas;
  std::vector<std::string> tables;
  std::vector<int64_t> generations;
  std::vector<std::string> metas;
  for (const StreamEntry& stream : sync.streams) {
    if (stream.state == StreamState::kFailed) continue;
    metas.emplace_back(ToText(stream.plan.schema.meta));
    schemas.push_back(stream.plan.table.schema);
    tables.push_back(stream.plan.table.name);
    generations.push_back(stream.plan.generation_id);
  }
  return transaction
      .Query(Sql(kOpenGenerationSql), Params()
                                          .TextArray(schemas)
                                          .TextArray(tables)
                                          .IntArray(generations)
                                          .Text(sync.connection_id)
                                          .Text(sync.sync_id)
                                          .TextArray(metas))
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

absl::Status Ledger::ChangePlan(Transaction& transaction, StreamEntry* stream) const {
  StreamPlan& plan = stream->plan;
  Texts inputs, names, types, shapes, table_types, stored_types, declared_types;
  for (const ColumnSchema& column : plan.schema.columns) {
    inputs.push_back(column.input_name);
    names.push_back(column.column_name);
    types.emplace_back(PostgresTypeName(column.type));
    shapes.emplace_back(ToText(column.json_shape));
    table_types.push_back(column.table_type);
    stored_types.push_back(column.stored_type);
    declared_types.push_back(GetDeclaredType(column));
  }
  Params params;
  params.Int(plan.stream_no).TextArray(inputs).TextArray(names).TextArray(types);
  params.TextArray(shapes).TextArray(table_types).TextArray(stored_types);
  params.TextArray(declared_types);
  params.Text(ToText(plan.older_generations)).Text(plan.deleted_at_column);
  params.Text(ToText(plan.choice.strategy)).Text(plan.choice.reason);
  SYNCLINE_ASSIGN_OR_RETURN(const Result changed, transaction.Query(Sql(kChangePlanSql), params));
  if (changed.empty()) return absl::InternalError(absl::StrCat("no stream ", plan.stream_no));
  plan.version = changed.Int(0, 0);
  return WriteStreamNotes(transaction, quoted_schema_, *stream);
}

absl::Status Ledger::WithdrawClaims(Transaction& transaction, int64_t stream_no) const {
  return transaction.Query(Sql(kWithdrawClaimsSql), Params().Int(stream_no)).status();
}

absl::Status Ledger::StoreInputDigest(Transaction& transaction, int64_t sync_no,
                                      absl::string_view input_digest) const {
  return transaction.Query(Sql(kStoreDigestSql), Params().Int(sync_no).Text(input_digest)).status();
}

}  // namespace syncline::postgres
