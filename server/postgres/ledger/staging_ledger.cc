#include "server/postgres/ledger/staging_ledger.h"

#include <limits>
#include <utility>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "server/postgres/ledger/stream_notes.h"
#include "server/postgres/sql/ledger_sql.h"

namespace syncline::postgres {
namespace {

// The last stream of the table $1.$2 before $3 that completed, also if retention has removed it.
constexpr char kLastCompleted[] = R"sql(greatest(
  (SELECT coalesce(max(t.stream_no), 0) FROM $L.stream t
   WHERE t.table_schema = $1 AND t.table_name = $2 AND t.stream_no < $3 AND t.state = 'completed'),
  (SELECT max(g.completed_stream_no) FROM $L.generation g
   WHERE g.table_schema = $1 AND g.table_name = $2 AND g.completed_stream_no < $3)))sql";

// $C: kLastCompleted. Rejected records are not rows. A writer's `committed` may have gaps.
constexpr char kTailsSql[] = R"sql(
SELECT y.sync_id, s.namespace, s.name, w.writer_id, c.checkpoint, s.loader <> 'append' AS staged,
  (SELECT coalesce(sum(upper(r) - greatest(lower(r), c.checkpoint)), 0)::bigint
     FROM unnest(w.committed) AS r WHERE upper(r) > c.checkpoint)
  - (SELECT count(*) FROM $L.rejected_record j
     WHERE j.sync_id = y.sync_id AND j.namespace = s.namespace AND j.stream = s.name
       AND j.writer_id = w.writer_id AND j."offset" >= c.checkpoint) AS rows
FROM $L.stream s
JOIN $L.sync y ON y.sync_no = s.sync_no
JOIN $L.writer w ON w.stream_no = s.stream_no
CROSS JOIN LATERAL (SELECT greatest(
  (SELECT coalesce(max(k."offset"), 0) FROM $L.checkpoint k
     WHERE k.stream_no = w.stream_no AND k.writer_id = w.writer_id),
  (SELECT p."offset" FROM $L.global_checkpoint g
     JOIN $L.global_position p ON p.sync_no = g.sync_no AND p.number = g.number
     WHERE g.sync_no = s.sync_no AND p.stream_no = w.stream_no AND p.writer_id = w.writer_id
       AND NOT EXISTS (
         SELECT FROM $L.global_position q
         LEFT JOIN $L.writer d ON d.stream_no = q.stream_no AND d.writer_id = q.writer_id
         WHERE q.sync_no = g.sync_no AND q.number = g.number
           AND coalesce(d.durable_offset, 0) < q."offset")
     ORDER BY p."offset" DESC LIMIT 1)) AS checkpoint) c
WHERE s.table_schema = $1 AND s.table_name = $2 AND s.stream_no < $3
  AND s.state <> 'completed' AND coalesce(s.outcome, '') NOT IN ('merged', 'unchanged')
  AND s.stream_no > $C
  AND NOT isempty(w.committed) AND upper(w.committed) > c.checkpoint
ORDER BY s.stream_no, w.writer_id
)sql";

// $1: schema; $2: table; $3: the stream's number; $4: its columns; $C: kLastCompleted. Returns one
// row per column that an earlier stream declared and the stream does not, or that the stream
// declares and an earlier one did not, and per writer of a stream that does not declare it; NULLs
// if there is no such writer.
constexpr char kStagedColumnsSql[] = R"sql(
WITH staged AS (
  SELECT s.stream_no, y.sync_id, s.namespace, s.name, s.column_names
  FROM $L.stream s JOIN $L.sync y ON y.sync_no = s.sync_no
  WHERE s.table_schema = $1 AND s.table_name = $2 AND s.stream_no <= $3
    AND s.stream_no > $C),
undeclared AS (
  SELECT c.name FROM staged, unnest(staged.column_names) AS c (name)
  WHERE staged.stream_no < $3 AND c.name <> ALL ($4::text[])
  UNION SELECT c.name FROM staged, unnest($4::text[]) AS c (name)
  WHERE staged.stream_no < $3 AND c.name <> ALL (staged.column_names)
    AND EXISTS (SELECT FROM $L.writer w
                WHERE w.stream_no = staged.stream_no AND NOT isempty(w.committed)))
SELECT u.name AS column_name, a.sync_id, a.namespace, a.name, a.writer_id
FROM undeclared u LEFT JOIN LATERAL (
  SELECT s.sync_id, s.namespace, s.name, w.writer_id
  FROM staged s JOIN $L.writer w ON w.stream_no = s.stream_no
  WHERE u.name <> ALL (s.column_names) AND NOT isempty(w.committed)) a ON true
ORDER BY u.name COLLATE "C"
)sql";

constexpr char kGetMarkSql[] = R"sql(
SELECT generation_id, restart FROM $L.staging WHERE table_schema = $1 AND table_name = $2
)sql";

constexpr char kSetMarksSql[] = R"sql(
INSERT INTO $L.staging (table_schema, table_name, generation_id, restart)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[])
ON CONFLICT (table_schema, table_name) DO UPDATE
  SET generation_id = excluded.generation_id, restart = excluded.restart
)sql";

constexpr char kClearMarkSql[] =
    "DELETE FROM $L.staging WHERE table_schema = $1 AND table_name = $2";

constexpr char kHaveCompletedSql[] = R"sql(
SELECT EXISTS (
  SELECT FROM $L.generation g
  WHERE g.table_schema = w.table_schema AND g.table_name = w.table_name
    AND g.generation_id = w.generation_id AND g.completed_at IS NOT NULL AND g.state <> 'dropped')
  AS completed
FROM unnest($1::text[], $2::text[], $3::bigint[])
  WITH ORDINALITY w (table_schema, table_name, generation_id, place)
ORDER BY w.place
)sql";

constexpr char kWritersOfStreamSql[] = R"sql(
SELECT y.sync_id, s.namespace, s.name, w.writer_id
FROM $L.stream s JOIN $L.sync y USING (sync_no) JOIN $L.writer w USING (stream_no)
WHERE s.stream_no = $1
)sql";

// Locks the streams in the order of row_locks.h.
constexpr char kNoteStagingSql[] = R"sql(
WITH locked AS (
  SELECT s.stream_no, n.restart, n.staged_alone, n.meta_default
  FROM $L.stream s
  JOIN unnest($1::bigint[], $2::boolean[], $3::boolean[], $4::boolean[])
    n (stream_no, restart, staged_alone, meta_default) ON n.stream_no = s.stream_no
  ORDER BY s.stream_no FOR NO KEY UPDATE OF s)
UPDATE $L.stream s SET restart = l.restart, staged_alone = l.staged_alone,
  meta_default = l.meta_default
FROM locked l WHERE s.stream_no = l.stream_no
)sql";

std::string HistorySql(absl::string_view sql, const Ledger& ledger) {
  return WithLedgerSchema(absl::StrReplaceAll(sql, {{"$C", kLastCompleted}}),
                          ledger.quoted_schema());
}

Params TableParams(const TableName& table) {
  return std::move(Params().Text(table.schema).Text(table.name));
}

std::string BoolText(bool value) { return value ? "t" : "f"; }

// Tables, each with a generation, as the parameters $1 to $3.
class TableGenerations {
 public:
  void Add(const TableName& table, int64_t generation_id) {
    schemas_.push_back(table.schema);
    names_.push_back(table.name);
    generations_.push_back(generation_id);
  }
  Params ToParams() const {
    return std::move(Params().TextArray(schemas_).TextArray(names_).IntArray(generations_));
  }

 private:
  std::vector<std::string> schemas_;
  std::vector<std::string> names_;
  std::vector<int64_t> generations_;
};

absl::StatusOr<std::vector<bool>> ReadCompleted(Transaction& transaction, const Ledger& ledger,
                                                const TableGenerations& generations) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(WithLedgerSchema(kHaveCompletedSql, ledger.quoted_schema()),
                        generations.ToParams()));
  std::vector<bool> completed;
  for (const RowView row : rows) completed.push_back(row.Bool("completed"));
  return completed;
}

// Returns the ids of the rows of the writer in `row`.
RawIdRange ReadRawIds(const RowView& row) {
  const RawIdGenerator ids(row.Text("sync_id"), {row.Text("namespace"), row.Text("name")},
                           row.Text("writer_id"));
  return ids.RangeFrom(0);
}

}  // namespace

absl::StatusOr<std::optional<StagingMark>> GetStagingMark(Transaction& transaction,
                                                          const Ledger& ledger,
                                                          const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(WithLedgerSchema(kGetMarkSql, ledger.quoted_schema()), TableParams(table)));
  if (rows.empty()) return std::optional<StagingMark>();
  const RowView row = rows.Row(0);
  return std::optional<StagingMark>(
      {.generation_id = row.Int("generation_id"), .restart = row.Bool("restart")});
}

absl::Status SetStagingMarks(Transaction& transaction, const Ledger& ledger,
                             const std::vector<const StreamEntry*>& streams) {
  TableGenerations marks;
  std::vector<std::string> restarts;
  for (const StreamEntry* stream : streams) {
    marks.Add(stream->plan.table, stream->plan.generation_id);
    restarts.push_back(BoolText(stream->plan.restart));
  }
  return transaction
      .Query(WithLedgerSchema(kSetMarksSql, ledger.quoted_schema()),
             marks.ToParams().TextArray(restarts))
      .status();
}

absl::Status ClearStagingMark(Transaction& transaction, const Ledger& ledger,
                              const TableName& table) {
  return transaction
      .Query(WithLedgerSchema(kClearMarkSql, ledger.quoted_schema()), TableParams(table))
      .status();
}

absl::StatusOr<std::vector<bool>> HaveCompletedGenerations(
    Transaction& transaction, const Ledger& ledger, const std::vector<const StreamPlan*>& plans) {
  TableGenerations generations;
  for (const StreamPlan* plan : plans) generations.Add(plan->table, plan->generation_id);
  return ReadCompleted(transaction, ledger, generations);
}

absl::StatusOr<bool> HasCompletedGeneration(Transaction& transaction, const Ledger& ledger,
                                            const TableName& table, int64_t generation_id) {
  TableGenerations generation;
  generation.Add(table, generation_id);
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<bool> completed,
                            ReadCompleted(transaction, ledger, generation));
  return completed.front();
}

absl::StatusOr<std::vector<WriterTail>> FindWriterTails(Transaction& transaction,
                                                        const Ledger& ledger,
                                                        const TableName& table, int64_t stream_no) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(HistorySql(kTailsSql, ledger), TableParams(table).Int(stream_no)));
  std::vector<WriterTail> tails;
  for (const RowView row : rows) {
    tails.push_back({.sync_id = row.Text("sync_id"),
                     .descriptor = {row.Text("namespace"), row.Text("name")},
                     .writer_id = row.Text("writer_id"),
                     .checkpoint_offset = row.Int("checkpoint"),
                     .rows = row.Int("rows"),
                     .staged = row.Bool("staged")});
  }
  return tails;
}

absl::StatusOr<std::vector<StagedColumn>> FindStagedColumns(Transaction& transaction,
                                                            const Ledger& ledger,
                                                            const StreamPlan& plan) {
  const int64_t stream_no =
      plan.stream_no == 0 ? std::numeric_limits<int64_t>::max() : plan.stream_no;
  std::vector<std::string> declared;
  for (const ColumnSchema& column : plan.schema.columns) declared.push_back(column.column_name);
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(HistorySql(kStagedColumnsSql, ledger),
                        TableParams(plan.table).Int(stream_no).TextArray(declared)));
  std::vector<StagedColumn> columns;
  for (const RowView row : rows) {
    const std::string& name = row.Text("column_name");
    if (columns.empty() || columns.back().name != name) columns.push_back({name, {}});
    if (!row.IsNull("sync_id")) columns.back().absent.push_back(ReadRawIds(row));
  }
  return columns;
}

absl::StatusOr<std::vector<RawIdRange>> FindRawIds(Transaction& transaction, const Ledger& ledger,
                                                   int64_t stream_no) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(WithLedgerSchema(kWritersOfStreamSql, ledger.quoted_schema()),
                        Params().Int(stream_no)));
  std::vector<RawIdRange> ranges;
  for (const RowView row : rows) ranges.push_back(ReadRawIds(row));
  return ranges;
}

absl::Status NoteStaging(Transaction& transaction, const Ledger& ledger,
                         const std::vector<const StreamEntry*>& streams) {
  if (streams.empty()) return absl::OkStatus();
  std::vector<int64_t> stream_nos;
  std::vector<std::string> restarts;
  std::vector<std::string> alone;
  std::vector<std::string> defaults;
  for (const StreamEntry* stream : streams) {
    stream_nos.push_back(stream->plan.stream_no);
    restarts.push_back(BoolText(stream->plan.restart));
    alone.push_back(BoolText(stream->staged_alone));
    defaults.push_back(BoolText(stream->plan.meta_default));
  }
  Params params;
  params.IntArray(stream_nos).TextArray(restarts).TextArray(alone).TextArray(defaults);
  return transaction.Query(WithLedgerSchema(kNoteStagingSql, ledger.quoted_schema()), params)
      .status();
}

absl::Status NoteStart(Transaction& transaction, const Ledger& ledger, const StreamEntry& stream) {
  // An append stages nothing.
  if (StagesRows(stream.plan.loader) || stream.plan.meta_default) {
    SYNCLINE_RETURN_IF_ERROR(NoteStaging(transaction, ledger, {&stream}));
  }
  // A start only adds notes, so there are none to replace either.
  if (!HasStreamNotes(stream)) return absl::OkStatus();
  return WriteStreamNotes(transaction, ledger.quoted_schema(), stream);
}

}  // namespace syncline::postgres
