// Columns that only some of the streams declare whose rows are published together: the stream that
// publishes them may have lost a column or have a new one.
//
// A row that was staged by a stream that declares the column has its value. A row whose stream does
// not declare it has none: it takes the value of the newest staged row of its key that has one. If
// there is no such row, a merged row keeps what the table stores, and a new row gets the column's
// default. So the table ends with the contents that it would have if each sync had published its
// rows itself.
//
// Statements in a running transaction that holds the table's lock. Stateless: safe from any thread.
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

// Returns `schema` followed by those of `columns` that it does not have.
TableSchema WithUndeclared(const TableSchema& schema, const std::vector<UndeclaredColumn>& columns);

std::vector<std::string> NamesOf(const std::vector<UndeclaredColumn>& columns);

// Fills the rows of `staging` that have no value of their own as described above, except with what
// `target` stores. Creates the temporary table syncline_undeclared, which AbsentSql reads. Both
// tables have the columns with the same types. `schema` is the stream's and defines key and order.
// Does nothing without columns.
absl::Status FillUndeclared(Transaction& transaction, const TableName& staging,
                            const TableName& target, const TableSchema& schema, CdcDeleteMode mode,
                            const std::vector<UndeclaredColumn>& columns);
absl::Status DropUndeclared(Transaction& transaction, const std::vector<UndeclaredColumn>& columns);

}  // namespace syncline::postgres
