#include "server/postgres/swap/kept_generations.h"

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace syncline::postgres {
namespace {

constexpr absl::string_view kInfix = "_syncline_old_";
constexpr size_t kMaxIdentifierBytes = 63;
constexpr size_t kNumberBytes = 9;

constexpr char kNextSql[] = R"sql(
SELECT format('%I', $2 || (coalesce(max(substr(c.relname, length($2) + 1)::int), 0) + 1))
         AS quoted_name,
       quote_literal($3) AS comment
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND starts_with(c.relname, $2)
  AND substr(c.relname, length($2) + 1) ~ '^[0-9]{1,9}$'
)sql";

constexpr char kPublicationsSql[] = R"sql(
SELECT pg_describe_object('pg_publication_rel'::regclass, r.oid, 0) AS subject,
       quote_ident(p.pubname) AS quoted_name
FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = $1::oid
)sql";

constexpr char kPrunableSql[] = R"sql(
SELECT format('%I.%I', n.nspname, c.relname)
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

// Returns the comment that identifies a kept table. It must not change between releases, because
// PruneKept compares it.
std::string Mark(const TableName& target) {
  return absl::StrCat("Replaced by syncline, kept for a rollback. Was: ", target.ToString());
}

// Returns the statement that renames a member of the kept table or drops it; empty if neither is
// needed.
std::string FreeMemberNameSql(const TableMember& member, const std::string& away,
                              const std::string& schema, const std::string& seed) {
  const std::string name =
      absl::StrCat("_syncline_kept_", Sha256Hex(absl::StrCat(seed, "\n", member.name), 24));
  switch (member.kind) {
    case MemberKind::kIndex:
      return absl::StrCat("ALTER INDEX ", schema, ".", member.quoted_name, " RENAME TO ", name);
    case MemberKind::kIndexConstraint:
      return absl::StrCat("ALTER TABLE ", away, " RENAME CONSTRAINT ", member.quoted_name, " TO ",
                          name);
    case MemberKind::kStatistics:
      return absl::StrCat("ALTER STATISTICS ", member.quoted_schema, ".", member.quoted_name,
                          " RENAME TO ", name);
    case MemberKind::kForeignKey:
    case MemberKind::kSelfForeignKey:
      // Otherwise the other table could not delete rows to which only the kept one still refers.
      return absl::StrCat("ALTER TABLE ", away, " DROP CONSTRAINT ", member.quoted_name);
    case MemberKind::kCheck:
      break;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::vector<DdlStep>> KeepSteps(Transaction& transaction, const TableName& target,
                                               int64_t old, const std::string& away,
                                               const std::vector<TableMember>& members) {
  Params next_params;
  next_params.Text(target.schema).Text(KeptTablePrefix(target.name)).Text(Mark(target));
  SYNCLINE_ASSIGN_OR_RETURN(const Result next, transaction.Query(kNextSql, next_params));
  SYNCLINE_ASSIGN_OR_RETURN(const Result publications,
                            transaction.Query(kPublicationsSql, Params().Int(old)));
  std::vector<DdlStep> steps;
  for (const RowView row : publications) {
    steps.push_back(
        {.subject = row.Text("subject"),
         .sql = absl::StrCat("ALTER PUBLICATION ", row.Text("quoted_name"), " DROP TABLE ", away)});
  }
  const std::string schema(away, 0, away.rfind('.'));
  for (const TableMember& member : members) {
    const std::string sql = FreeMemberNameSql(member, away, schema, absl::StrCat(old));
    if (!sql.empty()) steps.push_back({.subject = member.subject, .sql = sql});
  }
  const RowView kept = next.Row(0);
  steps.push_back({.subject = target.ToString(),
                   .sql = absl::StrCat("COMMENT ON TABLE ", away, " IS ", kept.Text("comment"))});
  steps.push_back(
      {.subject = target.ToString(),
       .sql = absl::StrCat("ALTER TABLE ", away, " RENAME TO ", kept.Text("quoted_name"))});
  return steps;
}

absl::Status PruneKept(Database& database, const TableName& target, const PruneOptions& options) {
  const auto body = [&](Transaction& transaction) -> absl::Status {
    Params params;
    params.Text(target.schema).Text(KeptTablePrefix(target.name)).Text(Mark(target));
    params.Int(options.keep);
    SYNCLINE_ASSIGN_OR_RETURN(const Result surplus, transaction.Query(kPrunableSql, params));
    for (size_t row = 0; row < surplus.size(); ++row) {
      SYNCLINE_RETURN_IF_ERROR(
          transaction.Execute(absl::StrCat("DROP TABLE ", surplus.Text(row, 0))));
    }
    return absl::OkStatus();
  };
  return database.Transact(body, {.lock_timeout = options.lock_timeout});
}

}  // namespace syncline::postgres
