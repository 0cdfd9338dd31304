// The statements of undeclared_columns.h. Pure functions.
//
// The temporary table syncline_undeclared has one row per staged row that lacks a value of one of
// the columns: its raw id and, numbered by column from 1, the value that the staged row gets (v1 …)
// and whether that value is neither its own nor inherited from its key, so that a stored value must
// be kept (a1 …).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"

namespace syncline::postgres {

struct UndeclaredSql {
  std::string name;
  std::string fallback;  // the target's default as SQL, or empty
  bool inherits = true;  // gets the value of the newest staged row of the key that has one
};

// Creates the empty table.
std::string CreateUndeclaredSql(const TableName& staging,
                                const std::vector<UndeclaredSql>& columns);
// Fills the table. Has two parameters per column: the first and the last raw ids of the ranges of
// rows that lack it.
std::string RecordUndeclaredSql(const TableName& staging, const TableSchema& schema,
                                const std::vector<UndeclaredSql>& columns);
// Writes the values of the table to the staged rows.
std::string FillUndeclaredSql(const TableName& staging, const std::vector<std::string>& names);

// Returns " LEFT JOIN …", which joins staged row `s` with its row `u` of the table.
std::string JoinUndeclaredSql();
// Returns SQL over that join: whether the stored value of the column at `place` (from 0) is kept.
std::string AbsentSql(size_t place);

}  // namespace syncline::postgres
