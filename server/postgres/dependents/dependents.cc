#include "server/postgres/dependents/dependents.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

constexpr char kTableSql[] =
    "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = $1 AND c.relname = $2";

// The maximum depth of a view is greater than that of everything on which it depends, so the order
// is a dependency order. The bound is for views that were made circular by CREATE OR REPLACE.
constexpr char kViewsSql[] = R"sql(
WITH RECURSIVE up(oid, depth) AS (
  SELECT $1::oid, 0
  UNION
  SELECT r.ev_class, up.depth + 1
  FROM up JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = up.oid
    AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN' AND r.ev_class <> up.oid
  WHERE up.depth < 100),
ordered AS (SELECT oid, max(depth) AS depth FROM up WHERE oid <> $1::oid GROUP BY oid)
SELECT c.oid, n.nspname AS schema, c.relname AS name,
       format('%I.%I', n.nspname, c.relname) AS quoted_name, quote_ident(n.nspname) AS quoted_schema,
       pg_describe_object('pg_class'::regclass, c.oid, 0) AS subject,
       c.relkind = 'm' AS materialized, c.relispopulated AS populated,
       (SELECT string_agg(DISTINCT d.refobjid::text, ',')
        FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
          AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
        WHERE r.ev_class = c.oid AND r.rulename = '_RETURN') AS depends_on,
       rtrim(pg_get_viewdef(c.oid), ';') AS definition,
       coalesce((SELECT ' WITH (' || string_agg(format('%I=%L', option_name, option_value), ', ')
                        || ')' FROM pg_options_to_table(c.reloptions)), '') ||
       coalesce((SELECT format(' TABLESPACE %I', spcname) FROM pg_tablespace t
                 WHERE t.oid = c.reltablespace AND c.relkind = 'm'), '') AS options
FROM ordered o JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY o.depth, c.oid
)sql";

constexpr char kColumnsSql[] = R"sql(
SELECT DISTINCT r.ev_class AS view_oid, a.attname AS column_name
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
  AND d.classid = 'pg_rewrite'::regclass AND a.attnum > 0
)sql";

std::set<int64_t> ParseOids(absl::string_view text) {
  std::set<int64_t> oids;
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    int64_t oid = 0;
    if (absl::SimpleAtoi(part, &oid)) oids.insert(oid);
  }
  return oids;
}

DependentView ReadView(const RowView& row) {
  DependentView view;
  view.oid = row.Int("oid");
  view.name = {row.Text("schema"), row.Text("name")};
  view.quoted_name = row.Text("quoted_name");
  view.quoted_schema = row.Text("quoted_schema");
  view.subject = row.Text("subject");
  view.materialized = row.Bool("materialized");
  view.populated = row.Bool("populated");
  view.depends_on = ParseOids(row.Text("depends_on"));
  view.definition = row.Text("definition");
  view.options = row.Text("options");
  return view;
}

void MarkAsDependent(std::vector<DdlStep>* steps) {
  for (DdlStep& step : *steps) step.reason = reason::kDependentObjects;
}

absl::Status AddTraits(Transaction& transaction, Dependents* dependents) {
  std::vector<int64_t> oids;
  for (const DependentView& view : dependents->views) oids.push_back(view.oid);
  SYNCLINE_ASSIGN_OR_RETURN(auto traits, CaptureTraits(transaction, oids, std::nullopt));
  for (DependentView& view : dependents->views) {
    view.traits = std::move(traits[view.oid]);
    MarkAsDependent(&view.traits.owner);
    MarkAsDependent(&view.traits.access);
    MarkAsDependent(&view.traits.rest);
  }
  return absl::OkStatus();
}

absl::Status AddColumns(Transaction& transaction, Dependents* dependents) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kColumnsSql, Params().Int(dependents->table)));
  std::map<int64_t, std::set<std::string>> columns;
  for (const RowView row : rows) {
    columns[row.Int("view_oid")].insert(row.Text("column_name"));
  }
  for (DependentView& view : dependents->views) view.columns = columns[view.oid];
  return absl::OkStatus();
}

DdlStep About(const DependentView& view, std::string sql) {
  return {.subject = view.subject, .sql = std::move(sql), .reason = reason::kDependentObjects};
}

absl::string_view Kind(const DependentView& view) {
  return view.materialized ? "MATERIALIZED VIEW" : "VIEW";
}

// Returns the steps that drop the views, outermost first.
std::vector<DdlStep> DropSteps(const Dependents& dependents) {
  std::vector<DdlStep> steps;
  for (auto view = dependents.views.rbegin(); view != dependents.views.rend(); ++view) {
    steps.push_back(About(*view, absl::StrCat("DROP ", Kind(*view), " ", view->quoted_name)));
  }
  return steps;
}

// A materialized view is created empty and filled by REFRESH, which reads as the view's owner.
// CREATE … WITH DATA would read as the server's role.
DdlStep Creation(const DependentView& view, bool replace) {
  return About(view, absl::StrCat("CREATE ", replace ? "OR REPLACE " : "", Kind(view), " ",
                                  view.quoted_name, view.options, " AS", view.definition,
                                  view.materialized ? " WITH NO DATA" : ""));
}

void Append(const std::vector<DdlStep>& from, std::vector<DdlStep>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

void AppendFill(const DependentView& view, bool filled, std::vector<DdlStep>* steps) {
  Append(view.traits.access, steps);
  if (view.materialized && view.populated && !filled) {
    steps->push_back(About(view, RefreshSql(view.quoted_name)));
  }
  Append(view.traits.rest, steps);
}

// Returns the materialized views that read the table, by their own query or through another such
// view, and the plain views whose query names the table or one of these.
std::set<int64_t> Affected(const Dependents& dependents) {
  std::set<int64_t> replaced_bases = {dependents.table};
  std::set<int64_t> affected;
  for (const DependentView& view : dependents.views) {
    for (const int64_t base : view.depends_on) {
      if (replaced_bases.count(base) == 0) continue;
      affected.insert(view.oid);
      if (view.materialized) replaced_bases.insert(view.oid);
    }
  }
  return affected;
}

std::string TemporaryName(const DependentView& view) {
  return absl::StrCat("_syncline_old_", view.oid);
}

absl::StatusOr<Dependents> Capture(Transaction& transaction, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result found,
      transaction.Query(kTableSql, Params().Text(table.schema).Text(table.name)));
  if (found.empty()) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("table ", table.ToString(), " does not exist"),
                     {.reason = reason::kTableMissing, .subject = table.ToString()});
  }
  Dependents dependents{.table = found.Int(0, 0)};
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kViewsSql, Params().Int(dependents.table)));
  for (const RowView row : rows) dependents.views.push_back(ReadView(row));
  if (!dependents.views.empty()) {
    SYNCLINE_RETURN_IF_ERROR(AddColumns(transaction, &dependents));
    SYNCLINE_RETURN_IF_ERROR(AddTraits(transaction, &dependents));
  }
  return dependents;
}

}  // namespace

std::string RefreshSql(absl::string_view quoted_name, bool concurrently) {
  return absl::StrCat("SET LOCAL row_security = on; REFRESH MATERIALIZED VIEW ",
                      concurrently ? "CONCURRENTLY " : "", quoted_name,
                      "; SET LOCAL row_security = off");
}

absl::StatusOr<Dependents> CaptureDependents(Transaction& transaction, const TableName& table) {
  return RetryIfVanished(Capture(transaction, table));
}

Dependents SelectReaders(const Dependents& dependents, const std::set<std::string>& columns) {
  Dependents chosen{.table = dependents.table};
  std::set<int64_t> oids;
  for (const DependentView& view : dependents.views) {
    bool reads = false;
    for (const std::string& column : view.columns) reads = reads || columns.count(column) > 0;
    for (const int64_t base : view.depends_on) reads = reads || oids.count(base) > 0;
    if (!reads) continue;
    oids.insert(view.oid);
    chosen.views.push_back(view);
  }
  return chosen;
}

std::vector<DdlStep> LockViews(const Dependents& dependents) {
  std::vector<DdlStep> locks;
  for (auto view = dependents.views.rbegin(); view != dependents.views.rend(); ++view) {
    // Setting the owner that the view already has changes nothing, but locks the view alone. LOCK
    // TABLE would lock all tables that the view reads.
    Append(view->traits.owner, &locks);
  }
  return locks;
}

absl::Status DropDependentViews(Transaction& transaction, const Dependents& dependents) {
  return RunSteps(transaction, DropSteps(dependents));
}

absl::Status RestoreDependentViews(Transaction& transaction, const Dependents& dependents) {
  std::vector<DdlStep> steps;
  for (const DependentView& view : dependents.views) {
    steps.push_back(Creation(view, false));
    Append(view.traits.owner, &steps);
    AppendFill(view, /*filled=*/false, &steps);
  }
  return RunSteps(transaction, steps);
}

ViewReplacement ReplaceDependentViews(const Dependents& dependents, const FilledViews& filled,
                                      const Dependents& recreated) {
  std::set<int64_t> dropped;
  for (const DependentView& view : recreated.views) dropped.insert(view.oid);
  std::set<int64_t> affected = Affected(dependents);
  affected.insert(dropped.begin(), dropped.end());
  ViewReplacement replacement;
  replacement.detach = DropSteps(recreated);
  std::vector<DdlStep> drops;
  for (const DependentView& view : dependents.views) {
    if (affected.count(view.oid) == 0) continue;
    // Setting the owner that the view already has changes nothing, but locks the view alone. LOCK
    // TABLE would lock all tables that the view reads.
    replacement.locks.insert(replacement.locks.begin(), view.traits.owner.begin(),
                             view.traits.owner.end());
    const auto copy = filled.find(view.oid);
    const bool replaces = !view.materialized && dropped.count(view.oid) == 0;
    if (copy != filled.end()) {
      replacement.attach.push_back(
          About(view, absl::StrCat("ALTER MATERIALIZED VIEW ", copy->second, " SET SCHEMA ",
                                   view.quoted_schema)));
    } else {
      replacement.attach.push_back(Creation(view, replaces));
      if (replaces) continue;
      Append(view.traits.owner, &replacement.attach);
    }
    AppendFill(view, copy != filled.end(), &replacement.fill);
    if (dropped.count(view.oid) > 0) continue;
    replacement.detach.push_back(
        About(view, absl::StrCat("ALTER MATERIALIZED VIEW ", view.quoted_name, " RENAME TO ",
                                 TemporaryName(view))));
    drops.push_back(About(view, absl::StrCat("DROP MATERIALIZED VIEW ", view.quoted_schema, ".",
                                             TemporaryName(view))));
  }
  for (auto step = drops.rbegin(); step != drops.rend(); ++step)
    replacement.attach.push_back(*step);
  return replacement;
}

}  // namespace syncline::postgres
