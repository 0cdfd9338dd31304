// The statements of undeclared_columns.h. Pure functions.
//
// The temporary table syncline_undeclared has a row for each staged row that lacks one of the
// columns: its raw id and, by the column's place from 1, the value it is staged with from now on
// (v1 …) and whether that is not its own or its key's, so that a stored value stays (a1 …).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"

namespace syncline::postgres {

struct UndeclaredSql {
  std::string name;
  std::string fallback;  // the target's default as SQL; empty without one
  bool inherits = true;  // from the newest staged row of the key that has a value
};

std::string CreateUndeclaredSql(const TableName& staging,
                                const std::vector<UndeclaredSql>& columns);
// For each column two parameters: the first and the last raw ids of the rows that lack it.
std::string NoteUndeclaredSql(const TableName& staging, const TableSchema& schema,
                              const std::vector<UndeclaredSql>& columns);
std::string FillUndeclaredSql(const TableName& staging, const std::vector<std::string>& names);

// " LEFT JOIN …" of staged row `s` with what is noted of it as `u`.
std::string JoinUndeclaredSql();
// Whether the stored value of the column at `place`, from 0, stays; over the join.
std::string AbsentSql(size_t place);

}  // namespace syncline::postgres
