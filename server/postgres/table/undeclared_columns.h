// Staged values of columns that only some of the streams declare whose rows are published together:
// the stream that publishes them may have lost a column, or have a new one.
//
// A row that was staged by a stream that declares the column brings its value. A row whose stream
// does not declare it has none: it takes the value of the newest staged row of its key that brings
// one, else a merged row keeps what the table stores and a new row gets the column's default. So
// what a table holds in the end is what it would hold had each sync published its rows itself.
//
// Statements on a running transaction that holds the table's lock. Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/raw_id.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct UndeclaredColumn {
  ColumnSchema column;
  std::vector<RawIdRange> absent;  // the rows whose streams do not declare it
};

// `schema` with those columns after its own that it has not.
TableSchema WithUndeclared(const TableSchema& schema, const std::vector<UndeclaredColumn>& columns);

std::vector<std::string> NamesOf(const std::vector<UndeclaredColumn>& columns);

// Gives the rows of `staging` without a value of their own what the file comment says, but for what
// `target` stores. Makes the temporary table syncline_undeclared, which AbsentSql reads. Both
// tables have the columns in one type; `schema` is the stream's and tells key and order. Nothing
// without columns.
absl::Status FillUndeclared(Transaction& transaction, const TableName& staging,
                            const TableName& target, const TableSchema& schema, CdcDeleteMode mode,
                            const std::vector<UndeclaredColumn>& columns);
absl::Status DropUndeclared(Transaction& transaction, const std::vector<UndeclaredColumn>& columns);

}  // namespace syncline::postgres
