#include "server/postgres/table/bare_table.h"

#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1, $2: schema and name of the table; $3, $4: of the target. Returns one statement per row, in an
// order in which they can run: a foreign key to the table itself is dropped before the index that
// it needs.
constexpr char kStripSql[] = R"sql(
WITH tab AS (
  SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS q
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2),
target AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $3 AND c.relname = $4)
SELECT sql FROM (
  SELECT CASE WHEN k.contype = 'f' THEN 1 ELSE 2 END AS place,
         pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', tab.q, k.conname) AS sql
  FROM tab JOIN pg_catalog.pg_constraint k ON k.conrelid = tab.oid
  WHERE k.contype IN ('p', 'u', 'x', 'c', 'f') AND NOT (k.contype = 'c' AND EXISTS (
    SELECT FROM target JOIN pg_catalog.pg_constraint t ON t.conrelid = target.oid
    WHERE t.contype = 'c' AND t.conname = k.conname))
  UNION ALL
  SELECT 3, pg_catalog.format('DROP INDEX %I.%I', n.nspname, i.relname)
  FROM tab JOIN pg_catalog.pg_index x ON x.indrelid = tab.oid
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.oid
                    AND k.conrelid = tab.oid AND k.contype IN ('p', 'u', 'x'))
  UNION ALL
  SELECT 4, pg_catalog.format('DROP STATISTICS %I.%I', n.nspname, s.stxname)
  FROM tab JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = tab.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
  UNION ALL
  SELECT 5, pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', tab.q, a.attname)
  FROM tab JOIN pg_catalog.pg_attribute a ON a.attrelid = tab.oid
  WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND a.attidentity = ''
    AND a.attname NOT IN ('_airbyte_raw_id', '_airbyte_extracted_at', '_airbyte_meta',
                          '_airbyte_generation_id')
    AND NOT EXISTS (SELECT FROM target JOIN pg_catalog.pg_attribute t ON t.attrelid = target.oid
                    WHERE t.attname = a.attname AND t.attnum > 0 AND NOT t.attisdropped
                      AND t.attnotnull)) w
ORDER BY place, sql
)sql";

}  // namespace

absl::Status StripTable(Transaction& transaction, const TableName& table, const TableName& target) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result steps,
      transaction.Query(
          kStripSql,
          Params().Text(table.schema).Text(table.name).Text(target.schema).Text(target.name)));
  for (size_t row = 0; row < steps.size(); ++row) {
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(steps.Text(row, 0)));
  }
  return absl::OkStatus();
}

}  // namespace syncline::postgres
