#include "server/postgres/swap/in_place_upkeep.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/postgres/dependents/dependents.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $1: schema; $2: table.
constexpr char kReadersSql[] = R"sql(
SELECT DISTINCT mn.nspname AS schema, m.relname AS name,
       EXISTS (SELECT FROM pg_catalog.pg_index x
               WHERE x.indrelid = m.oid AND x.indisunique AND x.indisvalid AND x.indimmediate
                 AND x.indpred IS NULL AND x.indexprs IS NULL) AS concurrently
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_depend d
  ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
  AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm' AND m.relispopulated
JOIN pg_catalog.pg_namespace mn ON mn.oid = m.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 ORDER BY 1, 2
)sql";

struct Reader {
  TableName name;
  bool concurrently = false;
};

absl::StatusOr<std::vector<Reader>> FindReaders(Database& database, const TableName& table) {
  std::vector<Reader> readers;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) -> absl::Status {
    readers.clear();
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result rows,
        transaction.Query(kReadersSql, Params().Text(table.schema).Text(table.name)));
    for (const RowView row : rows) {
      readers.push_back({{row.Text("schema"), row.Text("name")}, row.Bool("concurrently")});
    }
    return absl::OkStatus();
  }));
  return readers;
}

absl::Status Refresh(Database& database, const Reader& reader, const LockPolicy& locks) {
  const std::string sql = RefreshSql(QuoteTable(reader.name), reader.concurrently);
  return TransactUnderPolicy(database, ForFollowUp(locks),
                             {.tables = {reader.name}, .need = LockNeed::kReaders},
                             [&](Transaction& transaction) -> absl::Status {
                               SYNCLINE_RETURN_IF_ERROR(LimitLockWaits(transaction, locks));
                               return transaction.Execute(sql);
                             });
}

void LogStale(const TableName& table, const TableName& view, const absl::Status& status) {
  Log(LogLevel::kWarning, "materialized_view_not_refreshed")
      .Field("table", table.ToString())
      .Field("view", view.ToString())
      .Error(status);
}

}  // namespace

void VacuumReplaced(Database& database, const TableName& table) {
  // TRUNCATE false: giving pages back to the system takes a lock that blocks readers.
  const std::string sql =
      absl::StrCat("VACUUM (ANALYZE, TRUNCATE false, SKIP_LOCKED) ", QuoteTable(table));
  const absl::Status status = database.ExecuteAlone(sql);
  if (status.ok()) return;
  Log(LogLevel::kWarning, "vacuum_failed").Field("table", table.ToString()).Error(status);
}

void RefreshReaders(Database& database, const TableName& table, const LockPolicy& locks) {
  const absl::StatusOr<std::vector<Reader>> readers = FindReaders(database, table);
  if (!readers.ok()) return LogStale(table, {table.schema, "*"}, readers.status());
  for (const Reader& reader : *readers) {
    const absl::Status status = Refresh(database, reader, locks);
    if (!status.ok()) LogStale(table, reader.name, status);
  }
}

}  // namespace syncline::postgres
