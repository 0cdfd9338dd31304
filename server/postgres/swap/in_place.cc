#include "server/postgres/swap/in_place.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/sql/upsert_sql.h"
#include "server/postgres/swap/in_place_sql.h"
#include "server/postgres/swap/referenced_rows.h"
#include "server/postgres/table/table_operations.h"

namespace syncline::postgres {
namespace {

// Memory for each sort and hash. A higher setting of the server is kept.
constexpr char kWorkMem[] = "64MB";

// Differences are applied if less than this share of the rows differs.
constexpr int64_t kDifferenceShare = 3;

// $1, $2: schema and name of the target; $3, $4: of the staging table. Returns the columns that
// both have and that the target does not generate.
constexpr char kColumnsSql[] = R"sql(
SELECT t.attname AS name, t.attidentity <> '' AS identity, t.attidentity = 'a' AS only_inserted,
  t.atttypid <> s.atttypid AS retyped
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
JOIN pg_catalog.pg_class sc ON sc.relname = $4
JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace AND sn.nspname = $3
JOIN pg_catalog.pg_attribute s ON s.attrelid = sc.oid AND s.attnum > 0 AND NOT s.attisdropped
  AND s.attname = t.attname
WHERE n.nspname = $1 AND c.relname = $2 AND t.attgenerated = '' ORDER BY t.attnum
)sql";

// $1, $2: schema and name of the target. `keeps_rows`: triggers may keep rows from deletion;
// `temporary`: our role may create temporary tables.
constexpr char kAbilitiesSql[] = R"sql(
WITH RECURSIVE tree (oid) AS (
  SELECT c.oid FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2
  UNION
  SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid)
SELECT EXISTS (SELECT FROM tree JOIN pg_catalog.pg_trigger g ON g.tgrelid = tree.oid
               WHERE NOT g.tgisinternal AND g.tgtype::integer & 11 = 11) AS keeps_rows,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY') AS temporary
)sql";

absl::StatusOr<int64_t> Affected(Transaction& transaction, const std::string& sql) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, transaction.Query(sql));
  return result.affected();
}

bool IsUniqueViolation(const absl::Status& status) {
  const std::string sqlstate = GetSqlState(status);
  return sqlstate == "23505" || sqlstate == "23P01";
}

class InPlaceReplace {
 public:
  InPlaceReplace(Transaction& transaction, const TableName& staging, const TableName& target,
                 const TableSchema& schema)
      : transaction_(transaction), schema_(schema) {
    tables_.staging = staging;
    tables_.target = target;
  }

  absl::StatusOr<ReplaceCounts> Run() {
    SYNCLINE_RETURN_IF_ERROR(
        transaction_.Query(kUpsertSettingsSql, Params().Text(kWorkMem)).status());
    SYNCLINE_RETURN_IF_ERROR(SurveyColumns());
    SYNCLINE_RETURN_IF_ERROR(SurveyKeys());
    absl::Status status = same_.empty() ? ReplaceAll() : ReplaceDifference();
    SYNCLINE_RETURN_IF_ERROR(Refused(status));
    return counts_;
  }

 private:
  absl::Status SurveyColumns() {
    const std::vector<std::string> declared = AllColumns(schema_);
    const std::set<std::string> streams(declared.begin(), declared.end());
    const std::vector<std::string> meta = AllColumns({});
    const std::set<std::string> meta_columns(meta.begin(), meta.end());
    const std::set<std::string> key(schema_.primary_key.begin(), schema_.primary_key.end());
    Params params;
    params.Text(tables_.target.schema).Text(tables_.target.name);
    SYNCLINE_ASSIGN_OR_RETURN(const Result abilities, transaction_.Query(kAbilitiesSql, params));
    keeps_rows_ = abilities.Row(0).Bool("keeps_rows");
    may_compare_ = abilities.Row(0).Bool("temporary");
    params.Text(tables_.staging.schema).Text(tables_.staging.name);
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction_.Query(kColumnsSql, params));
    for (const RowView row : rows) {
      const std::string& name = row.Text("name");
      // An identity column of the user counts on.
      if (row.Bool("identity") && streams.count(name) == 0) continue;
      tables_.written.push_back(name);
      // The user has changed its type since the staging table was created.
      tables_.retyped = tables_.retyped || row.Bool("retyped");
      if (row.Bool("only_inserted")) {
        if (key.count(name) == 0) fixed_.push_back(name);
        continue;
      }
      tables_.updated.push_back(name);
      if (meta_columns.count(name) == 0) tables_.compared.push_back(name);
    }
    return absl::OkStatus();
  }

  // Decides by which columns a stored row and a staged one belong together.
  absl::Status SurveyKeys() {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<IncomingKey> keys,
                              FindIncomingKeys(transaction_, tables_.target));
    const auto own =
        std::find_if(keys.begin(), keys.end(), [](const IncomingKey& key) { return key.own; });
    references_itself_ = own != keys.end();
    keys.erase(own, keys.end());
    if (!keys.empty()) {
      referenced_ = true;
      same_ = keys.front().same;
      subject_ = keys.front().subject;
      SYNCLINE_RETURN_IF_ERROR(CheckReferencedRows(transaction_, tables_.staging, tables_.target,
                                                   keys, same_, schema_.meta));
      return CheckFixed();
    }
    // Rows of the table that reference each other must be replaced by one statement.
    if (references_itself_ || !may_compare_ || tables_.retyped || !fixed_.empty() ||
        schema_.primary_key.empty()) {
      return absl::OkStatus();
    }
    std::vector<std::string> terms;
    for (const std::string& column : schema_.primary_key) {
      const std::string name = Ordered(schema_, column);
      terms.push_back(absl::StrCat("t.", name, " = s.", name));
    }
    same_ = absl::StrJoin(terms, " AND ");
    return absl::OkStatus();
  }

  // A row that other tables reference can be updated only.
  absl::Status CheckFixed() {
    if (fixed_.empty() || tables_.retyped) return absl::OkStatus();
    SYNCLINE_ASSIGN_OR_RETURN(const Result differ,
                              transaction_.Query(HasDifferenceSql(tables_, same_, fixed_)));
    if (!differ.Bool(0, 0)) return absl::OkStatus();
    return MakeRefusal(reason::kTargetIncompatible, tables_.target.ToString(),
                       absl::StrCat("the loaded rows have other values in columns that are "
                                    "GENERATED ALWAYS AS IDENTITY (",
                                    absl::StrJoin(fixed_, ", "), "), which no UPDATE can set"));
  }

  absl::Status ReplaceAll() {
    counts_ = ReplaceCounts();
    SYNCLINE_ASSIGN_OR_RETURN(counts_.deleted,
                              Affected(transaction_, DeleteAllSql(tables_.target)));
    if (keeps_rows_) {
      SYNCLINE_ASSIGN_OR_RETURN(const bool kept, HasRows(transaction_, tables_.target));
      if (kept) return OldRowsStay();
    }
    SYNCLINE_ASSIGN_OR_RETURN(counts_.inserted, Affected(transaction_, InsertAllSql(tables_)));
    counts_.rows = counts_.inserted;
    return absl::OkStatus();
  }

  absl::Status ReplaceDifference() {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t stored, CountRows(transaction_, tables_.target));
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t staged, CountRows(transaction_, tables_.staging));
    if (!referenced_ && (stored == 0 || staged == 0)) return ReplaceAll();
    SYNCLINE_RETURN_IF_ERROR(transaction_.Execute(CreateDifferenceSql(tables_, same_)));
    SYNCLINE_ASSIGN_OR_RETURN(const Difference difference, CountDifference());
    // Otherwise several rows of one table belong to one of the other.
    const bool one_to_one = stored - difference.missing + difference.added == staged;
    if (referenced_ && !one_to_one) {
      return MakeRefusal(reason::kTargetIncompatible, subject_,
                         "the loaded rows repeat a key that it references");
    }
    const bool few = (difference.missing + difference.staged) * kDifferenceShare < staged;
    absl::Status status = absl::OkStatus();
    if (referenced_ || (one_to_one && few)) {
      status = ApplyDifference(difference, stored, staged);
    } else {
      status = ReplaceAll();
    }
    SYNCLINE_RETURN_IF_ERROR(status);
    return transaction_.Execute(kDropDifferenceSql);
  }

  struct Difference {
    int64_t missing = 0;  // stored rows without a staged one
    int64_t added = 0;    // staged rows without a stored one
    int64_t staged = 0;   // differences with a staged row
  };

  absl::StatusOr<Difference> CountDifference() {
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction_.Query(kCountDifferenceSql));
    const RowView row = rows.Row(0);
    return Difference{.missing = row.Int("changed") - row.Int("staged"),
                      .added = row.Int("changed") - row.Int("stored"),
                      .staged = row.Int("staged")};
  }

  absl::Status ApplyDifference(const Difference& difference, int64_t stored, int64_t staged) {
    int64_t changed = difference.staged - difference.added;
    if (difference.staged == 0 && staged > 0) {
      // So that the table has a row of the new generation.
      SYNCLINE_RETURN_IF_ERROR(transaction_.Execute(AddUnchangedSql(tables_, same_)));
      ++changed;
    }
    SYNCLINE_RETURN_IF_ERROR(transaction_.Execute(kAnalyzeDifferenceSql));
    SYNCLINE_RETURN_IF_ERROR(transaction_.Execute("SAVEPOINT syncline_difference"));
    const absl::Status status = RunDifference();
    // Rows exchange values of a unique index, which one statement per row cannot do.
    if (IsUniqueViolation(status) && !referenced_) {
      SYNCLINE_RETURN_IF_ERROR(transaction_.Execute("ROLLBACK TO SAVEPOINT syncline_difference"));
      return ReplaceAll();
    }
    SYNCLINE_RETURN_IF_ERROR(status);
    if (counts_.deleted < difference.missing || counts_.updated < changed) return OldRowsStay();
    counts_.by_difference = true;
    counts_.rows = stored - counts_.deleted + counts_.inserted;
    return absl::OkStatus();
  }

  absl::Status RunDifference() {
    const auto insert = [&]() -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(counts_.inserted, Affected(transaction_, InsertNewSql(tables_)));
      return absl::OkStatus();
    };
    const auto remove = [&]() -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(counts_.deleted, Affected(transaction_, DeleteMissingSql(tables_)));
      return absl::OkStatus();
    };
    // Rows that reference others of the table do so before and after each statement.
    SYNCLINE_RETURN_IF_ERROR(references_itself_ ? insert() : remove());
    SYNCLINE_ASSIGN_OR_RETURN(counts_.updated, Affected(transaction_, UpdateChangedSql(tables_)));
    return references_itself_ ? remove() : insert();
  }

  absl::Status OldRowsStay() const {
    return MakeRefusal(
        reason::kTargetIncompatible, tables_.target.ToString(),
        "a trigger keeps old rows from being deleted or changed, so they cannot be replaced");
  }

  // Errors about the staged rows or about a publication name the table.
  absl::Status Refused(const absl::Status& status) const {
    const std::string sqlstate = GetSqlState(status);
    const std::string subject = tables_.target.ToString();
    const bool referenced = sqlstate == "23503" && referenced_;
    if (referenced || sqlstate == "55000" || sqlstate == "42P10") {
      return ToRefusal(status, reason::kDependentObjects, subject);
    }
    if (absl::StartsWith(sqlstate, "23")) {
      return ToRefusal(status, reason::kTargetIncompatible, subject);
    }
    return status;
  }

  Transaction& transaction_;
  const TableSchema& schema_;
  InPlaceTables tables_;
  // The stream's columns outside of the key that only an INSERT sets.
  std::vector<std::string> fixed_;
  std::string same_;                // empty: there is no key
  std::string subject_;             // the foreign key that defines `same_`
  bool referenced_ = false;         // rows of other tables reference those of the target
  bool references_itself_ = false;  // rows of the target reference each other
  bool keeps_rows_ = false;
  bool may_compare_ = false;
  ReplaceCounts counts_;
};

}  // namespace

absl::StatusOr<ReplaceCounts> ReplaceRows(Transaction& transaction, const TableName& staging,
                                          const TableName& target, const TableSchema& schema) {
  return InPlaceReplace(transaction, staging, target, schema).Run();
}

}  // namespace syncline::postgres
