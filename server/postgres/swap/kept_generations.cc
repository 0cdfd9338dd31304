#include "server/postgres/swap/kept_generations.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

constexpr absl::string_view kInfix = "_syncline_old_";
constexpr size_t kMaxIdentifierBytes = 63;
constexpr size_t kNumberBytes = 9;

// $1: schema; $2: prefix of the names; $3: comment. `published`: a publication covers all tables of
// the schema, so that subscribers would receive changes of a table that they do not have, at which
// their subscriptions stop.
constexpr char kNextSql[] = R"sql(
SELECT format('%I', $2 || (coalesce(max(substr(c.relname, length($2) + 1)::int), 0) + 1))
         AS quoted_name,
       quote_literal($3) AS comment,
       EXISTS (SELECT FROM pg_publication WHERE puballtables)
       OR EXISTS (SELECT FROM pg_publication_namespace p
                  JOIN pg_namespace s ON s.oid = p.pnnspid WHERE s.nspname = $1) AS published
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND starts_with(c.relname, $2)
  AND substr(c.relname, length($2) + 1) ~ '^[0-9]{1,9}$'
)sql";

constexpr char kPublicationsSql[] = R"sql(
SELECT pg_describe_object('pg_publication_rel'::regclass, r.oid, 0) AS subject,
       quote_ident(p.pubname) AS quoted_name
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = $1::oid
)sql";

// $1: schema; $2: quoted name of the table. Returns the statement that revokes what default
// privileges granted; no row if they granted nothing.
constexpr char kRevokeSql[] = R"sql(
SELECT pg_catalog.format('REVOKE ALL ON TABLE %I.%I FROM %s', n.nspname, c.relname,
         pg_catalog.string_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
           ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, ', '))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN pg_catalog.aclexplode(c.relacl) a
WHERE n.nspname = $1 AND pg_catalog.quote_ident(c.relname) = $2 AND a.grantee <> c.relowner
GROUP BY n.nspname, c.relname
)sql";

constexpr char kPrunableSql[] = R"sql(
SELECT c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND starts_with(c.relname, $2) AND c.relkind = 'r'
  AND substr(c.relname, length($2) + 1) ~ '^[0-9]{1,9}$'
  AND obj_description(c.oid, 'pg_class') = $3
ORDER BY substr(c.relname, length($2) + 1)::int DESC OFFSET $4::int
)sql";

// Returns the first part of the kept tables' names, short enough for a number to follow.
std::string KeptTablePrefix(absl::string_view name) {
  const size_t room = kMaxIdentifierBytes - kInfix.size() - kNumberBytes;
  if (name.size() <= room) return absl::StrCat(name, kInfix);
  const std::string hash = absl::StrCat("_", Sha256Hex(name, 8));
  return absl::StrCat(CutAtCharacter(name, room - hash.size()), hash, kInfix);
}

// Returns the comment on the replaced table.
std::string MakeComment(const ReplacedTable& replaced) {
  std::string comment =
      absl::StrCat(replaced.keep ? kKeptMark : kRetiredMark, replaced.target.ToString());
  if (!replaced.unchecked.empty()) {
    absl::StrAppend(&comment, "\n[", absl::StrJoin(replaced.unchecked, ","), "]");
  }
  return comment;
}

// Returns the statement that renames a member of the kept table or drops it; empty if neither is
// needed.
std::string FreeMemberNameSql(const TableMember& member, const ReplacedTable& replaced,
                              const std::string& schema) {
  const std::string& away = replaced.quoted_name;
  const std::string name =
      absl::StrCat("_syncline_kept_", Sha256Hex(absl::StrCat(replaced.oid, "\n", member.name), 24));
  const std::string index =
      absl::StrCat("ALTER INDEX ", schema, ".", member.quoted_name, " RENAME TO ", name);
  switch (member.kind) {
    case MemberKind::kIndex:
      return index;
    case MemberKind::kIndexConstraint:
      if (replaced.placed) return index;
      return absl::StrCat("ALTER TABLE ", away, " RENAME CONSTRAINT ", member.quoted_name, " TO ",
                          name);
    case MemberKind::kStatistics:
      return absl::StrCat("ALTER STATISTICS ", member.quoted_schema, ".", member.quoted_name,
                          " RENAME TO ", name);
    case MemberKind::kSelfForeignKey:
      return absl::StrCat("ALTER TABLE ", away, " DROP CONSTRAINT ", member.quoted_name);
    case MemberKind::kForeignKey:
    case MemberKind::kCheck:
      break;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::vector<DdlStep>> KeepSteps(Transaction& transaction,
                                               const ReplacedTable& replaced,
                                               const std::vector<TableMember>& members) {
  const TableName& target = replaced.target;
  const std::string& away = replaced.quoted_name;
  Params next_params;
  next_params.Text(target.schema).Text(KeptTablePrefix(target.name)).Text(MakeComment(replaced));
  SYNCLINE_ASSIGN_OR_RETURN(const Result next, transaction.Query(kNextSql, next_params));
  SYNCLINE_ASSIGN_OR_RETURN(const Result publications,
                            transaction.Query(kPublicationsSql, Params().Int(replaced.oid)));
  std::vector<DdlStep> steps;
  for (const RowView row : publications) {
    steps.push_back(
        {.subject = row.Text("subject"),
         .sql = absl::StrCat("ALTER PUBLICATION ", row.Text("quoted_name"), " DROP TABLE ", away)});
  }
  const std::string schema(away, 0, away.rfind('.'));
  for (const TableMember& member : members) {
    const std::string sql = FreeMemberNameSql(member, replaced, schema);
    if (!sql.empty()) steps.push_back({.subject = member.subject, .sql = sql});
  }
  const RowView found = next.Row(0);
  const auto about = [&](std::string sql) {
    return DdlStep{.subject = target.ToString(), .sql = std::move(sql)};
  };
  steps.push_back(about(absl::StrCat("COMMENT ON TABLE ", away, " IS ", found.Text("comment"))));
  if (replaced.keep) {
    steps.push_back(
        about(absl::StrCat("ALTER TABLE ", away, " RENAME TO ", found.Text("quoted_name"))));
  } else if (!found.Bool("published")) {
    // Without rows it prevents no deletion in a referenced table until it is dropped.
    steps.push_back(
        about(absl::StrCat("ALTER TABLE ", away, " DISABLE TRIGGER USER; TRUNCATE ONLY ", away)));
  }
  return steps;
}

absl::Status KeepCopy(Transaction& transaction, const TableName& target) {
  Params next_params;
  next_params.Text(target.schema).Text(KeptTablePrefix(target.name));
  next_params.Text(absl::StrCat(kKeptMark, target.ToString()));
  SYNCLINE_ASSIGN_OR_RETURN(const Result next, transaction.Query(kNextSql, next_params));
  const std::string name = next.Row(0).Text("quoted_name");
  const std::string copy = absl::StrCat(QuoteIdentifier(target.schema), ".", name);
  const std::string source = QuoteTable(target);
  // The rows of unlogged tables are not published.
  const bool published = next.Row(0).Bool("published");
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(
      absl::StrCat("CREATE ", published ? "UNLOGGED " : "", "TABLE ", copy, " (LIKE ", source,
                   " INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)")));
  SYNCLINE_ASSIGN_OR_RETURN(const Result revoke,
                            transaction.Query(kRevokeSql, Params().Text(target.schema).Text(name)));
  if (!revoke.empty()) SYNCLINE_RETURN_IF_ERROR(transaction.Execute(revoke.Text(0, 0)));
  return transaction.Execute(absl::StrCat("INSERT INTO ", copy, " SELECT * FROM ", source,
                                          "; COMMENT ON TABLE ", copy, " IS ",
                                          next.Row(0).Text("comment")));
}

absl::Status PruneKept(Database& database, const LockPolicy& policy, const TableName& target,
                       int keep) {
  std::vector<TableName> surplus;
  SYNCLINE_RETURN_IF_ERROR(database.Transact([&](Transaction& transaction) -> absl::Status {
    Params params;
    params.Text(target.schema).Text(KeptTablePrefix(target.name));
    params.Text(absl::StrCat(kKeptMark, target.ToString())).Int(keep);
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kPrunableSql, params));
    surplus.clear();
    for (size_t row = 0; row < rows.size(); ++row) {
      surplus.push_back({target.schema, rows.Text(row, 0)});
    }
    return absl::OkStatus();
  }));
  for (const TableName& table : surplus) {
    SYNCLINE_RETURN_IF_ERROR(TransactAgainstReaders(
        database, policy, {.tables = {table}, .need = LockNeed::kReferenced},
        [&](Transaction& transaction) { return transaction.Execute(DropTableSql(table)); }));
  }
  return absl::OkStatus();
}

}  // namespace syncline::postgres
