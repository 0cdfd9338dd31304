#include "server/postgres/ledger/retention.h"

#include <array>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/row_locks.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

constexpr int64_t kSyncsPerStep = 50;
constexpr int64_t kRowsPerTransaction = 5000;

// The seed is that of Ledger::Lock.
constexpr char kTryLockSql[] =
    "SELECT pg_catalog.pg_try_advisory_xact_lock("
    "pg_catalog.hashtextextended($1, 1937337955)) AS locked";

// $1: age in seconds; $2: maximum number; $3: the ledger's schema. A default of _airbyte_meta that
// an append has left is dropped first (meta_defaults.h). A stream that published or dropped its
// rows has none in the staging table, nor has one that started before the last one that completed.
// A staging table of an older server may have no entry and is found by its name, in the schema of
// its table or, once it was adopted, in the ledger's.
constexpr char kOldSyncsSql[] = R"sql(
SELECT y.sync_no FROM $L.sync y
WHERE y.state IN ('finished', 'cancelled')
  AND y.finished_at < now() - make_interval(secs => $1::float8)
  AND NOT EXISTS (
    SELECT FROM $L.stream s
    WHERE s.sync_no = y.sync_no AND s.loader = 'append' AND s.meta_default)
  AND NOT EXISTS (
    SELECT FROM $L.stream s
    WHERE s.sync_no = y.sync_no AND s.loader <> 'append' AND s.state <> 'completed'
      AND coalesce(s.outcome, '') NOT IN ('merged', 'unchanged')
      AND EXISTS (SELECT FROM $L.writer w
                  WHERE w.stream_no = s.stream_no AND NOT isempty(w.committed))
      AND NOT EXISTS (SELECT FROM $L.stream t
                      WHERE t.table_schema = s.table_schema AND t.table_name = s.table_name
                        AND t.stream_no > s.stream_no AND t.state = 'completed')
      AND NOT EXISTS (SELECT FROM $L.generation g
                      WHERE g.table_schema = s.table_schema AND g.table_name = s.table_name
                        AND g.completed_stream_no > s.stream_no)
      AND (EXISTS (SELECT FROM $L.staging m
                   WHERE m.table_schema = s.table_schema AND m.table_name = s.table_name)
           OR EXISTS (SELECT FROM pg_catalog.pg_class c
                      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                      WHERE c.relname = s.temp_table_name
                        AND n.nspname IN (s.table_schema, $3::text))))
ORDER BY y.sync_no LIMIT $2::bigint
)sql";

// $1: the syncs; $2: maximum number of rows. Each is repeated until it finds nothing. Checkpoints
// are deleted under the lock of their syncs, like all their updates.
constexpr std::array kDeleteRowsSql = {
    R"sql(
DELETE FROM $L.checkpoint WHERE ctid = ANY(ARRAY(
  SELECT c.ctid FROM $L.stream s JOIN $L.checkpoint c USING (stream_no)
  WHERE s.sync_no = ANY($1::bigint[]) LIMIT $2::bigint))
)sql",
    R"sql(
DELETE FROM $L.global_position WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM $L.global_position WHERE sync_no = ANY($1::bigint[]) LIMIT $2::bigint))
)sql",
    R"sql(
DELETE FROM $L.global_checkpoint WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM $L.global_checkpoint WHERE sync_no = ANY($1::bigint[]) LIMIT $2::bigint))
)sql",
    R"sql(
DELETE FROM $L.field_count WHERE ctid = ANY(ARRAY(
  SELECT f.ctid FROM $L.stream s JOIN $L.field_count f USING (stream_no)
  WHERE s.sync_no = ANY($1::bigint[]) LIMIT $2::bigint))
)sql",
    R"sql(
DELETE FROM $L.rejected_record WHERE ctid = ANY(ARRAY(
  SELECT r.ctid FROM $L.sync y JOIN $L.rejected_record r USING (sync_id)
  WHERE y.sync_no = ANY($1::bigint[]) LIMIT $2::bigint))
)sql",
};

constexpr char kLockStreamsSql[] =
    "SELECT stream_no FROM $L.stream WHERE sync_no = ANY($1) ORDER BY stream_no FOR UPDATE";

constexpr char kDeleteWritersSql[] = R"sql(
WITH locked AS (
  SELECT stream_no, writer_id FROM $L.writer
  WHERE stream_no = ANY($1) ORDER BY stream_no, writer_id COLLATE "C" FOR UPDATE)
DELETE FROM $L.writer w USING locked l
WHERE w.stream_no = l.stream_no AND w.writer_id = l.writer_id
)sql";

// $1: the streams; $2: the syncs.
constexpr char kKeepHistorySql[] = R"sql(
UPDATE $L.generation g SET
  sync_no = coalesce((SELECT y.sync_no FROM $L.sync y
                      WHERE y.sync_id = g.sync_id AND y.sync_no = ANY($2)), g.sync_no),
  completed_stream_no = greatest(g.completed_stream_no, h.completed)
FROM (
  SELECT table_schema, table_name, generation_id,
    max(stream_no) FILTER (WHERE state = 'completed') AS completed
  FROM $L.stream WHERE stream_no = ANY($1) GROUP BY table_schema, table_name, generation_id) h
WHERE g.table_schema = h.table_schema AND g.table_name = h.table_name
  AND g.generation_id = h.generation_id
)sql";

constexpr char kDeleteStreamsSql[] = "DELETE FROM $L.stream WHERE stream_no = ANY($1)";
constexpr char kDeleteSyncsSql[] = "DELETE FROM $L.sync WHERE sync_no = ANY($1)";

class Sweep {
 public:
  Sweep(Database* database, const Ledger* ledger, const std::function<bool()>* proceed)
      : database_(database), ledger_(ledger), proceed_(proceed) {}

  absl::StatusOr<int64_t> Run(absl::Duration age) {
    int64_t removed = 0;
    while (true) {
      std::vector<int64_t> syncs;
      SYNCLINE_RETURN_IF_ERROR(Step([&](Transaction& transaction) -> absl::Status {
        Params params;
        params.Int(absl::ToInt64Seconds(age)).Int(kSyncsPerStep).Text(ledger_->schema());
        SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(Sql(kOldSyncsSql), params));
        syncs.clear();
        for (const RowView row : rows) syncs.push_back(row.Int("sync_no"));
        return absl::OkStatus();
      }));
      if (syncs.empty()) return removed;
      for (const char* const sql : kDeleteRowsSql) {
        SYNCLINE_RETURN_IF_ERROR(DeleteRows(sql, syncs));
      }
      bool done = false;
      SYNCLINE_RETURN_IF_ERROR(Step([&](Transaction& transaction) {
        done = true;
        return DeleteSyncs(transaction, syncs);
      }));
      if (!done) return removed;
      removed += static_cast<int64_t>(syncs.size());
    }
  }

 private:
  std::string Sql(absl::string_view sql) const {
    return WithLedgerSchema(sql, ledger_->quoted_schema());
  }

  // Runs `body` in a transaction, unless the server stops or another one is at work.
  absl::Status Step(absl::FunctionRef<absl::Status(Transaction&)> body) {
    if (!(*proceed_)()) return absl::OkStatus();
    return database_->Transact(
        [&](Transaction& transaction) -> absl::Status {
          SYNCLINE_ASSIGN_OR_RETURN(
              const Result rows,
              transaction.Query(kTryLockSql,
                                Params().Text(absl::StrCat("retention/", ledger_->schema()))));
          return rows.Bool(0, 0) ? body(transaction) : absl::OkStatus();
        },
        {.durable = false});
  }

  absl::Status DeleteRows(absl::string_view sql, const std::vector<int64_t>& syncs) {
    int64_t deleted = 0;
    do {
      deleted = 0;
      SYNCLINE_RETURN_IF_ERROR(Step([&](Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(LockSyncs(transaction, ledger_->quoted_schema(), syncs));
        SYNCLINE_ASSIGN_OR_RETURN(
            const Result rows,
            transaction.Query(Sql(sql), Params().IntArray(syncs).Int(kRowsPerTransaction)));
        deleted = rows.affected();
        return absl::OkStatus();
      }));
    } while (deleted > 0);
    return absl::OkStatus();
  }

  // The syncs have ended, so nothing is added to them.
  absl::Status DeleteSyncs(Transaction& transaction, const std::vector<int64_t>& syncs) const {
    SYNCLINE_ASSIGN_OR_RETURN(const Result locked,
                              transaction.Query(Sql(kLockStreamsSql), Params().IntArray(syncs)));
    std::vector<int64_t> streams;
    for (const RowView row : locked) streams.push_back(row.Int("stream_no"));
    const Params params = Params().IntArray(streams);
    SYNCLINE_RETURN_IF_ERROR(transaction.Query(Sql(kDeleteWritersSql), params).status());
    SYNCLINE_RETURN_IF_ERROR(LockGenerations(transaction, ledger_->quoted_schema(), {}, streams));
    SYNCLINE_RETURN_IF_ERROR(
        transaction.Query(Sql(kKeepHistorySql), Params().IntArray(streams).IntArray(syncs))
            .status());
    SYNCLINE_RETURN_IF_ERROR(LockSyncs(transaction, ledger_->quoted_schema(), syncs));
    SYNCLINE_RETURN_IF_ERROR(transaction.Query(Sql(kDeleteStreamsSql), params).status());
    return transaction.Query(Sql(kDeleteSyncsSql), Params().IntArray(syncs)).status();
  }

  Database* const database_;
  const Ledger* const ledger_;
  const std::function<bool()>* const proceed_;
};

}  // namespace

absl::StatusOr<int64_t> RemoveOldSyncs(Database& database, const Ledger& ledger, absl::Duration age,
                                       const std::function<bool()>& proceed) {
  return Sweep(&database, &ledger, &proceed).Run(age);
}

}  // namespace syncline::postgres
