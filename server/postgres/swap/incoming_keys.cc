#include "server/postgres/swap/incoming_keys.h"

#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {
namespace {

// $1: the loaded table; $2: the target. Returns one query per foreign key, in the form of
// PostgreSQL's own initial check (ri_triggers.c): rows `f` without a referenced row `p`. A key with
// a null is not checked; MATCH FULL has refused rows with some nulls already. Partitioned tables
// are not listed, because the swap checks their constraints itself.
constexpr char kQueriesSql[] = R"sql(
SELECT pg_catalog.pg_describe_object('pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 0)
         AS subject,
       pg_catalog.format(
         'SELECT FROM ONLY %I.%I f WHERE %s AND NOT EXISTS (SELECT FROM ONLY %s p WHERE %s) LIMIT 1',
         n.nspname, c.relname, pairs.filled, source.quoted, pairs.joined) AS query
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN (SELECT pg_catalog.format('%I.%I', sn.nspname, s.relname) AS quoted
            FROM pg_catalog.pg_class s JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
            WHERE s.oid = $1::oid) source
CROSS JOIN LATERAL (
  SELECT pg_catalog.string_agg(pg_catalog.format('f.%I IS NOT NULL', fa.attname), ' AND ')
           AS filled,
         pg_catalog.string_agg(
           pg_catalog.format('p.%I OPERATOR(%I.%s) f.%I', pa.attname, pn.nspname, o.oprname,
                             fa.attname) ||
           CASE WHEN pa.attcollation <> fa.attcollation
                THEN (SELECT pg_catalog.format(' COLLATE %I.%I', ln.nspname, l.collname)
                      FROM pg_catalog.pg_collation l
                      JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
                      WHERE l.oid = pa.attcollation)
                ELSE '' END, ' AND ') AS joined
  FROM unnest(k.conkey, k.confkey, k.conpfeqop) e (fnum, pnum, operator)
  JOIN pg_catalog.pg_attribute fa ON fa.attrelid = k.conrelid AND fa.attnum = e.fnum
  JOIN pg_catalog.pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = e.pnum
  JOIN pg_catalog.pg_operator o ON o.oid = e.operator
  JOIN pg_catalog.pg_namespace pn ON pn.oid = o.oprnamespace) pairs
WHERE k.confrelid = $2::oid AND k.conrelid <> $2::oid AND k.contype = 'f' AND k.conparentid = 0
  AND k.convalidated
ORDER BY k.oid
)sql";

}  // namespace

absl::Status CheckIncomingKeys(Database& database, int64_t source_oid, int64_t target_oid) {
  if (target_oid == 0) return absl::OkStatus();
  return database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result queries,
        RetryIfVanished(transaction.Query(kQueriesSql, Params().Int(source_oid).Int(target_oid))));
    for (const RowView row : queries) {
      const absl::StatusOr<Result> lacking = transaction.Query(row.Text("query"));
      if (!lacking.ok()) {
        return ToRefusal(lacking.status(), reason::kDependentObjects, row.Text("subject"));
      }
      if (lacking->empty()) continue;
      return MakeRefusal(reason::kDependentObjects, row.Text("subject"),
                         "refers to rows that the new table does not have");
    }
    return absl::OkStatus();
  });
}

}  // namespace syncline::postgres
