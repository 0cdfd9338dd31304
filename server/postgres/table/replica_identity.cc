#include "server/postgres/table/replica_identity.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: schema; $2: table.
constexpr char kPublishedSql[] = R"sql(
WITH RECURSIVE tree (oid) AS (
  SELECT c.oid FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2
  UNION
  SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid),
part AS (
  SELECT c.oid, c.relname, c.relnamespace, c.relowner, c.relreplident,
         ARRAY(SELECT a.relid FROM pg_catalog.pg_partition_ancestors(c.oid) a (relid)
               UNION SELECT c.oid) AS covering
  FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid AND c.relkind = 'r')
SELECT pg_catalog.format('%I.%I', n.nspname, part.relname) AS quoted_name,
       pg_catalog.pg_describe_object(
         'pg_catalog.pg_class'::pg_catalog.regclass, part.oid, 0) AS subject,
       CASE part.relreplident WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' WHEN 'n' THEN 'nothing'
            ELSE 'default' END AS identity,
       CASE part.relreplident
         WHEN 'f' THEN true
         WHEN 'd' THEN EXISTS (SELECT FROM pg_catalog.pg_index x
                               WHERE x.indrelid = part.oid AND x.indisprimary AND x.indimmediate)
         WHEN 'i' THEN EXISTS (SELECT FROM pg_catalog.pg_index x
                               WHERE x.indrelid = part.oid AND x.indisreplident AND x.indisvalid)
         ELSE false END AS identified,
       pg_catalog.pg_has_role(part.relowner, 'USAGE') AS owned,
       EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
               JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
               WHERE r.prrelid = ANY (part.covering) AND r.prattrs IS NOT NULL
                 AND (p.pubupdate OR p.pubdelete)) AS restricted
FROM part JOIN pg_catalog.pg_namespace n ON n.oid = part.relnamespace
WHERE EXISTS (
  SELECT FROM pg_catalog.pg_publication p
  WHERE (p.pubupdate OR p.pubdelete) AND (
    p.puballtables
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
               WHERE r.prpubid = p.oid AND r.prrelid = ANY (part.covering))
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s
               JOIN pg_catalog.pg_class c ON c.relnamespace = s.pnnspid
               WHERE s.pnpubid = p.oid AND c.oid = ANY (part.covering))))
ORDER BY part.oid
)sql";

}  // namespace

absl::StatusOr<std::vector<PublishedTable>> FindPublishedTables(Transaction& transaction,
                                                                const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(kPublishedSql, Params().Text(table.schema).Text(table.name)));
  std::vector<PublishedTable> tables;
  for (const RowView row : rows) {
    tables.push_back({.quoted_name = row.Text("quoted_name"),
                      .subject = row.Text("subject"),
                      .identity = row.Text("identity"),
                      .identified = row.Bool("identified"),
                      .owned = row.Bool("owned"),
                      .restricted = row.Bool("restricted")});
  }
  return tables;
}

std::string DescribeIdentityProblem(const PublishedTable& table) {
  if (table.restricted && (!table.identified || table.identity == "full")) {
    return "has no replica identity among the columns that a publication sends (add a PRIMARY KEY "
           "to them)";
  }
  if (table.identified || table.owned) return "";
  return "has no replica identity and belongs to another role, but a publication sends its "
         "deletions (ALTER TABLE … REPLICA IDENTITY FULL)";
}

absl::StatusOr<bool> EnsureReplicaIdentity(Transaction& transaction, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<PublishedTable> published,
                            FindPublishedTables(transaction, table));
  bool changed = false;
  for (const PublishedTable& part : published) {
    if (part.identified || !DescribeIdentityProblem(part).empty()) continue;
    SYNCLINE_RETURN_IF_ERROR(transaction.Execute(
        absl::StrCat("ALTER TABLE ONLY ", part.quoted_name, " REPLICA IDENTITY FULL")));
    changed = true;
  }
  return changed;
}

}  // namespace syncline::postgres
