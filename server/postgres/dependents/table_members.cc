#include "server/postgres/dependents/table_members.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/sha256.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

constexpr absl::string_view kBuildPrefix = "_syncline_build_";
constexpr absl::string_view kNotValid = " NOT VALID";

// $1: the table; $2: its successor, or NULL. A member is `gone` if DROP COLUMN would drop it with a
// column that the successor lacks.
constexpr char kScope[] = R"sql(
WITH tab AS (
  SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS q
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid),
missing AS (
  SELECT a.attnum FROM pg_attribute a
  WHERE $2::oid IS NOT NULL AND a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = $2::oid
                    AND s.attname = a.attname AND s.attnum > 0 AND NOT s.attisdropped)),
gone AS (
  SELECT d.classid, d.objid FROM pg_depend d JOIN missing m ON d.refobjsubid = m.attnum
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
  GROUP BY d.classid, d.objid HAVING bool_or(d.deptype IN ('a', 'i'))),
)sql";

// Properties of indexes, including those of constraints, that are not part of their definitions. An
// invalid index, which a failed CREATE INDEX CONCURRENTLY leaves, could not be built either.
// `head` is what pg_get_indexdef prints before the part that contains neither the index's nor the
// table's name.
constexpr char kIndexes[] = R"sql(
idx AS (
  SELECT i.indexrelid AS oid, c.relname, quote_ident(c.relname) AS name,
         quote_ident(n.nspname) AS schema, tab.q, i.indisunique,
         CASE WHEN i.indisunique THEN 'CREATE UNIQUE INDEX ' ELSE 'CREATE INDEX ' END ||
           quote_ident(c.relname) || ' ON ' || tab.q || ' ' AS head,
         coalesce((SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace), '')
           AS tablespace,
         coalesce((SELECT string_agg(format('%I=%L', option_name, option_value), ', ')
                   FROM pg_options_to_table(c.reloptions)), '') AS options,
         ARRAY[
           CASE WHEN i.indisclustered
                THEN format('ALTER TABLE %s CLUSTER ON %I', tab.q, c.relname) END,
           CASE WHEN i.indisreplident
                THEN format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', tab.q, c.relname) END,
           (SELECT string_agg(format('ALTER INDEX %I.%I DEPENDS ON EXTENSION %I', n.nspname,
                                     c.relname, e.extname), E';\n' ORDER BY e.extname)
            FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x'),
           format('COMMENT ON INDEX %I.%I IS ', n.nspname, c.relname) ||
             quote_literal(obj_description(c.oid, 'pg_class'))] AS finish,
         coalesce((SELECT string_agg(format('%s %s', attnum, attstattarget), ',' ORDER BY attnum)
                   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0), '')
           AS targets
  FROM tab JOIN pg_index i ON i.indrelid = tab.oid AND i.indisvalid AND i.indisready
  JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace),
con AS (
  SELECT k.*, tab.q FROM tab JOIN pg_constraint k ON k.conrelid = tab.oid
  WHERE k.contype IN ('p', 'u', 'x', 'c', 'f') AND k.conparentid = 0),
)sql";

constexpr char kMembers[] = R"sql(
member AS (
  SELECT 'i' AS kind, relname AS raw, name, schema, 'pg_class'::regclass AS class, idx.oid,
         CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END || E'\n' ||
           substr(pg_get_indexdef(idx.oid), length(head) + 1) AS definition,
         true AS validated, tablespace, '' AS options, finish, targets
  FROM idx WHERE NOT EXISTS (SELECT FROM con WHERE con.conindid = idx.oid
                             AND con.contype IN ('p', 'u', 'x'))
  UNION ALL
  SELECT CASE WHEN contype = 'f' AND confrelid = conrelid THEN 's'
              WHEN contype IN ('c', 'f') THEN contype::text ELSE 'k' END,
         conname, quote_ident(conname), coalesce(idx.schema, ''), 'pg_constraint'::regclass,
         con.oid, pg_get_constraintdef(con.oid), convalidated, coalesce(idx.tablespace, ''),
         coalesce(idx.options, ''),
         ARRAY[format('COMMENT ON CONSTRAINT %I ON %s IS ', conname, con.q) ||
                 quote_literal(obj_description(con.oid, 'pg_constraint'))] || idx.finish,
         coalesce(idx.targets, '')
  FROM con LEFT JOIN idx ON idx.oid = con.conindid AND con.contype IN ('p', 'u', 'x')
  UNION ALL
  SELECT 't', s.stxname, quote_ident(s.stxname), quote_ident(n.nspname),
         'pg_statistic_ext'::regclass, s.oid,
         substr(left(def, length(def) - length(' FROM ' || tab.q)),
                length('CREATE STATISTICS ' || format('%I.%I', n.nspname, s.stxname)) + 2),
         true, '', '',
         ARRAY[format('ALTER STATISTICS %I.%I OWNER TO %I', n.nspname, s.stxname,
                      pg_get_userbyid(s.stxowner)),
               CASE WHEN s.stxstattarget >= 0
                    THEN format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, s.stxname,
                                s.stxstattarget) END,
               format('COMMENT ON STATISTICS %I.%I IS ', n.nspname, s.stxname) ||
                 quote_literal(obj_description(s.oid, 'pg_statistic_ext'))],
         ''
  FROM tab JOIN pg_statistic_ext s ON s.stxrelid = tab.oid
  JOIN pg_namespace n ON n.oid = s.stxnamespace, pg_get_statisticsobjdef(s.oid) def)
SELECT kind, raw AS name, name AS quoted_name, schema AS quoted_schema,
       pg_describe_object(class, oid, 0) AS subject, definition, validated,
       EXISTS (SELECT FROM gone WHERE gone.classid = class AND gone.objid = m.oid) AS gone,
       tablespace, options, targets AS column_targets,
       (SELECT string_agg(step, E';\n' ORDER BY ord) FROM unnest(finish)
          WITH ORDINALITY f(step, ord) WHERE step IS NOT NULL) AS finish
FROM member m ORDER BY strpos('kcfsit', kind), raw COLLATE "C"
)sql";

MemberKind KindOf(absl::string_view code) {
  if (code == "k") return MemberKind::kIndexConstraint;
  if (code == "c") return MemberKind::kCheck;
  if (code == "f") return MemberKind::kForeignKey;
  if (code == "s") return MemberKind::kSelfForeignKey;
  if (code == "t") return MemberKind::kStatistics;
  return MemberKind::kIndex;
}

std::string SetTablespace(const TableMember& member) {
  return absl::StrCat("SELECT set_config('default_tablespace', '",
                      absl::StrReplaceAll(member.tablespace, {{"'", "''"}}), "', true); ");
}

std::string SetColumnTargets(const TableMember& member, const std::string& index) {
  std::string sql;
  for (const absl::string_view entry :
       absl::StrSplit(member.column_targets, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> target = absl::StrSplit(entry, ' ');
    absl::StrAppend(&sql, "; ALTER INDEX ", index, " ALTER COLUMN ", target.first,
                    " SET STATISTICS ", target.second);
  }
  return sql;
}

std::string AddConstraint(absl::string_view table, absl::string_view name,
                          absl::string_view definition) {
  return absl::StrCat("ALTER TABLE ", table, " ADD CONSTRAINT ", name, " ", definition);
}

BuildStep BuildIndex(const TableMember& member, const BuildPlace& place) {
  const std::string name = BuildName(member, place);
  const std::string index = absl::StrCat(place.source_schema, ".", name);
  std::string sql = SetTablespace(member);
  if (member.kind == MemberKind::kIndex) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(member.definition, absl::MaxSplits('\n', 1));
    absl::StrAppend(&sql, "CREATE ", parts.first, "INDEX ", name, " ON ", place.source, " ",
                    parts.second);
  } else {
    absl::StrAppend(&sql, AddConstraint(place.source, name, member.definition));
    if (!member.options.empty()) {
      absl::StrAppend(&sql, "; ALTER INDEX ", index, " SET (", member.options, ")");
    }
  }
  absl::StrAppend(&sql, SetColumnTargets(member, index));
  return {.step = {.subject = member.subject, .sql = std::move(sql)}};
}

BuildStep Validation(const TableMember& member, absl::string_view quoted_name,
                     const BuildPlace& place) {
  return {.step = {.subject = member.subject,
                   .sql = absl::StrCat("ALTER TABLE ", place.source, " VALIDATE CONSTRAINT ",
                                       quoted_name)},
          .locks_other_tables = member.kind == MemberKind::kForeignKey};
}

// Adds the constraint NOT VALID and then validates it, so that the referenced table of a foreign
// key is locked against writers only for an instant.
void AppendConstraint(const TableMember& member, const BuildPlace& place,
                      std::vector<BuildStep>* steps) {
  const std::string name = place.placed ? member.quoted_name : BuildName(member, place);
  const std::string definition = absl::StrCat(member.definition, member.validated ? kNotValid : "");
  steps->push_back(
      {.step = {.subject = member.subject, .sql = AddConstraint(place.source, name, definition)},
       .locks_other_tables = member.kind == MemberKind::kForeignKey});
  if (member.validated) steps->push_back(Validation(member, name, place));
}

void AppendBuild(const TableMember& member, const BuildPlace& place,
                 std::vector<BuildStep>* steps) {
  switch (member.kind) {
    case MemberKind::kIndex:
    case MemberKind::kIndexConstraint:
      steps->push_back(BuildIndex(member, place));
      return;
    case MemberKind::kCheck:
    case MemberKind::kForeignKey:
      AppendConstraint(member, place, steps);
      return;
    case MemberKind::kStatistics:
      steps->push_back({.step = {.subject = member.subject,
                                 .sql = absl::StrCat("CREATE STATISTICS ", member.quoted_schema,
                                                     ".", BuildName(member, place), " ",
                                                     member.definition, " FROM ", place.source)}});
      return;
    case MemberKind::kSelfForeignKey:
      return;  // refers to the table itself: added in the swap
  }
}

BuildStep Removal(const TableMember& built, const BuildPlace& place) {
  std::string sql;
  switch (built.kind) {
    case MemberKind::kIndex:
      sql = absl::StrCat("DROP INDEX ", place.source_schema, ".", built.quoted_name);
      break;
    case MemberKind::kStatistics:
      sql = absl::StrCat("DROP STATISTICS ", built.quoted_schema, ".", built.quoted_name);
      break;
    case MemberKind::kIndexConstraint:
    case MemberKind::kCheck:
    case MemberKind::kForeignKey:
    case MemberKind::kSelfForeignKey:
      sql = absl::StrCat("ALTER TABLE ", place.source, " DROP CONSTRAINT ", built.quoted_name);
      break;
  }
  return {.step = {.subject = built.subject, .sql = std::move(sql)},
          .locks_other_tables = built.kind == MemberKind::kForeignKey};
}

std::string RenameIndexSql(const TableMember& member, const std::string& from,
                           const std::string& schema) {
  return absl::StrCat("ALTER INDEX ", schema, ".", from, " RENAME TO ", member.quoted_name);
}

std::string RenameSql(const TableMember& member, const BuildPlace& place, const std::string& table,
                      const std::string& schema) {
  const std::string from = BuildName(member, place);
  switch (member.kind) {
    case MemberKind::kIndex:
      return RenameIndexSql(member, from, schema);
    case MemberKind::kIndexConstraint:
      if (place.placed) return RenameIndexSql(member, from, schema);
      [[fallthrough]];
    case MemberKind::kCheck:
    case MemberKind::kForeignKey:
      return absl::StrCat("ALTER TABLE ", table, " RENAME CONSTRAINT ", from, " TO ",
                          member.quoted_name);
    case MemberKind::kStatistics:
      return absl::StrCat("ALTER STATISTICS ", member.quoted_schema, ".", from, " RENAME TO ",
                          member.quoted_name);
    case MemberKind::kSelfForeignKey:
      return AddConstraint(table, member.quoted_name, member.definition);
  }
  return "";
}

bool IsConstraintWithoutIndex(const TableMember& member) {
  return member.kind == MemberKind::kCheck || member.kind == MemberKind::kForeignKey;
}

std::string Unchecked(const TableMember& member) {
  return absl::StrCat(member.definition, kNotValid);
}

// Returns whether `existing` is `member` under its own name, validated or not: a CHECK with which
// the loaded table was created.
bool IsStaged(const TableMember& existing, const TableMember& member) {
  return IsConstraintWithoutIndex(member) && existing.kind == member.kind &&
         existing.name == member.name &&
         (existing.definition == member.definition ||
          (member.validated && existing.definition == Unchecked(member)));
}

bool IsBuilt(const TableMember& existing, const TableMember& member, const BuildPlace& place) {
  return existing.kind == member.kind && existing.name == BuildName(member, place);
}

using Members = std::vector<TableMember>;

// Returns the position of `member` in `built`, or the end of `built`.
Members::const_iterator Find(const Members& built, const TableMember& member,
                             const BuildPlace& place) {
  return std::find_if(built.begin(), built.end(), [&](const TableMember& existing) {
    return IsStaged(existing, member) || IsBuilt(existing, member, place);
  });
}

}  // namespace

// The name contains a digest of the definition from which the member was built. The definitions of
// built members cannot be compared instead, because PostgreSQL prints a definition differently if
// the columns have other types.
std::string BuildName(const TableMember& member, const BuildPlace& place) {
  return absl::StrCat(
      kBuildPrefix,
      Sha256Hex(absl::StrCat(place.key, "\n", member.name, "\n", member.definition), 24));
}

absl::StatusOr<std::vector<TableMember>> CaptureMembers(Transaction& transaction, int64_t table,
                                                        std::optional<int64_t> successor) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(absl::StrCat(kScope, kIndexes, kMembers),
                                              Params().Int(table).OptionalInt(successor)));
  std::vector<TableMember> members;
  for (const RowView row : rows) {
    members.push_back({.kind = KindOf(row.Text("kind")),
                       .name = row.Text("name"),
                       .quoted_name = row.Text("quoted_name"),
                       .quoted_schema = row.Text("quoted_schema"),
                       .subject = row.Text("subject"),
                       .definition = row.Text("definition"),
                       .validated = row.Bool("validated"),
                       .gone = row.Bool("gone"),
                       .tablespace = row.Text("tablespace"),
                       .options = row.Text("options"),
                       .column_targets = row.Text("column_targets"),
                       .finish = row.Text("finish")});
  }
  return members;
}

std::vector<BuildStep> PlanBuild(const std::vector<TableMember>& wanted,
                                 const std::vector<TableMember>& built, const BuildPlace& place) {
  std::set<const TableMember*> unmatched;
  for (const TableMember& member : built) unmatched.insert(&member);
  std::vector<BuildStep> builds;
  for (const TableMember& member : wanted) {
    if (member.gone) continue;
    const auto found = Find(built, member, place);
    if (found == built.end()) {
      AppendBuild(member, place, &builds);
      continue;
    }
    unmatched.erase(&*found);
    if (member.validated && !found->validated) {
      builds.push_back(Validation(member, found->quoted_name, place));
    }
  }
  std::vector<BuildStep> steps;
  for (const TableMember& member : built) {
    if (unmatched.count(&member) > 0) steps.push_back(Removal(member, place));
  }
  steps.insert(steps.end(), builds.begin(), builds.end());
  return steps;
}

std::vector<DdlStep> NameMembers(const std::vector<TableMember>& wanted,
                                 const std::vector<TableMember>& built, const BuildPlace& place,
                                 const std::string& table, const std::string& schema) {
  std::vector<DdlStep> steps;
  for (const TableMember& member : wanted) {
    if (member.gone) continue;
    const auto found = Find(built, member, place);
    if (found == built.end() || !IsStaged(*found, member)) {
      steps.push_back({.subject = member.subject, .sql = RenameSql(member, place, table, schema)});
    }
    if (!member.finish.empty()) steps.push_back({.subject = member.subject, .sql = member.finish});
  }
  return steps;
}

}  // namespace syncline::postgres
