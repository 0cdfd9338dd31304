#include "server/postgres/sql/ordered_merge_sql.h"

#include "absl/strings/str_cat.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {

const char kKeyOrderSql[] = R"sql(
SELECT (SELECT pg_catalog.count(*) = 2
                 AND coalesce(pg_catalog.min(pg_catalog.abs(s.correlation)) >= 0.9, false)
        FROM pg_catalog.pg_stats s
        WHERE s.attname = ($5::pg_catalog.name[])[1] AND NOT s.inherited
          AND (s.schemaname = $1 AND s.tablename = $2 OR s.schemaname = $3 AND s.tablename = $4)
       ) AS ordered,
       EXISTS (
         SELECT FROM pg_catalog.pg_index x
         JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
         JOIN pg_catalog.pg_am m ON m.oid = i.relam AND m.amname = 'btree'
         WHERE x.indrelid = c.oid AND x.indisvalid AND x.indpred IS NULL
           AND x.indnkeyatts >= pg_catalog.cardinality($5)
           AND $5::pg_catalog.text[] = ARRAY(
             SELECT a.attname::pg_catalog.text
             FROM ROWS FROM (pg_catalog.unnest(x.indkey::pg_catalog.int2[]),
                             pg_catalog.unnest(x.indclass::pg_catalog.oid[]),
                             pg_catalog.unnest(x.indcollation::pg_catalog.oid[]))
               WITH ORDINALITY k (attnum, class, collation_oid, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
             JOIN pg_catalog.pg_opclass o ON o.oid = k.class
             WHERE k.place <= pg_catalog.cardinality($5) AND o.opcdefault
               AND k.collation_oid = a.attcollation
             ORDER BY k.place)) AS indexed,
       c.reltuples::pg_catalog.int8 AS rows
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2
)sql";

// A parameter of the transaction is the only note that a DELETE can make of a row that it keeps.
const char kForgetUnbeatenSql[] = "SELECT pg_catalog.set_config('syncline.unbeaten', '', true)";
const char kHasUnbeatenSql[] = "SELECT pg_catalog.current_setting('syncline.unbeaten') = 'yes'";

std::string RemoveBeatenInOrderSql(const Merge& merge, const NullPattern& nulls) {
  return absl::StrCat(
      "DELETE FROM ", QuoteTable(merge.target), " t USING ", QuoteTable(merge.source), " w WHERE ",
      SameKey(merge, nulls), " AND ", HasPattern(merge, nulls), " AND CASE WHEN coalesce(",
      Beats(merge),
      ", false) THEN true ELSE pg_catalog.set_config('syncline.unbeaten', 'yes', true) IS NULL "
      "END");
}

}  // namespace syncline::postgres
