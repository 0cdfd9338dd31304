#include "server/postgres/swap/replace_survey.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/placement_rules.h"
#include "server/model/table_placement.h"
#include "server/postgres/swap/swap_check.h"
#include "server/postgres/table/replica_identity.h"
#include "server/postgres/table/table_placement.h"

namespace syncline::postgres {
namespace {

// $1: schema; $2: table. `fixed`: why its definition cannot be changed, or empty.
constexpr char kTableSql[] =
    "SELECT c.oid, CASE"
    " WHEN c.relispartition THEN 'is a partition, whose columns are those of its parent'"
    " WHEN NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') THEN 'belongs to the role ' ||"
    " pg_catalog.pg_get_userbyid(c.relowner) || ', of which our role is not a member'"
    " ELSE '' END AS fixed FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')";

// $1: oid of the target. Returns the first object that makes a swap fail or, if `forceable`, makes
// its result wrong, and why. What cannot be bound to another table at all is found by
// CheckReplaceable.
constexpr char kSwapSql[] = R"sql(
WITH RECURSIVE tab AS (
  SELECT c.oid, c.relnamespace, c.relowner, c.relacl FROM pg_catalog.pg_class c
  WHERE c.oid = $1::oid),
-- The table and the materialized views that a swap would create again.
renewed (oid) AS (
  SELECT tab.oid FROM tab
  UNION
  SELECT r.ev_class FROM renewed JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = renewed.oid
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
  JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm'),
views AS (
  SELECT DISTINCT v.oid, v.relowner, v.relpersistence FROM renewed
  JOIN pg_catalog.pg_depend d
    ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = renewed.oid
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
  JOIN pg_catalog.pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')),
found AS (
  SELECT 1 AS rank, 'publication ' || p.pubname AS subject,
         'sends its rows to subscribers, which would not receive those of a swap' AS problem
  FROM tab CROSS JOIN pg_catalog.pg_publication p
  WHERE p.puballtables
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND (
      r.prrelid = tab.oid
      OR r.prrelid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(tab.oid) a (relid))))
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n
               WHERE n.pnpubid = p.oid AND n.pnnspid = tab.relnamespace)
  UNION ALL
  SELECT 2,
         pg_catalog.pg_describe_object('pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 0),
         'would not see the rows of a swap'
  FROM tab JOIN pg_catalog.pg_trigger t ON t.tgrelid = tab.oid AND NOT t.tgisinternal
  WHERE t.tgtype::integer & 7 = 7 AND t.tgenabled IN ('O', 'A')
  UNION ALL
  SELECT 3,
         pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, tab.oid, 0),
         'belongs to the role ' || pg_catalog.pg_get_userbyid(tab.relowner) ||
         ', of which our role is not a member'
  FROM tab WHERE NOT pg_catalog.pg_has_role(tab.relowner, 'USAGE')
  UNION ALL
  SELECT 4, 'schema ' || n.nspname, 'does not allow our role to create tables (GRANT CREATE)'
  FROM tab JOIN pg_catalog.pg_namespace n ON n.oid = tab.relnamespace
  WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'CREATE')
  UNION ALL
  SELECT 5, pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, v.oid, 0),
         'is a temporary view of another session'
  FROM views v WHERE v.relpersistence = 't'
  UNION ALL
  SELECT 6, pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, o.oid, 0),
         'belongs to the role ' || pg_catalog.pg_get_userbyid(o.relowner) ||
         ', of which our role is not a member'
  FROM (SELECT v.oid, v.relowner FROM views v
        UNION
        SELECT k.conrelid, c.relowner FROM tab
        JOIN pg_catalog.pg_constraint k ON k.confrelid = tab.oid AND k.contype = 'f'
        JOIN pg_catalog.pg_class c ON c.oid = k.conrelid) o
  WHERE NOT pg_catalog.pg_has_role(o.relowner, 'USAGE')
  UNION ALL
  SELECT 7,
         pg_catalog.pg_describe_object('pg_catalog.pg_statistic_ext'::pg_catalog.regclass,
           s.oid, 0),
         'belongs to the role ' || pg_catalog.pg_get_userbyid(s.stxowner) ||
         ', of which our role is not a member'
  FROM tab JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = tab.oid
  WHERE NOT pg_catalog.pg_has_role(s.stxowner, 'MEMBER')
  UNION ALL
  SELECT 8,
         pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, tab.oid, 0),
         'has privileges that the role ' || pg_catalog.pg_get_userbyid(a.grantor) ||
         ' granted, of which our role is not a member'
  FROM tab, pg_catalog.aclexplode(tab.relacl) a
  WHERE NOT pg_catalog.pg_has_role(a.grantor, 'MEMBER'))
SELECT subject, problem, rank <= 2 AS forceable FROM found
ORDER BY forceable, rank, subject LIMIT 1
)sql";

// $1: oid of the target; $2: whether the replaced rows are kept in another table. Returns the first
// object that makes an in-place replace impossible. For rows that other tables reference it needs a
// temporary table.
constexpr char kInPlaceSql[] = R"sql(
WITH RECURSIVE tab AS (
  SELECT c.oid, c.relnamespace FROM pg_catalog.pg_class c WHERE c.oid = $1::oid),
tree (oid) AS (
  SELECT tab.oid FROM tab
  UNION
  SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid),
found AS (
  SELECT 1 AS rank,
         pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass,
           tab.oid, 0) AS subject,
         'is written by a subscription' AS problem
  FROM tab WHERE EXISTS (SELECT FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = tab.oid)
  UNION ALL
  SELECT 2, pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, tab.oid, 0),
         'does not allow our role to ' || p.name || ' (GRANT ' || p.name || ')'
  FROM tab CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) p (name)
  WHERE NOT pg_catalog.has_table_privilege(tab.oid, p.name)
  UNION ALL
  SELECT 3, pg_catalog.pg_describe_object('pg_catalog.pg_rewrite'::pg_catalog.regclass, r.oid, 0),
         'replaces statements that change rows'
  FROM tab JOIN pg_catalog.pg_rewrite r ON r.ev_class = tab.oid
  WHERE r.is_instead AND r.ev_type IN ('2', '3', '4') AND r.ev_enabled IN ('O', 'A')
  UNION ALL
  SELECT 4, pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, tab.oid, 0),
         'has the access method columnar, which changes no stored rows'
  FROM tab JOIN pg_catalog.pg_class c ON c.oid = tab.oid
  JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE am.amname = 'columnar'
  UNION ALL
  SELECT 5, 'schema ' || n.nspname,
         'does not allow our role to create tables (GRANT CREATE), so that --keep_generations'
         ' cannot keep the old rows'
  FROM tab JOIN pg_catalog.pg_namespace n ON n.oid = tab.relnamespace
  WHERE $2::boolean AND NOT pg_catalog.has_schema_privilege(n.oid, 'CREATE')
  UNION ALL
  SELECT 6,
         pg_catalog.pg_describe_object('pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 0),
         'references its rows, which needs a temporary table, and the database ' ||
         pg_catalog.current_database() ||
         ' does not allow our role to create one (GRANT TEMPORARY)'
  FROM tree JOIN pg_catalog.pg_constraint k ON k.confrelid = tree.oid AND k.contype = 'f'
  WHERE NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')
    AND k.conrelid NOT IN (SELECT oid FROM tree))
SELECT subject, problem FROM found ORDER BY rank, subject LIMIT 1
)sql";

// $1: schema; $2: table. From version 17 on, MAINTAIN allows a refresh.
constexpr char kStaleViewsSql[] = R"sql(
SELECT DISTINCT pg_catalog.pg_describe_object(
         'pg_catalog.pg_class'::pg_catalog.regclass, m.oid, 0) AS subject
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_depend d
  ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
  AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_class m ON m.oid = r.ev_class AND m.relkind = 'm' AND m.relispopulated
WHERE n.nspname = $1 AND c.relname = $2
  AND NOT pg_catalog.pg_has_role(m.relowner, 'USAGE')
  AND NOT CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 170000
               THEN pg_catalog.has_table_privilege(m.oid, 'MAINTAIN') ELSE false END
ORDER BY 1
)sql";

// Returns the first row of `found` as an obstacle.
std::optional<ReplaceObstacle> ReadObstacle(const Result& found, absl::string_view reason,
                                            bool forceable) {
  if (found.empty()) return std::nullopt;
  const RowView row = found.Row(0);
  return ReplaceObstacle{.reason = std::string(reason),
                         .subject = row.Text("subject"),
                         .problem = row.Text("problem"),
                         .forceable = forceable};
}

absl::StatusOr<std::optional<ReplaceObstacle>> FindSwapObstacle(Transaction& transaction,
                                                                int64_t target) {
  const absl::Status replaceable = CheckReplaceable(transaction, target);
  if (absl::IsFailedPrecondition(replaceable)) {
    const ErrorDetail detail = GetDetail(replaceable);
    // The message of a refusal is "subject: problem".
    std::string problem(replaceable.message());
    const std::string prefix = detail.subject + ": ";
    if (problem.compare(0, prefix.size(), prefix) == 0) problem.erase(0, prefix.size());
    return std::optional<ReplaceObstacle>(ReplaceObstacle{
        .reason = detail.reason, .subject = detail.subject, .problem = std::move(problem)});
  }
  SYNCLINE_RETURN_IF_ERROR(replaceable);
  SYNCLINE_ASSIGN_OR_RETURN(const Result found, transaction.Query(kSwapSql, Params().Int(target)));
  const bool forceable = !found.empty() && found.Row(0).Bool("forceable");
  return ReadObstacle(found, reason::kDependentObjects, forceable);
}

absl::StatusOr<std::optional<ReplaceObstacle>> FindInPlaceObstacle(Transaction& transaction,
                                                                   const TableName& table,
                                                                   int64_t target,
                                                                   bool keeps_rows) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result found,
                            transaction.Query(kInPlaceSql, Params().Int(target).Bool(keeps_rows)));
  if (!found.empty()) {
    return ReadObstacle(found, reason::kTargetIncompatible, /*forceable=*/false);
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<PublishedTable> published,
                            FindPublishedTables(transaction, table));
  for (const PublishedTable& part : published) {
    std::string problem = DescribeIdentityProblem(part);
    if (problem.empty()) continue;
    return std::optional<ReplaceObstacle>(ReplaceObstacle{.reason = reason::kDependentObjects,
                                                          .subject = part.subject,
                                                          .problem = std::move(problem)});
  }
  return std::optional<ReplaceObstacle>();
}

}  // namespace

absl::StatusOr<ReplaceObstacles> FindReplaceObstacles(Transaction& transaction,
                                                      const TableName& table, bool keeps_rows) {
  ReplaceObstacles obstacles;
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result found,
      transaction.Query(kTableSql, Params().Text(table.schema).Text(table.name)));
  if (found.empty()) return obstacles;
  const int64_t target = found.Int(0, 0);
  obstacles.target_exists = true;
  obstacles.fixed = found.Row(0).Text("fixed");
  SYNCLINE_ASSIGN_OR_RETURN(obstacles.swap, FindSwapObstacle(transaction, target));
  SYNCLINE_ASSIGN_OR_RETURN(obstacles.in_place,
                            FindInPlaceObstacle(transaction, table, target, keeps_rows));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TablePlacement> placements,
                            LookUpPlacements(transaction, {table}));
  if (placements.front().placed()) {
    obstacles.in_place = ReplaceObstacle{
        .reason = reason::kTargetDistributed,
        .subject = table.ToString(),
        .problem = absl::StrCat(Describe(placements.front()),
                                ", so that readers would see rows of two generations")};
  }
  return obstacles;
}

absl::StatusOr<std::vector<std::string>> FindStaleViews(Transaction& transaction,
                                                        const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(kStaleViewsSql, Params().Text(table.schema).Text(table.name)));
  std::vector<std::string> views;
  for (const RowView row : rows) views.push_back(row.Text("subject"));
  return views;
}

}  // namespace syncline::postgres
