#include "server/postgres/swap/swap_preparation.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/swap/first_statistics.h"
#include "server/postgres/swap/incoming_keys.h"
#include "server/postgres/swap/swap_check.h"
#include "server/postgres/swap/swap_members.h"
#include "server/postgres/swap/swap_plan.h"
#include "server/postgres/table/carried_columns.h"

namespace syncline::postgres {
namespace {

// Properties of columns that must be set on the source before its rows are checked or sampled.
constexpr char kColumnsSql[] = R"sql(
SELECT quote_ident(s.attname) AS quoted_name,
       pg_describe_object('pg_class'::regclass, t.attrelid, t.attnum) AS subject,
       t.attnotnull AND NOT s.attnotnull AS becomes_not_null,
       CASE WHEN t.attstattarget >= 0 AND t.attstattarget IS DISTINCT FROM s.attstattarget
            THEN t.attstattarget END AS statistics_target
FROM pg_attribute t JOIN pg_attribute s ON s.attrelid = $2::oid AND s.attname = t.attname
  AND s.attnum > 0 AND NOT s.attisdropped
WHERE t.attrelid = $1::oid AND t.attnum > 0 AND NOT t.attisdropped
ORDER BY s.attnum
)sql";

// Where and how the target stores its rows; NULL if the source does the same.
constexpr char kStorageSql[] = R"sql(
SELECT CASE WHEN t.reltablespace <> s.reltablespace THEN (
         SELECT quote_ident(spcname) FROM pg_tablespace sp
         WHERE sp.oid = CASE WHEN t.reltablespace <> 0 THEN t.reltablespace
           ELSE (SELECT dattablespace FROM pg_database WHERE datname = current_database()) END)
         END AS tablespace,
       CASE WHEN t.relam <> s.relam THEN (
         SELECT quote_ident(amname) FROM pg_am am WHERE am.oid = t.relam) END AS access_method
FROM pg_class t JOIN pg_class s ON s.oid = $2::oid WHERE t.oid = $1::oid
)sql";

struct Column {
  std::string quoted_name;
  std::string subject;
};

struct Preparation {
  SwapTables tables;
  std::vector<BuildStep> builds;
  std::vector<Column> not_null;
  std::vector<std::string> column_targets;  // "ALTER COLUMN … SET STATISTICS …"
  std::string tablespace;                   // quoted; empty if the source is in it
  std::string access_method;                // quoted; empty if the source has it
};

absl::Status CaptureColumns(Transaction& transaction, Preparation* preparation) {
  Params params;
  params.Int(preparation->tables.target_oid).Int(preparation->tables.source_oid);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kColumnsSql, params));
  for (const RowView row : rows) {
    const std::string& name = row.Text("quoted_name");
    if (row.Bool("becomes_not_null")) {
      preparation->not_null.push_back({name, row.Text("subject")});
    }
    if (row.IsNull("statistics_target")) continue;
    preparation->column_targets.push_back(
        absl::StrCat("ALTER COLUMN ", name, " SET STATISTICS ", row.Text("statistics_target")));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const Result storage, transaction.Query(kStorageSql, params));
  if (storage.empty()) return absl::OkStatus();
  preparation->tablespace = storage.Row(0).Text("tablespace");
  preparation->access_method = storage.Row(0).Text("access_method");
  return absl::OkStatus();
}

absl::Status Capture(Transaction& transaction, const TableName& source, const TableName& target,
                     const PreparationOptions& options, Preparation* preparation,
                     std::vector<std::string>* left_out) {
  const SwapKeyIndex& key = options.key_index;
  SYNCLINE_ASSIGN_OR_RETURN(preparation->tables, LocateTables(transaction, source, target));
  const SwapTables& tables = preparation->tables;
  if (tables.target_oid != 0) {
    SYNCLINE_RETURN_IF_ERROR(CarryColumns(transaction, source, target, options.dropped_columns));
  }
  if (tables.target_oid != 0) {
    SYNCLINE_RETURN_IF_ERROR(CheckCarriable(transaction, tables.target_oid, tables.source_oid));
    SYNCLINE_ASSIGN_OR_RETURN(*left_out,
                              FindLeftOut(transaction, tables.target_oid, tables.source_oid));
    SYNCLINE_RETURN_IF_ERROR(CaptureColumns(transaction, preparation));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const SwapMembers members,
                            CaptureSwapMembers(transaction, tables, key, /*prepared=*/false));
  preparation->builds = PlanBuild(members.wanted, members.built, tables.Place());
  return absl::OkStatus();
}

absl::Status Run(Database& database, const std::string& sql, const TransactOptions& options = {}) {
  return database.Transact([&](Transaction& transaction) { return transaction.Execute(sql); },
                           options);
}

// Returns the columns that have nulls, as part of an error message. One scan for all columns.
absl::StatusOr<std::string> ListColumnsWithNulls(Database& database, const std::string& source,
                                                 const std::vector<Column>& columns) {
  std::vector<std::string> tests;
  tests.reserve(columns.size());
  for (const Column& column : columns) {
    tests.push_back(absl::StrCat("bool_or(", column.quoted_name, " IS NULL)"));
  }
  const std::string sql = absl::StrCat("SELECT ", absl::StrJoin(tests, ", "), " FROM ", source);
  std::vector<std::string> subjects;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Result nulls, transaction.Query(sql));
    subjects.clear();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (nulls.Bool(0, i)) subjects.push_back(absl::StrCat("NOT NULL of ", columns[i].subject));
    }
    return absl::OkStatus();
  }));
  return absl::StrJoin(subjects, ", ");
}

// Sets the target's NOT NULL constraints on the source. Streams never make a column NOT NULL; the
// user did, possibly after rows with nulls were staged.
absl::Status CarryNotNull(Database& database, const Preparation& preparation) {
  if (preparation.not_null.empty()) return absl::OkStatus();
  const std::string& source = preparation.tables.quoted_source;
  std::vector<std::string> actions;
  for (const Column& column : preparation.not_null) {
    actions.push_back(absl::StrCat("ALTER COLUMN ", column.quoted_name, " SET NOT NULL"));
  }
  const absl::Status status =
      Run(database, absl::StrCat("ALTER TABLE ", source, " ", absl::StrJoin(actions, ", ")));
  if (GetSqlState(status) != "23502") return status;
  SYNCLINE_ASSIGN_OR_RETURN(const std::string subjects,
                            ListColumnsWithNulls(database, source, preparation.not_null));
  return ToRefusal(status, reason::kTargetIncompatible, subjects);
}

absl::Status Build(Database& database, const Preparation& preparation,
                   absl::Duration lock_timeout) {
  const std::string& source = preparation.tables.quoted_source;
  if (!preparation.tablespace.empty()) {
    SYNCLINE_RETURN_IF_ERROR(Run(database, absl::StrCat("ALTER TABLE ", source, " SET TABLESPACE ",
                                                        preparation.tablespace)));
  }
  // The target's was changed after the source had been created.
  if (!preparation.access_method.empty()) {
    SYNCLINE_RETURN_IF_ERROR(Run(
        database,
        absl::StrCat("ALTER TABLE ", source, " SET ACCESS METHOD ", preparation.access_method)));
  }
  if (!preparation.column_targets.empty()) {
    SYNCLINE_RETURN_IF_ERROR(
        Run(database, absl::StrCat("ALTER TABLE ", source, " ",
                                   absl::StrJoin(preparation.column_targets, ", "))));
  }
  for (const BuildStep& build : preparation.builds) {
    TransactOptions options;
    if (build.locks_other_tables) options.lock_timeout = lock_timeout;
    SYNCLINE_RETURN_IF_ERROR(
        ToRefusal(Run(database, build.step.sql, options), build.step.reason, build.step.subject));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PrepareSource(Database& database, const TableName& source, const TableName& target,
                           const PreparationOptions& options, std::vector<std::string>* left_out) {
  Preparation preparation;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) {
    preparation = Preparation();
    return RetryIfVanished(Capture(transaction, source, target, options, &preparation, left_out));
  }));
  SYNCLINE_RETURN_IF_ERROR(CarryNotNull(database, preparation));
  SYNCLINE_RETURN_IF_ERROR(Build(database, preparation, options.lock_timeout));
  if (!options.analyze) return absl::OkStatus();
  if (options.loaded) {
    SYNCLINE_RETURN_IF_ERROR(
        CheckIncomingKeys(database, preparation.tables.source_oid, preparation.tables.target_oid));
  }
  return RetryIfVanished(GatherFirstStatistics(database, preparation.tables.source_oid,
                                               preparation.tables.target_oid));
}

}  // namespace syncline::postgres
