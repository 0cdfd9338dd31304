#include "server/postgres/ledger/statement_commit.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/postgres/ledger/advance_sql.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/sql/catalog_sql.h"
#include "server/postgres/sql/ledger_sql.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $13: sync_no; $14 to $16: the checkpoints in their order. The writer's row is locked first,
// because an UPDATE does not return the old values. A checkpoint that is repeated at a lower offset
// than a later one that is already committed gets the latter's offset (kCheckpointsSql). OFFSET 0
// keeps the planner from a join, which without statistics reads all checkpoints of the writer.
constexpr char kDueSql[] = R"sql(
o AS MATERIALIZED (
  SELECT w.last_checkpoint_offset AS last, w.checkpoints,
    lower('{[0,)}'::int8multirange - (w.committed + $4::int8multirange)) AS durable
  FROM $L.writer w
  WHERE w.stream_no = $1 AND w.writer_id = $2 AND w.epoch = $3 AND w.claim_token = $12
    AND NOT w.committed && $4::int8multirange
  FOR NO KEY UPDATE),
c AS MATERIALIZED (
  SELECT g.id, g.state, g.place, o.last, o.checkpoints + g.place AS number,
    greatest(o.last, max(g.at) OVER (ORDER BY g.place)) AS at
  FROM o, unnest($14::text[], $15::bigint[], $16::bytea[])
    WITH ORDINALITY AS g (id, at, state, place)
  WHERE g.at <= o.durable AND NOT EXISTS (
    SELECT FROM $L.checkpoint k
    WHERE k.stream_no = $1 AND k.writer_id = $2 AND k.checkpoint_id = g.id OFFSET 0)),
)sql";

constexpr char kNewestSql[] = R"sql(,
  checkpoints = greatest(checkpoints, (SELECT max(c.number) FROM c)),
  last_checkpoint_offset = greatest(last_checkpoint_offset, (SELECT max(c.at) FROM c)))sql";

constexpr char kStoreSql[] = R"sql(,
k AS (
  INSERT INTO $L.checkpoint (sync_no, stream_no, writer_id, checkpoint_id, number, "offset",
    records_since_last, state)
  SELECT $13::bigint, $1, $2, c.id, c.number, c.at,
    c.at - lag(c.at, 1, c.last) OVER (ORDER BY c.place), c.state
  FROM w, c ORDER BY c.place
  ON CONFLICT (stream_no, writer_id, checkpoint_id) DO NOTHING))sql";

constexpr int kCheckpointParams = 4;

// A number of rows that differs divides by zero, which rolls everything back. A single row need not
// be counted.
constexpr char kOneCheckedSql[] = R"sql(
SELECT w.durable_offset / (EXISTS (SELECT FROM d))::integer FROM w)sql";
constexpr char kCheckedSql[] = R"sql(
SELECT w.durable_offset / ((SELECT pg_catalog.count(*) FROM d) = $5)::integer FROM w)sql";
constexpr char kUncheckedSql[] = R"sql(
SELECT w.durable_offset FROM w)sql";

}  // namespace

StatementCommit::StatementCommit(absl::string_view quoted_ledger_schema, const TableName& table,
                                 const TableSchema& schema,
                                 const std::vector<std::string>& element_types)
    : quoted_ledger_schema_(quoted_ledger_schema),
      // COPY stores what it is given in identity columns, too.
      insert_sql_(absl::StrCat("INSERT INTO ", QuoteTable(table), " (",
                               QuoteColumns(AllColumns(schema)), ") OVERRIDING SYSTEM VALUE")),
      element_types_(element_types),
      row_sql_(MakeSql(Rows::kOne, /*has_checkpoints=*/false)),
      row_and_checkpoints_sql_(MakeSql(Rows::kOne, /*has_checkpoints=*/true)),
      rows_sql_(MakeSql(Rows::kMany, /*has_checkpoints=*/false)),
      rows_and_checkpoints_sql_(MakeSql(Rows::kMany, /*has_checkpoints=*/true)) {}

StatementCommit::Rows StatementCommit::GetRows(const DataCommit& commit) {
  if (commit.rows == 0) return Rows::kNone;
  return commit.rows == 1 ? Rows::kOne : Rows::kMany;
}

std::string StatementCommit::MakeSource(Rows rows, int param) const {
  const bool arrays = rows == Rows::kMany;
  const std::string columns =
      absl::StrJoin(element_types_, ", ", [&](std::string* out, const std::string& type) {
        const std::string value = absl::StrCat("$", ++param, "::pg_catalog.", type);
        absl::StrAppend(out, arrays ? absl::StrCat("pg_catalog.unnest(", value, "[])") : value);
      });
  return arrays ? absl::StrCat("SELECT u.* FROM w, ROWS FROM (", columns, ") AS u")
                : absl::StrCat("SELECT ", columns, " FROM w");
}

std::string StatementCommit::MakeSql(Rows rows, bool has_checkpoints) const {
  const auto ledger = [this](absl::string_view sql) {
    return WithLedgerSchema(sql, quoted_ledger_schema_);
  };
  std::string sql = "WITH ";
  if (has_checkpoints) absl::StrAppend(&sql, ledger(kDueSql), "\n");
  absl::StrAppend(&sql, "w AS (",
                  AdvanceSql(quoted_ledger_schema_, has_checkpoints ? kNewestSql : ""), ")");
  if (has_checkpoints) absl::StrAppend(&sql, ledger(kStoreSql));
  if (rows == Rows::kNone) return absl::StrCat(sql, kUncheckedSql);
  const int params = kAdvanceParams + (has_checkpoints ? kCheckpointParams : 0);
  return absl::StrCat(sql, ",\nd AS (\n  ", insert_sql_, "\n  ", MakeSource(rows, params),
                      "\n  RETURNING 1)", rows == Rows::kOne ? kOneCheckedSql : kCheckedSql);
}

Statement StatementCommit::Make(const WriterClaim& claim, const DataCommit& commit,
                                const std::vector<PendingCheckpoint>& checkpoints,
                                std::vector<std::optional<std::string>> rows) const {
  Statement statement = {"", AdvanceParams(claim, commit)};
  Params& params = statement.params;
  if (!checkpoints.empty()) {
    std::vector<std::string> ids;
    std::vector<int64_t> offsets;
    std::vector<absl::string_view> states;
    for (const PendingCheckpoint& checkpoint : checkpoints) {
      ids.push_back(checkpoint.checkpoint_id);
      offsets.push_back(checkpoint.offset);
      states.emplace_back(checkpoint.state);
    }
    params.Int(claim.sync_no).TextArray(ids).IntArray(offsets).BytesArray(states);
  }
  switch (GetRows(commit)) {
    case Rows::kNone:
      statement.sql = MakeSql(Rows::kNone, !checkpoints.empty());
      break;
    case Rows::kOne:
      statement.sql = checkpoints.empty() ? row_sql_ : row_and_checkpoints_sql_;
      break;
    case Rows::kMany:
      statement.sql = checkpoints.empty() ? rows_sql_ : rows_and_checkpoints_sql_;
      break;
  }
  for (std::optional<std::string>& value : rows) params.Binary(std::move(value));
  return statement;
}

std::optional<int64_t> StatementCommit::GetDurableOffset(const Result& result) {
  if (result.size() != 1) return std::nullopt;
  return result.Int(0, 0);
}

absl::StatusOr<int64_t> StatementCommit::Commit(
    Connection& connection, const WriterClaim& claim, const DataCommit& commit,
    const std::vector<PendingCheckpoint>& checkpoints,
    std::vector<std::optional<std::string>> rows) const {
  const Statement statement = Make(claim, commit, checkpoints, std::move(rows));
  SYNCLINE_ASSIGN_OR_RETURN(const Result moved,
                            connection.QueryAndCommit(statement.sql, statement.params));
  const std::optional<int64_t> durable = GetDurableOffset(moved);
  if (!durable.has_value()) return Fenced(claim.writer_id);
  return *durable;
}

absl::StatusOr<StatementUse> GetStatementUse(Connection& connection, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result found,
      connection.Query(kStatementUseSql, Params().Text(table.schema).Text(table.name)));
  if (found.empty()) return StatementUse{};
  if (connection.on_citus()) {
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result placed,
        connection.Query(kPlacedByCitusSql, Params().Text(table.schema).Text(table.name)));
    if (placed.Bool(0, 0)) return StatementUse{};
  }
  const RowView row = found.Row(0);
  const bool alone = row.Bool("alone");
  return StatementUse{alone, alone && row.Bool("grouped")};
}

}  // namespace syncline::postgres
