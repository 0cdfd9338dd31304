#include "server/postgres/swap/swap_not_nulls.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

// $1: the target or 0; $2: the loaded table; $3: the target's name.
constexpr char kNamesSql[] = R"sql(
WITH not_null AS (
  SELECT k.oid, k.conrelid, k.conname, a.attname,
         pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_attribute a
    ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
  WHERE k.contype = 'n' AND k.conrelid IN ($1::oid, $2::oid)),
named AS (
  SELECT s.oid, s.conname, t.comment, coalesce(t.conname,
           (SELECT d.name FROM pg_catalog.concat($3::text, '_', s.attname, '_not_null') d (name)
            WHERE pg_catalog.octet_length(d.name) <= 63 AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_constraint k
              WHERE k.conrelid = $1::oid AND k.conname = d.name)), s.conname) AS wanted
  FROM not_null s LEFT JOIN not_null t ON t.conrelid = $1::oid AND t.attname = s.attname
  WHERE s.conrelid = $2::oid)
SELECT pg_catalog.pg_describe_object('pg_catalog.pg_constraint'::pg_catalog.regclass, oid, 0)
         AS subject,
       pg_catalog.quote_ident(conname) AS quoted_name, pg_catalog.quote_ident(wanted) AS wanted_name,
       pg_catalog.quote_literal(comment) AS comment
FROM named ORDER BY oid
)sql";

}  // namespace

absl::StatusOr<std::vector<DdlStep>> CaptureNotNullNames(Transaction& transaction,
                                                         const SwapTables& tables) {
  Params params;
  params.Int(tables.target_oid).Int(tables.source_oid).Text(tables.target.name);
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kNamesSql, params));
  // Columns may exchange names, so each name is freed before any is given.
  std::vector<DdlStep> free;
  std::vector<DdlStep> give;
  for (const RowView row : rows) {
    const auto about = [&](std::string sql) {
      return DdlStep{.subject = row.Text("subject"), .sql = std::move(sql)};
    };
    const std::string& wanted = row.Text("wanted_name");
    if (row.Text("quoted_name") != wanted) {
      const std::string rename =
          absl::StrCat("ALTER TABLE ", tables.quoted_target, " RENAME CONSTRAINT ");
      const std::string between = absl::StrCat("_syncline_not_null_", free.size());
      free.push_back(about(absl::StrCat(rename, row.Text("quoted_name"), " TO ", between)));
      give.push_back(about(absl::StrCat(rename, between, " TO ", wanted)));
    }
    if (row.IsNull("comment")) continue;
    give.push_back(about(absl::StrCat("COMMENT ON CONSTRAINT ", wanted, " ON ",
                                      tables.quoted_target, " IS ", row.Text("comment"))));
  }
  free.insert(free.end(), give.begin(), give.end());
  return free;
}

}  // namespace syncline::postgres
