#include "server/postgres/swap/early_fill.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/session_settings.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// $1: oids of relations; $2: the target. Makes their schemas the search path, so that definitions
// are printed with the names of these relations unqualified. Returns NULL if our role may not
// create a schema, or if policies of the target, which the loaded table does not have yet, limit
// what a view may contain. set_config(…, NULL, …) would set the default of the role or database.
constexpr char kSearchPathSql[] = R"sql(
SELECT CASE WHEN s.path IS NOT NULL
            THEN pg_catalog.set_config('search_path', s.path, true) END AS path
FROM (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(n.nspname), ', ') AS path
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::pg_catalog.oid[])
        AND pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_class t WHERE t.oid = $2::pg_catalog.oid
                        AND t.relrowsecurity)) s
)sql";

// $1: oids of relations; $2: the target. Read with that search path. `clear`: the name means this
// relation, and its owner may read all columns of the target.
constexpr char kDefinitionsSql[] = R"sql(
SELECT c.oid, pg_catalog.pg_table_is_visible(c.oid)
         AND pg_catalog.has_table_privilege(c.relowner, $2::pg_catalog.oid, 'SELECT') AS clear,
       pg_catalog.quote_ident(c.relname) AS quoted_name,
       pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) AS owner,
       c.relowner = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = current_user) AS ours,
       CASE WHEN c.relkind = 'm' THEN pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';') END
         AS definition
FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[])
)sql";

struct Definition {
  std::string quoted_name;
  std::string owner;
  bool ours = false;
  std::string sql;
};

// The names that the definitions are created with.
struct Names {
  std::string path;  // search path
  std::map<int64_t, Definition> definitions;
};

// Returns the views that read the target, or other such views, by their own queries only.
std::vector<const DependentView*> FindFillable(const Dependents& dependents) {
  std::set<int64_t> bases = {dependents.table};
  std::set<int64_t> others;  // show the old rows until the swap
  std::vector<const DependentView*> fillable;
  for (const DependentView& view : dependents.views) {
    bool reads = false;
    bool mixes = !view.materialized || !view.populated;
    for (const int64_t base : view.depends_on) {
      reads = reads || bases.count(base) > 0;
      mixes = mixes || others.count(base) > 0;
    }
    if (mixes || !reads) {
      others.insert(view.oid);
      continue;
    }
    bases.insert(view.oid);
    fillable.push_back(&view);
  }
  return fillable;
}

// Returns no search path if the views cannot be filled early.
absl::StatusOr<Names> ReadNames(Transaction& transaction, int64_t target,
                                const std::vector<int64_t>& oids) {
  Names names;
  const Params params = Params().IntArray(oids).Int(target);
  SYNCLINE_ASSIGN_OR_RETURN(const Result path, transaction.Query(kSearchPathSql, params));
  if (path.Row(0).IsNull("path")) return names;
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kDefinitionsSql, params));
  std::set<std::string> taken;
  bool clear = true;
  for (const RowView row : rows) {
    clear = clear && row.Bool("clear") && taken.insert(row.Text("quoted_name")).second;
    names.definitions[row.Int("oid")] = {.quoted_name = row.Text("quoted_name"),
                                         .owner = row.Text("owner"),
                                         .ours = row.Bool("ours"),
                                         .sql = row.Text("definition")};
  }
  if (clear) names.path = path.Row(0).Text("path");
  return names;
}

DdlStep SetPath(const std::string& subject, absl::string_view path) {
  return {.subject = subject,
          .sql = absl::StrCat("SELECT pg_catalog.set_config('search_path', ", QuoteLiteral(path),
                              ", true)")};
}

// Moves the loaded table to the schema, under the target's name, or back.
class Place {
 public:
  explicit Place(const SwapTables& tables)
      : schema_(absl::StrCat("_syncline_build_", tables.source_oid)),
        table_(absl::StrCat(schema_, ".", tables.quoted_target_name)),
        source_(QuoteIdentifier(tables.source.name)),
        tables_(tables) {}

  const std::string& schema() const { return schema_; }
  const std::string& table() const { return table_; }

  std::string Enter() const {
    return absl::StrCat("CREATE SCHEMA ", schema_, "; ALTER TABLE ", tables_.quoted_source,
                        " SET SCHEMA ", schema_,
                        Renames() ? absl::StrCat("; ALTER TABLE ", schema_, ".", source_,
                                                 " RENAME TO ", tables_.quoted_target_name)
                                  : "");
  }
  std::string Leave() const {
    return absl::StrCat(
        Renames() ? absl::StrCat("ALTER TABLE ", table_, " RENAME TO ", source_, "; ") : "",
        "ALTER TABLE ", schema_, ".", source_, " SET SCHEMA ", tables_.quoted_source_schema);
  }

 private:
  bool Renames() const { return tables_.source.name != tables_.target.name; }

  const std::string schema_;
  const std::string table_;
  const std::string source_;
  const SwapTables& tables_;
};

// Returns a query for what the view's definition refers to, except the relations `replaced` (a
// query for oids).
std::string ReferencesSql(absl::string_view view, absl::string_view replaced) {
  return absl::StrCat(
      "SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON "
      "d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid WHERE "
      "r.ev_class = ",
      view,
      "::pg_catalog.regclass AND NOT (d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass "
      "AND d.refobjid IN (",
      replaced, "))");
}

// Returns a statement that fails if `copy` refers to other functions, operators, types or relations
// than the view of which it is a copy, because another session created one that its definition
// found first.
std::string CheckReferencesSql(const Place& place, const DependentView& view,
                               absl::string_view copy, absl::string_view replaced) {
  const std::string of_view = ReferencesSql(QuoteLiteral(absl::StrCat(view.oid)), replaced);
  const std::string of_copy =
      ReferencesSql(QuoteLiteral(copy),
                    absl::StrCat("SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relnamespace = ",
                                 QuoteLiteral(place.schema()), "::pg_catalog.regnamespace"));
  return absl::StrCat("SELECT 1 / CASE WHEN EXISTS ((", of_view, " EXCEPT ", of_copy,
                      ") UNION ALL (", of_copy, " EXCEPT ", of_view, ")) THEN 0 ELSE 1 END");
}

// Appends the steps that create `view`, without rows, as `name`. `others`: owners of other views,
// which may read it.
void AppendCreation(const DependentView& view, const Definition& definition,
                    const std::string& name, const std::set<std::string>& others,
                    std::vector<DdlStep>* steps) {
  const auto step = [&](std::string sql) {
    steps->push_back({view.subject, std::move(sql), reason::kDependentObjects});
  };
  step(absl::StrCat("CREATE MATERIALIZED VIEW ", name, view.options, " AS", definition.sql,
                    " WITH NO DATA"));
  if (!definition.ours) {
    step(absl::StrCat("ALTER MATERIALIZED VIEW ", name, " OWNER TO ", definition.owner));
  }
  for (const std::string& owner : others) {
    step(absl::StrCat("GRANT SELECT ON ", name, " TO ", owner));
  }
}

void AppendSteps(const SwapTables& tables, const std::vector<const DependentView*>& views,
                 const Names& names, EarlyFill* fill) {
  const Place place(tables);
  const std::string subject = tables.source.ToString();
  std::string replaced = absl::StrCat(tables.target_oid);
  for (const DependentView* view : views) absl::StrAppend(&replaced, ", ", view->oid);
  std::vector<DdlStep> last;
  const auto about = [&](std::string sql) { return DdlStep{subject, std::move(sql)}; };
  // A view is filled with the rights of its owner.
  std::set<std::string> owners;
  for (const DependentView* view : views) {
    const Definition& definition = names.definitions.at(view->oid);
    if (!definition.ours) owners.insert(definition.owner);
  }
  std::vector<DdlStep>& steps = fill->steps;
  steps.push_back(about(place.Enter()));
  for (const std::string& owner : owners) {
    steps.push_back(about(absl::StrCat("GRANT USAGE, CREATE ON SCHEMA ", place.schema(), " TO ",
                                       owner, "; GRANT SELECT ON ", place.table(), " TO ", owner)));
    last.push_back(about(absl::StrCat("REVOKE SELECT ON ", place.table(), " FROM ", owner)));
  }
  steps.push_back(SetPath(subject, absl::StrCat(place.schema(), ", ", names.path, ", pg_temp")));
  std::vector<DdlStep> check;
  std::vector<DdlStep> refresh;
  for (const DependentView* view : views) {
    const Definition& definition = names.definitions.at(view->oid);
    const std::string name = absl::StrCat(place.schema(), ".", definition.quoted_name);
    std::set<std::string> others = owners;
    others.erase(definition.owner);
    AppendCreation(*view, definition, name, others, &steps);
    check.push_back({view->subject, CheckReferencesSql(place, *view, name, replaced), kSwapStale});
    refresh.push_back({view->subject, RefreshSql(name), reason::kDependentObjects});
    for (const std::string& owner : others) {
      last.push_back({view->subject, absl::StrCat("REVOKE SELECT ON ", name, " FROM ", owner)});
    }
    fill->filled[view->oid] = name;
  }
  // Functions of the owners run from here on. They must not create what another definition, or a
  // later statement of ours, would find first.
  steps.push_back(SetPath(subject, kSearchPath));
  for (const std::string& owner : owners) {
    steps.push_back(
        about(absl::StrCat("REVOKE CREATE ON SCHEMA ", place.schema(), " FROM ", owner)));
  }
  steps.insert(steps.end(), check.begin(), check.end());
  steps.insert(steps.end(), refresh.begin(), refresh.end());
  steps.insert(steps.end(), last.begin(), last.end());
  steps.push_back(about(place.Leave()));
  fill->finish.push_back(about(absl::StrCat("DROP SCHEMA ", place.schema())));
}

}  // namespace

absl::StatusOr<EarlyFill> PlanEarlyFill(Transaction& transaction, const SwapTables& tables,
                                        const Dependents& dependents) {
  EarlyFill fill;
  const std::vector<const DependentView*> views = FindFillable(dependents);
  if (views.empty()) return fill;
  std::vector<int64_t> oids = {tables.target_oid};
  for (const DependentView* view : views) oids.push_back(view->oid);
  SYNCLINE_ASSIGN_OR_RETURN(const Names names, ReadNames(transaction, tables.target_oid, oids));
  SYNCLINE_RETURN_IF_ERROR(
      transaction.Execute(absl::StrCat("SET LOCAL search_path = ", kSearchPath)));
  if (names.path.empty()) return fill;

  AppendSteps(tables, views, names, &fill);
  return fill;
}

}  // namespace syncline::postgres
