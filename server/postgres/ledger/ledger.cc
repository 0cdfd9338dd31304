#include "server/postgres/ledger/ledger.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/connection/advisory_lock.h"
#include "server/postgres/ledger/checkpoint_numbers.h"
#include "server/postgres/ledger/failure_note.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/sync_reader.h"
#include "server/postgres/sql/ledger_sql.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

constexpr char kSyncPageSql[] = R"sql(
WHERE ($1::bigint = 0 OR sync_no < $1::bigint) AND ($3::text = '' OR owner IN ('', $3::text))
  AND ($4::text = '' OR $4::text = CASE WHEN i.interrupted THEN 'interrupted' ELSE y.state END)
  AND ($5::text = '' OR EXISTS (
    SELECT FROM $L.stream t WHERE t.sync_no = y.sync_no AND t.table_name = $5::text
      AND ($6::text = '' OR t.table_schema = $6::text)))
  AND started_at >= timestamptz 'epoch' + $7::bigint * interval '1 microsecond'
ORDER BY sync_no DESC LIMIT $2
)sql";

constexpr char kHistoriesSql[] = R"sql(
SELECT h.completed_generation, h.connection_id, t.live, t.generation_id AS live_generation,
  h.loaded_generation, h.meta
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY w (table_schema, table_name, place)
CROSS JOIN LATERAL (
  SELECT count(*) > 0 AS live, coalesce(max(s.generation_id), 0) AS generation_id
  FROM $L.stream s
  WHERE s.table_schema = w.table_schema AND s.table_name = w.table_name
    AND s.state IN ('open', 'finalizing')) t
CROSS JOIN LATERAL (
  SELECT
    coalesce(max(g.generation_id)
      FILTER (WHERE g.completed_at IS NOT NULL AND g.state <> 'dropped'), 0) AS completed_generation,
    coalesce((array_agg(g.connection_id
      ORDER BY coalesce(y.sync_no, g.sync_no) DESC NULLS LAST))[1], '') AS connection_id,
    (array_agg(g.meta ORDER BY coalesce(y.sync_no, g.sync_no) DESC NULLS LAST)
      FILTER (WHERE g.state <> 'dropped'))[1] AS meta,
    max(g.generation_id)
      FILTER (WHERE g.state <> 'dropped' AND (g.completed_at IS NOT NULL OR g.rows > 0))
      AS loaded_generation
  FROM $L.generation g LEFT JOIN $L.sync y ON y.sync_id = g.sync_id
  WHERE g.table_schema = w.table_schema AND g.table_name = w.table_name) h
ORDER BY w.place
)sql";

constexpr char kAddRowsSql[] = R"sql(
UPDATE $L.generation SET rows = rows + $4
WHERE table_schema = $1 AND table_name = $2 AND generation_id = $3
)sql";

// Neither waits for a standby, so that a lease does not expire while standbys are away. Both wait
// for the disk: if a crash took a renewal back, the open calls of a running server would count as
// dead.
constexpr char kRenewLeaseSql[] = R"sql(
INSERT INTO $L.server (server_id, lease_until)
SELECT $1, now() + make_interval(secs => $2::float8 / 1000)
FROM (SELECT set_config('synchronous_commit', 'local', true)) AS without_standby
ON CONFLICT (server_id) DO UPDATE SET lease_until = excluded.lease_until
)sql";

constexpr char kDropLeaseSql[] = R"sql(
DELETE FROM $L.server
USING (SELECT set_config('synchronous_commit', 'local', true)) AS without_standby
WHERE server_id = $1 OR lease_until < now() - interval '1 day'
)sql";

constexpr char kOpenWritersSql[] = R"sql(
SELECT w.writer_id FROM $L.writer w
JOIN $L.server s ON s.server_id = w.open_by AND s.lease_until > now()
WHERE w.stream_no = $1 ORDER BY w.writer_id
)sql";

constexpr char kWritersWithGapsSql[] = R"sql(
SELECT writer_id FROM $L.writer
WHERE stream_no = $1 AND NOT isempty(committed) AND upper(committed) > durable_offset
ORDER BY writer_id
)sql";

absl::StatusOr<std::optional<SyncEntry>> FindSyncParts(Transaction& transaction,
                                                       absl::string_view quoted_schema,
                                                       absl::string_view sync_id, SyncParts parts) {
  // libpq ends a parameter at its first NUL, so the lookup would match the truncated id.
  if (absl::StrContains(sync_id, '\0')) return std::optional<SyncEntry>();
  SYNCLINE_ASSIGN_OR_RETURN(
      std::vector<SyncEntry> syncs,
      ReadSyncs(transaction, quoted_schema, "WHERE sync_id = $1", Params().Text(sync_id), parts));
  if (syncs.empty()) return std::optional<SyncEntry>();
  return std::optional<SyncEntry>(std::move(syncs.front()));
}

}  // namespace

Ledger::Ledger(absl::string_view schema)
    : schema_(schema), quoted_schema_(QuoteIdentifier(schema)) {}

std::string Ledger::Channel() const { return absl::StrCat(schema_, "_sync"); }

absl::Status Ledger::Listen(Connection& connection) const {
  return connection.Execute(absl::StrCat("LISTEN ", QuoteIdentifier(Channel())));
}

absl::Status Ledger::Notify(Transaction& transaction, const std::vector<int64_t>& sync_nos) const {
  return transaction
      .Query("SELECT pg_catalog.pg_notify($1, n::text) FROM unnest($2::bigint[]) AS n",
             Params().Text(Channel()).IntArray(sync_nos))
      .status();
}

std::string Ledger::Sql(absl::string_view sql) const {
  return WithLedgerSchema(sql, quoted_schema_);
}

absl::Status Ledger::Lock(Transaction& transaction, absl::string_view key) const {
  return AcquireLock(transaction, key);
}

absl::Status Ledger::LockAll(Transaction& transaction, const std::vector<std::string>& keys) const {
  return AcquireLocks(transaction, keys);
}

absl::StatusOr<bool> Ledger::TryLock(Transaction& transaction, absl::string_view key) const {
  return TryAcquireLock(transaction, key);
}

absl::StatusOr<SyncEntry> Ledger::GetSync(Transaction& transaction,
                                          absl::string_view sync_id) const {
  SYNCLINE_ASSIGN_OR_RETURN(std::optional<SyncEntry> sync, FindSync(transaction, sync_id));
  if (!sync.has_value()) return UnknownSync(sync_id);
  return *std::move(sync);
}

absl::StatusOr<std::optional<SyncEntry>> Ledger::FindSync(Transaction& transaction,
                                                          absl::string_view sync_id) const {
  return FindSyncParts(transaction, quoted_schema_, sync_id, SyncParts::kPlans);
}

absl::StatusOr<SyncEntry> Ledger::GetSummary(Transaction& transaction,
                                             absl::string_view sync_id) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      std::optional<SyncEntry> sync,
      FindSyncParts(transaction, quoted_schema_, sync_id, SyncParts::kSummary));
  if (!sync.has_value()) return UnknownSync(sync_id);
  return *std::move(sync);
}

absl::StatusOr<std::vector<SyncEntry>> Ledger::GetSummaries(
    Transaction& transaction, const std::vector<int64_t>& sync_nos) const {
  return ReadSyncs(transaction, quoted_schema_, "WHERE sync_no = ANY($1)",
                   Params().IntArray(sync_nos), SyncParts::kSummary);
}

absl::StatusOr<std::vector<SyncEntry>> Ledger::ListSyncs(Transaction& transaction,
                                                         const SyncQuery& query) const {
  return ReadSyncs(transaction, quoted_schema_, kSyncPageSql,
                   Params()
                       .Int(query.before)
                       .Int(query.limit)
                       .Text(query.owner)
                       .Text(query.state)
                       .Text(query.table_name)
                       .Text(query.table_schema)
                       .Int(absl::ToUnixMicros(query.started_since)),
                   SyncParts::kSummary);
}

absl::StatusOr<std::string> Ledger::GetOwner(Transaction& transaction,
                                             absl::string_view sync_id) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(Sql("SELECT owner FROM $L.sync WHERE sync_id = $1"),
                                              Params().Text(sync_id)));
  if (rows.empty()) return UnknownSync(sync_id);
  return rows.Text(0, 0);
}

absl::StatusOr<std::vector<TableHistory>> Ledger::GetTableHistories(
    Transaction& transaction, const std::vector<TableName>& tables) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(Sql(kHistoriesSql), Params().TableNames(tables)));
  std::vector<TableHistory> histories;
  for (const RowView row : rows) {
    TableHistory& history = histories.emplace_back();
    history.completed_generation = row.Int("completed_generation");
    history.connection_id = row.Text("connection_id");
    history.live = row.Bool("live");
    history.live_generation = row.Int("live_generation");
    history.loaded_generation = row.OptionalInt("loaded_generation");
    if (!row.IsNull("meta")) history.meta = TableMetaFromText(row.Text("meta"));
  }
  return histories;
}

absl::StatusOr<TableHistory> Ledger::GetTableHistory(Transaction& transaction,
                                                     const TableName& table) const {
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<TableHistory> histories,
                            GetTableHistories(transaction, {table}));
  return std::move(histories.front());
}

absl::Status Ledger::AddRows(Transaction& transaction, const TableName& table,
                             int64_t generation_id, int64_t rows) const {
  return transaction
      .Query(Sql(kAddRowsSql),
             Params().Text(table.schema).Text(table.name).Int(generation_id).Int(rows))
      .status();
}

absl::Status Ledger::RenewServerLease(Transaction& transaction, absl::string_view server_id,
                                      absl::Duration lease) const {
  return transaction
      .Query(Sql(kRenewLeaseSql), Params().Text(server_id).Int(absl::ToInt64Milliseconds(lease)))
      .status();
}

absl::Status Ledger::DropServerLease(Transaction& transaction, absl::string_view server_id) const {
  return transaction.Query(Sql(kDropLeaseSql), Params().Text(server_id)).status();
}

absl::StatusOr<StreamState> Ledger::GetStreamState(Transaction& transaction,
                                                   int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(const auto states, GetStreamStates(transaction, {stream_no}));
  if (states.empty()) return absl::InternalError(absl::StrCat("no stream ", stream_no));
  return states.at(stream_no);
}

absl::StatusOr<std::map<int64_t, StreamState>> Ledger::GetStreamStates(
    Transaction& transaction, const std::vector<int64_t>& stream_nos) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(Sql("SELECT stream_no, state FROM $L.stream WHERE stream_no = ANY($1)"),
                        Params().IntArray(stream_nos)));
  std::map<int64_t, StreamState> states;
  for (const RowView row : rows) {
    states[row.Int("stream_no")] = StreamStateFromText(row.Text("state"));
  }
  return states;
}

absl::StatusOr<StreamState> Ledger::LockStreamState(Transaction& transaction,
                                                    int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(Sql("SELECT state FROM $L.stream WHERE stream_no = $1 FOR UPDATE"),
                        Params().Int(stream_no)));
  if (rows.empty()) return absl::InternalError(absl::StrCat("no stream ", stream_no));
  return StreamStateFromText(rows.Text(0, 0));
}

absl::StatusOr<StreamEntry> Ledger::GetStream(Transaction& transaction, int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(std::optional<StreamEntry> stream,
                            ReadStream(transaction, quoted_schema_, stream_no));
  if (!stream.has_value()) return absl::InternalError(absl::StrCat("no stream ", stream_no));
  return *std::move(stream);
}

absl::StatusOr<StreamEntry> Ledger::LockStream(Transaction& transaction, int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(std::optional<StreamEntry> stream,
                            ReadAndLockStream(transaction, quoted_schema_, stream_no));
  if (!stream.has_value()) return absl::InternalError(absl::StrCat("no stream ", stream_no));
  return *std::move(stream);
}

absl::StatusOr<std::vector<std::string>> Ledger::FindOpenWriters(Transaction& transaction,
                                                                 int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(Sql(kOpenWritersSql), Params().Int(stream_no)));
  std::vector<std::string> writers;
  for (const RowView row : rows) writers.push_back(row.Text("writer_id"));
  return writers;
}

absl::StatusOr<std::vector<std::string>> Ledger::FindWritersWithGaps(Transaction& transaction,
                                                                     int64_t stream_no) const {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(Sql(kWritersWithGapsSql), Params().Int(stream_no)));
  std::vector<std::string> writers;
  for (const RowView row : rows) writers.push_back(row.Text("writer_id"));
  return writers;
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
