#include "server/postgres/swap/referenced_rows.h"

#include "absl/strings/str_cat.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $1: schema; $2: table. A key that PostgreSQL derives from another one, for a partition, is
// checked with that one.
constexpr char kKeysSql[] = R"sql(
WITH RECURSIVE tree (oid) AS (
  SELECT c.oid FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2
  UNION
  SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid)
SELECT pg_catalog.pg_describe_object(
         'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 0) AS subject,
       k.conrelid IN (SELECT oid FROM tree) AS own,
       pg_catalog.format('%I.%I', n.nspname, r.relname) AS quoted_table,
       pg_catalog.has_table_privilege(r.oid, 'SELECT')
         AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND NOT pg_catalog.row_security_active(r.oid) AS readable,
       k.confdeltype IN ('a', 'r') AND k.confupdtype IN ('a', 'r') AS restricts,
       c.same, c.refers
FROM tree JOIN pg_catalog.pg_constraint k ON k.confrelid = tree.oid AND k.contype = 'f'
JOIN pg_catalog.pg_class r ON r.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
CROSS JOIN LATERAL (
  SELECT pg_catalog.string_agg(pg_catalog.format('t.%I OPERATOR(%I.%s) s.%I', ta.attname,
           son.nspname, so.oprname, ta.attname), ' AND ' ORDER BY u.place) AS same,
         pg_catalog.string_agg(pg_catalog.format('t.%I OPERATOR(%I.%s) r.%I', ta.attname,
           fon.nspname, fo.oprname, ra.attname), ' AND ' ORDER BY u.place) AS refers
  FROM ROWS FROM (pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conkey),
                  pg_catalog.unnest(k.conppeqop), pg_catalog.unnest(k.conpfeqop))
         WITH ORDINALITY u (target, referrer, same, refers, place)
  JOIN pg_catalog.pg_attribute ta ON ta.attrelid = k.confrelid AND ta.attnum = u.target
  JOIN pg_catalog.pg_attribute ra ON ra.attrelid = k.conrelid AND ra.attnum = u.referrer
  JOIN pg_catalog.pg_operator so ON so.oid = u.same
  JOIN pg_catalog.pg_namespace son ON son.oid = so.oprnamespace
  JOIN pg_catalog.pg_operator fo ON fo.oid = u.refers
  JOIN pg_catalog.pg_namespace fon ON fon.oid = fo.oprnamespace) c
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint p
                  WHERE p.oid = k.conparentid AND p.confrelid IN (SELECT oid FROM tree))
ORDER BY own, k.conname, k.oid
)sql";

}  // namespace

absl::StatusOr<std::vector<IncomingKey>> FindIncomingKeys(Transaction& transaction,
                                                          const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows, transaction.Query(kKeysSql, Params().Text(table.schema).Text(table.name)));
  std::vector<IncomingKey> keys;
  for (const RowView row : rows) {
    keys.push_back({.subject = row.Text("subject"),
                    .quoted_table = row.Text("quoted_table"),
                    .own = row.Bool("own"),
                    .readable = row.Bool("readable"),
                    .restricts = row.Bool("restricts"),
                    .same = row.Text("same"),
                    .refers = row.Text("refers")});
  }
  return keys;
}

absl::Status CheckReferencedRows(Transaction& transaction, const TableName& staging,
                                 const TableName& target, const std::vector<IncomingKey>& keys,
                                 const std::string& match, TableMeta meta) {
  const bool has_raw_id = meta == TableMeta::kFull;
  const std::string row_name =
      has_raw_id ? absl::StrCat("t.", QuoteIdentifier(kRawIdColumn)) : "t.ctid::pg_catalog.text";
  for (const IncomingKey& key : keys) {
    if (key.own || (!key.readable && key.restricts)) continue;
    const std::string referenced = key.readable
                                       ? absl::StrCat("EXISTS (SELECT FROM ", key.quoted_table,
                                                      " r WHERE ", key.refers, ") AND ")
                                       : "";
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result found,
        transaction.Query(absl::StrCat(
            "SELECT pg_catalog.count(*) AS rows, pg_catalog.min(", row_name, ") AS example FROM ",
            QuoteTable(target), " t WHERE ", referenced, "NOT EXISTS (SELECT FROM ",
            QuoteTable(staging), " s WHERE ", match, " AND ", key.same, ")")));
    const RowView row = found.Row(0);
    if (row.Int("rows") == 0) continue;
    return MakeRefusal(
        reason::kDependentObjects, key.subject,
        absl::StrCat(row.Int("rows"), " rows of ", target.ToString(), ", such as the one with ",
                     has_raw_id ? kRawIdColumn : "ctid", " ", row.Text("example"),
                     key.readable ? ", are referenced" : ", may be referenced",
                     " and have no successor with the same key; delete the referencing rows or "
                     "load these keys"));
  }
  return absl::OkStatus();
}

}  // namespace syncline::postgres
