#include "server/postgres/swap/replaced_tables.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/swap/kept_generations.h"

namespace syncline::postgres {
namespace {

// $1, $2: the marks; $3: the target's name, or NULL for all. `comment`: what remains of the comment
// when the table is finished.
constexpr char kReplacedSql[] = R"sql(
SELECT c.oid, n.nspname AS schema, c.relname AS name,
       pg_catalog.starts_with(d.description, $2) AS retired,
       pg_catalog.strpos(d.description, E'\n') > 0 AS unchecked,
       pg_catalog.quote_literal(pg_catalog.split_part(d.description, E'\n', 1)) AS comment
FROM pg_catalog.pg_description d
JOIN pg_catalog.pg_class c ON c.oid = d.objoid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
  AND pg_catalog.strpos(c.relname, '_syncline_old_') > 0
  AND (pg_catalog.starts_with(d.description, $1) OR pg_catalog.starts_with(d.description, $2))
  AND ($3::text IS NULL OR pg_catalog.split_part(d.description, E'\n', 1)
                           IN ($1 || $3::text, $2 || $3::text))
ORDER BY c.oid
)sql";

// $1: oid of the replaced table.
constexpr char kUncheckedSql[] = R"sql(
SELECT n.nspname AS schema, c.relname AS name,
       pg_catalog.pg_describe_object('pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 0)
         AS subject,
       pg_catalog.format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', n.nspname, c.relname,
                         k.conname) AS sql
FROM pg_catalog.pg_description d, pg_catalog.jsonb_array_elements(
  pg_catalog.substr(d.description, pg_catalog.strpos(d.description, E'\n'))::jsonb) v
JOIN pg_catalog.pg_namespace n ON n.nspname = v ->> 0
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = v ->> 1
JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.conname = v ->> 2
  AND k.contype = 'f' AND NOT k.convalidated
WHERE d.objoid = $1::oid AND d.objsubid = 0
  AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
)sql";

// $1: oid of the kept table.
constexpr char kKeysSql[] = R"sql(
SELECT pg_catalog.format('DROP CONSTRAINT %I', k.conname)
FROM pg_catalog.pg_constraint k WHERE k.conrelid = $1::oid AND k.contype = 'f'
)sql";

struct Replaced {
  int64_t oid = 0;
  TableName name;
  bool retired = false;
  bool unchecked = false;
  std::string comment;
};

struct Unchecked {
  TableName table;
  DdlStep step;
};

absl::StatusOr<std::vector<Replaced>> Find(Database& database,
                                           const std::optional<TableName>& target) {
  std::vector<Replaced> tables;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) -> absl::Status {
    Params params;
    params.Text(kKeptMark).Text(kRetiredMark);
    target.has_value() ? params.Text(target->ToString()) : params.Null();
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kReplacedSql, params));
    tables.clear();
    for (const RowView row : rows) {
      tables.push_back({.oid = row.Int("oid"),
                        .name = {row.Text("schema"), row.Text("name")},
                        .retired = row.Bool("retired"),
                        .unchecked = row.Bool("unchecked"),
                        .comment = row.Text("comment")});
    }
    return absl::OkStatus();
  }));
  return tables;
}

// Validation stops neither readers nor writers.
absl::Status Validate(Database& database, const LockPolicy& policy, const Replaced& replaced) {
  std::vector<Unchecked> constraints;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                              transaction.Query(kUncheckedSql, Params().Int(replaced.oid)));
    constraints.clear();
    for (const RowView row : rows) {
      constraints.push_back(
          {{row.Text("schema"), row.Text("name")}, {row.Text("subject"), row.Text("sql")}});
    }
    return absl::OkStatus();
  }));
  for (const Unchecked& constraint : constraints) {
    const absl::Status status = TransactUnderPolicy(
        database, policy, {.tables = {constraint.table}, .need = LockNeed::kLoad},
        [&](Transaction& transaction) { return transaction.Execute(constraint.step.sql); },
        {.lock_timeout = policy.timeout});
    if (!IsRefused(status)) {
      SYNCLINE_RETURN_IF_ERROR(status);
      continue;
    }
    Log(LogLevel::kWarning, "foreign_key_not_valid")
        .Field("constraint", constraint.step.subject)
        .Error(status);
  }
  return absl::OkStatus();
}

absl::Status DropKeys(Database& database, const LockPolicy& policy, const Replaced& replaced) {
  std::vector<std::string> clauses;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows,
                              transaction.Query(kKeysSql, Params().Int(replaced.oid)));
    clauses.clear();
    for (size_t row = 0; row < rows.size(); ++row) clauses.push_back(rows.Text(row, 0));
    return absl::OkStatus();
  }));
  // One by one, so that no reader of one referenced table waits for the lock on another.
  for (const std::string& clause : clauses) {
    SYNCLINE_RETURN_IF_ERROR(TransactAgainstReaders(
        database, policy, {.tables = {replaced.name}, .need = LockNeed::kReferenced},
        [&](Transaction& transaction) {
          return transaction.Execute(AlterTableSql(replaced.name, {clause}));
        }));
  }
  return absl::OkStatus();
}

absl::Status Finish(Database& database, const LockPolicy& policy, const Replaced& replaced) {
  if (replaced.unchecked) SYNCLINE_RETURN_IF_ERROR(Validate(database, policy, replaced));
  if (replaced.retired) {
    return TransactAgainstReaders(
        database, policy, {.tables = {replaced.name}, .need = LockNeed::kReferenced},
        [&](Transaction& transaction) { return transaction.Execute(DropTableSql(replaced.name)); });
  }
  SYNCLINE_RETURN_IF_ERROR(DropKeys(database, policy, replaced));
  if (!replaced.unchecked) return absl::OkStatus();
  return database.Transact(
      [&](Transaction& transaction) {
        return transaction.Execute(
            absl::StrCat("COMMENT ON TABLE ", QuoteTable(replaced.name), " IS ", replaced.comment));
      },
      {.lock_timeout = policy.timeout});
}

}  // namespace

absl::Status FinishReplaced(Database& database, const LockPolicy& policy,
                            const std::optional<TableName>& target) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Replaced> tables, Find(database, target));
  absl::Status first_error;
  for (const Replaced& replaced : tables) first_error.Update(Finish(database, policy, replaced));
  return first_error;
}

}  // namespace syncline::postgres
