#include "server/postgres/sql/merge_in_place_sql.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/sql/undeclared_sql.h"

namespace syncline::postgres {
namespace {

// Returns the stream's columns that an UPDATE may set.
std::vector<std::string> UpdatedColumns(const Merge& merge) {
  std::vector<std::string> columns;
  for (const std::string& column : InsertedColumns(merge)) {
    if (merge.traits.identity.count(column) == 0) columns.push_back(column);
  }
  return columns;
}

std::vector<std::string> ReinsertedColumns(const Merge& merge) {
  std::vector<std::string> columns = InsertedColumns(merge);
  columns.insert(columns.end(), merge.traits.others.begin(), merge.traits.others.end());
  return columns;
}

std::string JoinUndeclared(const Merge& merge) {
  return merge.undeclared.empty() ? "" : JoinUndeclaredSql();
}

// Returns the part that follows UPDATE … SET …: the rows to be replaced `n` and their winners `s`.
std::string FromReplaced(const Merge& merge) {
  return absl::StrCat(" FROM pg_temp.syncline_replaced n JOIN ", QuoteTable(merge.source),
                      " s ON s.ctid = n.tid", JoinUndeclared(merge), " WHERE ",
                      AtStored(merge, "n"));
}

// As FromReplaced, for a query, with the stored rows `t`. No condition follows it.
std::string FromReplacedAndStored(const Merge& merge) {
  return absl::StrCat(" FROM pg_temp.syncline_replaced n JOIN ", QuoteTable(merge.source),
                      " s ON s.ctid = n.tid", JoinUndeclared(merge), " JOIN ",
                      QuoteTable(merge.target), " t ON ", AtStored(merge, "n"));
}

// Returns the values that stored row `t` gets from its winner `s`. With `named`, expressions are
// followed by the column's name.
std::string NewValues(const Merge& merge, const std::vector<std::string>& columns, bool named) {
  return absl::StrJoin(columns, ", ", [&](std::string* out, const std::string& name) {
    const std::string column = QuoteIdentifier(name);
    const auto found = std::find(merge.undeclared.begin(), merge.undeclared.end(), name);
    if (found == merge.undeclared.end()) {
      absl::StrAppend(out, "s.", column);
    } else {
      const auto place = static_cast<size_t>(found - merge.undeclared.begin());
      absl::StrAppend(out, "CASE WHEN ", AbsentSql(place), " THEN t.", column, " ELSE s.", column,
                      " END", named ? absl::StrCat(" AS ", column) : "");
    }
  });
}

}  // namespace

std::string CreateRemovedSql(const Merge& merge) {
  return absl::StrCat(
      "CREATE TEMPORARY TABLE syncline_removed ON COMMIT DROP AS SELECT ",
      StoredColumns(merge, "m."),
      " FROM pg_temp.syncline_matches m WHERE m.beaten AND NOT EXISTS (SELECT 1 FROM "
      "pg_temp.syncline_replaced r WHERE r.stored = m.stored",
      merge.traits.divided ? " AND r.part = m.part" : "", ")");
}

std::string CreateReplacedSql(const Merge& merge) {
  std::string cursor_order;
  if (merge.schema.cursor.has_value()) {
    cursor_order =
        absl::StrCat("t.", Ordered(merge.schema, *merge.schema.cursor), " DESC NULLS LAST, ");
  }
  return absl::StrCat("CREATE TEMPORARY TABLE syncline_replaced ON COMMIT DROP AS SELECT n.tid, ",
                      StoredColumns(merge, "n."), " FROM (SELECT DISTINCT ON (m.tid) m.tid, ",
                      StoredColumns(merge, "m."),
                      ", m.beaten FROM pg_temp.syncline_matches m JOIN ", WinnersTable(merge),
                      " w ON ", WinnerPlace(merge), " = m.tid JOIN ", QuoteTable(merge.target),
                      " t ON ", AtStored(merge, "m"), " WHERE ", NotDeletedSql(merge),
                      " ORDER BY m.tid, ", cursor_order, "t.", QuoteIdentifier(kExtractedAtColumn),
                      " DESC, t.ctid DESC) n WHERE n.beaten ORDER BY n.stored");
}

std::string DeleteRemovedSql(const Merge& merge) {
  return absl::StrCat("DELETE FROM ", QuoteTable(merge.target),
                      " t USING pg_temp.syncline_removed r WHERE ", AtStored(merge, "r"));
}

std::string UpdateReplacedSql(const Merge& merge) {
  const std::vector<std::string> columns = UpdatedColumns(merge);
  return absl::StrCat("UPDATE ", QuoteTable(merge.target), " t SET (", Prefixed(columns, ""),
                      ") = ROW(", NewValues(merge, columns, /*named=*/false), ")",
                      FromReplaced(merge));
}

std::string ClearValuesSql(const Merge& merge, const std::vector<std::string>& columns) {
  const auto clear = [](std::string* out, const std::string& name) {
    absl::StrAppend(out, QuoteIdentifier(name), " = NULL");
  };
  const auto compared = [&](absl::string_view row) {
    return absl::StrJoin(columns, ", ", [&](std::string* out, const std::string& name) {
      absl::StrAppend(out, row, ".", Ordered(merge.schema, name));
    });
  };
  // An update moves a row, so its new place (ctid) is stored for the next update.
  return absl::StrCat(
      "WITH cleared AS (UPDATE ", QuoteTable(merge.target), " t SET ",
      absl::StrJoin(columns, ", ", clear), FromReplaced(merge), " AND (", compared("t"),
      ") IS DISTINCT FROM (", compared("s"), ") RETURNING n.tid, t.ctid AS stored",
      merge.traits.divided ? ", t.tableoid AS part" : "",
      ") UPDATE pg_temp.syncline_replaced r SET stored = c.stored",
      merge.traits.divided ? ", part = c.part" : "", " FROM cleared c WHERE r.tid = c.tid");
}

std::string CountFixedDifferencesSql(const Merge& merge, const std::vector<std::string>& columns) {
  const auto differs = [&](std::string* out, const std::string& name) {
    absl::StrAppend(out, "t.", QuoteIdentifier(name), " IS DISTINCT FROM ",
                    NewValues(merge, {name}, /*named=*/false));
  };
  return absl::StrCat("SELECT pg_catalog.count(*)", FromReplacedAndStored(merge), " WHERE ",
                      absl::StrJoin(columns, " OR ", differs));
}

std::string CreateReinsertedSql(const Merge& merge) {
  std::string others;
  for (const std::string& column : merge.traits.others) {
    absl::StrAppend(&others, ", t.", QuoteIdentifier(column));
  }
  return absl::StrCat("CREATE TEMPORARY TABLE syncline_reinserted ON COMMIT DROP AS SELECT ",
                      NewValues(merge, InsertedColumns(merge), /*named=*/true), others,
                      FromReplacedAndStored(merge));
}

std::string DeleteReplacedSql(const Merge& merge) {
  return absl::StrCat("DELETE FROM ", QuoteTable(merge.target),
                      " t USING pg_temp.syncline_replaced n WHERE ", AtStored(merge, "n"));
}

std::string InsertReinsertedSql(const Merge& merge) {
  const std::vector<std::string> columns = ReinsertedColumns(merge);
  // Stored values of an identity column are inserted like any other value.
  return absl::StrCat("INSERT INTO ", QuoteTable(merge.target), " (", Prefixed(columns, ""),
                      ") OVERRIDING SYSTEM VALUE SELECT ", Prefixed(columns, ""),
                      " FROM pg_temp.syncline_reinserted");
}

}  // namespace syncline::postgres
