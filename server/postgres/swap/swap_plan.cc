#include "server/postgres/swap/swap_plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "server/postgres/dependents/dependents.h"
#include "server/postgres/dependents/relation_traits.h"
#include "server/postgres/swap/early_fill.h"
#include "server/postgres/swap/kept_generations.h"
#include "server/postgres/swap/published_default.h"
#include "server/postgres/swap/swap_arrival.h"
#include "server/postgres/swap/swap_check.h"
#include "server/postgres/swap/swap_identities.h"
#include "server/postgres/swap/swap_not_nulls.h"
#include "server/postgres/table/table_placement.h"

namespace syncline::postgres {
namespace {

constexpr char kLocateSql[] = R"sql(
SELECT format('%I.%I', $1::text, $2::text) AS quoted_source,
       format('%I.%I', $3::text, $4::text) AS quoted_target,
       quote_ident($1) AS quoted_source_schema, quote_ident($3) AS quoted_target_schema,
       quote_ident($4) AS quoted_target_name,
       (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2) AS source_oid,
       (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $3 AND c.relname = $4) AS target_oid
)sql";

// $1: oid of the target; $2: of the source.
constexpr char kRetypedSql[] = R"sql(
SELECT t.attname FROM pg_catalog.pg_attribute t JOIN pg_catalog.pg_attribute s
  ON s.attrelid = $2::oid AND s.attname = t.attname AND s.attnum > 0 AND NOT s.attisdropped
WHERE t.attrelid = $1::oid AND t.attnum > 0 AND NOT t.attisdropped
  AND (t.atttypid, t.atttypmod, t.attcollation) <> (s.atttypid, s.atttypmod, s.attcollation)
)sql";

// `deferred`: the constraint can be added NOT VALID and validated after the swap. PostgreSQL before
// 18 refuses that for partitioned tables. `name`: JSON.
constexpr char kForeignKeysSql[] = R"sql(
SELECT pg_describe_object('pg_constraint'::regclass, k.oid, 0) AS subject,
       format('%I.%I', n.nspname, c.relname) AS quoted_table, quote_ident(k.conname) AS quoted_name,
       pg_get_constraintdef(k.oid) AS definition, k.convalidated AND c.relkind = 'r' AS deferred,
       pg_catalog.jsonb_build_array(n.nspname, c.relname, k.conname)::text AS name,
       quote_literal(obj_description(k.oid, 'pg_constraint')) AS comment
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.confrelid = $1::oid AND k.conrelid <> $1::oid AND k.contype = 'f' AND k.conparentid = 0
ORDER BY c.oid, k.conname
)sql";

constexpr char kSequencesSql[] = R"sql(
SELECT pg_describe_object('pg_class'::regclass, s.oid, 0) AS subject,
       format('%I.%I', n.nspname, s.relname) AS quoted_sequence,
       quote_ident(a.attname) AS quoted_column
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  AND d.refobjid = $1::oid AND d.deptype = 'a'
  AND EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = $2::oid AND b.attname = a.attname
              AND b.attnum > 0 AND NOT b.attisdropped)
ORDER BY s.oid
)sql";

void Append(const std::vector<DdlStep>& from, std::vector<DdlStep>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

// Foreign keys of other tables that point at the target. Otherwise they would keep pointing at the
// old table.
struct IncomingForeignKeys {
  std::vector<DdlStep> locks;
  std::vector<DdlStep> drop;
  std::vector<DdlStep> add;
  std::vector<std::string> unchecked;  // JSON names of those that are validated after the swap
};

absl::StatusOr<IncomingForeignKeys> CaptureForeignKeys(Transaction& transaction, int64_t target) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                            transaction.Query(kForeignKeysSql, Params().Int(target)));
  IncomingForeignKeys keys;
  for (const RowView row : rows) {
    const std::string& table = row.Text("quoted_table");
    const std::string& name = row.Text("quoted_name");
    const auto about = [&](std::string sql) {
      return DdlStep{row.Text("subject"), std::move(sql), reason::kDependentObjects};
    };
    keys.locks.push_back(about(absl::StrCat("LOCK TABLE ", table, " IN ACCESS EXCLUSIVE MODE")));
    keys.drop.push_back(about(absl::StrCat("ALTER TABLE ", table, " DROP CONSTRAINT ", name)));
    const bool deferred = row.Bool("deferred");
    keys.add.push_back(about(absl::StrCat("ALTER TABLE ", table, " ADD CONSTRAINT ", name, " ",
                                          row.Text("definition"), deferred ? " NOT VALID" : "")));
    if (deferred) keys.unchecked.push_back(row.Text("name"));
    if (row.IsNull("comment")) continue;
    keys.add.push_back(about(
        absl::StrCat("COMMENT ON CONSTRAINT ", name, " ON ", table, " IS ", row.Text("comment"))));
  }
  return keys;
}

// Returns the steps for the sequences that the target's columns own, which would be dropped with
// it.
absl::StatusOr<std::vector<DdlStep>> CaptureSequences(Transaction& transaction,
                                                      const SwapTables& tables) {
  Params params;
  params.Int(tables.target_oid).Int(tables.source_oid);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kSequencesSql, params));
  std::vector<DdlStep> steps;
  for (const RowView row : rows) {
    steps.push_back(
        {.subject = row.Text("subject"),
         .sql = absl::StrCat("ALTER SEQUENCE ", row.Text("quoted_sequence"), " OWNED BY ",
                             tables.quoted_target, ".", row.Text("quoted_column"))});
  }
  return steps;
}

// Returns the views that cannot be replaced because of a column that gets another type, and those
// that read them.
absl::StatusOr<Dependents> FindRetypedViews(Transaction& transaction, const SwapTables& tables,
                                            const Dependents& dependents) {
  Params params;
  params.Int(tables.target_oid).Int(tables.source_oid);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kRetypedSql, params));
  std::set<std::string> columns;
  for (size_t row = 0; row < rows.size(); ++row) columns.insert(rows.Text(row, 0));
  return SelectReaders(dependents, columns);
}

// Returns the members of the loaded table. Errors: SWAP_STALE if it lacks some that it must have.
absl::StatusOr<SwapMembers> PreparedMembers(Transaction& transaction, const SwapTables& tables,
                                            const SwapKeyIndex& key) {
  SYNCLINE_ASSIGN_OR_RETURN(SwapMembers members,
                            CaptureSwapMembers(transaction, tables, key, /*prepared=*/true));
  if (!PlanBuild(members.wanted, members.built, tables.Place()).empty()) return SwapStale();
  return members;
}

std::string TemporaryOldName(const SwapTables& tables) {
  return absl::StrCat("_syncline_old_", tables.target_oid);
}

OldTable ChooseEnd(const SwapMembers& members, const IncomingForeignKeys& keys, bool keep) {
  if (keep) return OldTable::kKeep;
  const bool refers =
      std::any_of(members.wanted.begin(), members.wanted.end(),
                  [](const TableMember& member) { return member.kind == MemberKind::kForeignKey; });
  return refers || !keys.unchecked.empty() ? OldTable::kRetire : OldTable::kDrop;
}

// Returns the steps that drop the old table, which is `away`, or keep it for now or for good. A
// kept table gives up the names of its members, which the new table gets, and keeps only one of
// those indexes of ours that are the same.
absl::StatusOr<std::vector<DdlStep>> RetireSteps(Transaction& transaction, const SwapTables& tables,
                                                 const SwapMembers& members,
                                                 const ReplacedTable& replaced, bool dropped) {
  if (dropped) {
    return std::vector<DdlStep>{{.subject = tables.target.ToString(),
                                 .sql = absl::StrCat("DROP TABLE ", replaced.quoted_name)}};
  }
  std::vector<DdlStep> steps;
  std::vector<TableMember> kept = members.wanted;
  if (!members.key_index.empty()) kept.pop_back();
  std::set<std::string> definitions;
  for (const TableMember& member : members.ours) {
    if (definitions.insert(member.definition).second) {
      kept.push_back(member);
      continue;
    }
    steps.push_back(
        {.subject = member.subject,
         .sql = absl::StrCat("DROP INDEX ", member.quoted_schema, ".", member.quoted_name)});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<DdlStep> keep,
                            KeepSteps(transaction, replaced, kept));
  Append(keep, &steps);
  return steps;
}

}  // namespace

BuildPlace SwapTables::Place() const {
  return {.source = quoted_source,
          .source_schema = quoted_source_schema,
          .key = source.ToString(),
          .placed = placed};
}

absl::StatusOr<SwapTables> LocateTables(Transaction& transaction, const TableName& source,
                                        const TableName& target) {
  Params params;
  params.Text(source.schema).Text(source.name).Text(target.schema).Text(target.name);
  SYNCLINE_ASSIGN_OR_RETURN(const Result found, transaction.Query(kLocateSql, params));
  const RowView row = found.Row(0);
  if (row.IsNull("source_oid")) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat("the loaded table ", source.ToString(), " is missing"),
                     {.reason = reason::kSchemaChanged, .subject = source.ToString()});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<TablePlacement> placements,
                            LookUpPlacements(transaction, {source}));
  return SwapTables{.source = source,
                    .target = target,
                    .source_oid = row.Int("source_oid"),
                    .target_oid = row.Int("target_oid"),
                    .quoted_source = row.Text("quoted_source"),
                    .quoted_target = row.Text("quoted_target"),
                    .quoted_source_schema = row.Text("quoted_source_schema"),
                    .quoted_target_schema = row.Text("quoted_target_schema"),
                    .quoted_target_name = row.Text("quoted_target_name"),
                    .placed = placements.front().placed()};
}

absl::Status SwapStale() {
  return MakeError(absl::StatusCode::kAborted, "the table's definition changed during the swap",
                   {.reason = kSwapStale, .retry_after = absl::Milliseconds(100)});
}

bool IsSwapStale(const absl::Status& status) { return GetReason(status) == kSwapStale; }

absl::StatusOr<SwapPlan> CaptureMove(Transaction& transaction, const SwapTables& tables,
                                     const SwapKeyIndex& key) {
  SYNCLINE_ASSIGN_OR_RETURN(const SwapMembers members, PreparedMembers(transaction, tables, key));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<DdlStep> arrival,
                            CaptureArrival(transaction, tables));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<DdlStep> not_nulls,
                            CaptureNotNullNames(transaction, tables));
  SwapPlan plan;
  plan.arrival = ArrivalSteps(tables);
  plan.steps = {NamingStep(tables)};
  Append(arrival, &plan.steps);
  plan.key_index = members.key_index;
  Append(not_nulls, &plan.steps);
  Append(NameMembers(members.wanted, members.built, tables.Place(), tables.quoted_target,
                     tables.quoted_target_schema),
         &plan.steps);
  return plan;
}

absl::StatusOr<SwapPlan> CapturePlan(Transaction& transaction, const SwapTables& tables,
                                     const SwapKeyIndex& key, bool keep, bool fill_early,
                                     RetypedViews retyped_views) {
  SYNCLINE_RETURN_IF_ERROR(CheckCarriable(transaction, tables.target_oid, tables.source_oid));
  SYNCLINE_ASSIGN_OR_RETURN(const Dependents dependents,
                            CaptureDependents(transaction, tables.target));
  Dependents recreated;
  if (retyped_views == RetypedViews::kRecreate) {
    SYNCLINE_ASSIGN_OR_RETURN(recreated, FindRetypedViews(transaction, tables, dependents));
  }
  EarlyFill fill;
  // A materialized view that reads a retyped view is created anew after it.
  if (fill_early && recreated.views.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(fill, PlanEarlyFill(transaction, tables, dependents));
  }
  const ViewReplacement views = ReplaceDependentViews(dependents, fill.filled, recreated);
  SYNCLINE_ASSIGN_OR_RETURN(const SwapMembers members, PreparedMembers(transaction, tables, key));
  SYNCLINE_ASSIGN_OR_RETURN(auto all_traits,
                            CaptureTraits(transaction, {tables.target_oid}, tables.source_oid));
  const RelationTraits& traits = all_traits[tables.target_oid];
  SYNCLINE_ASSIGN_OR_RETURN(const IncomingForeignKeys keys,
                            CaptureForeignKeys(transaction, tables.target_oid));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<DdlStep> sequences,
                            CaptureSequences(transaction, tables));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<DdlStep> left_default,
                            DropLeftMetaDefault(transaction, tables));
  const OldTable end = ChooseEnd(members, keys, keep);
  SYNCLINE_ASSIGN_OR_RETURN(const IdentitySteps identities,
                            CaptureIdentities(transaction, tables, end));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<DdlStep> not_nulls,
                            CaptureNotNullNames(transaction, tables));
  const ReplacedTable replaced = {
      .target = tables.target,
      .oid = tables.target_oid,
      .quoted_name = absl::StrCat(tables.quoted_target_schema, ".", TemporaryOldName(tables)),
      .keep = keep,
      .placed = tables.placed,
      .unchecked = keys.unchecked};
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<DdlStep> retire,
      RetireSteps(transaction, tables, members, replaced, end == OldTable::kDrop));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<DdlStep> arrival,
                            CaptureArrival(transaction, tables));

  SwapPlan plan;
  plan.arrival = ArrivalSteps(tables);
  plan.key_index = members.key_index;
  // Queries lock views before tables, and referencing tables before referenced ones.
  Append(views.locks, &plan.locks);
  Append(keys.locks, &plan.locks);
  plan.locks.push_back(
      {.subject = tables.target.ToString(),
       .sql = absl::StrCat("LOCK TABLE ", tables.quoted_target, " IN ACCESS EXCLUSIVE MODE")});
  // Everything is removed from the old table before it goes. The new table gets names when the old
  // one's are free.
  Append(keys.drop, &plan.steps);
  Append(views.detach, &plan.steps);
  plan.steps.push_back({.subject = tables.target.ToString(),
                        .sql = absl::StrCat("ALTER TABLE ", tables.quoted_target, " RENAME TO ",
                                            TemporaryOldName(tables))});
  plan.steps.push_back(NamingStep(tables));
  Append(arrival, &plan.steps);
  Append(traits.owner, &plan.steps);
  Append(views.attach, &plan.steps);
  Append(sequences, &plan.steps);
  Append(identities.free, &plan.steps);
  Append(retire, &plan.steps);
  Append(identities.give, &plan.steps);
  Append(NameMembers(members.wanted, members.built, tables.Place(), tables.quoted_target,
                     tables.quoted_target_schema),
         &plan.steps);
  Append(not_nulls, &plan.steps);
  Append(traits.access, &plan.steps);
  Append(traits.rest, &plan.steps);
  Append(left_default, &plan.steps);
  Append(views.fill, &plan.steps);
  Append(keys.add, &plan.steps);
  Append(fill.finish, &plan.steps);
  plan.early = std::move(fill.steps);
  return plan;
}

}  // namespace syncline::postgres
