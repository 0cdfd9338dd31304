// Base of the table tests: rows are written and read by the streams' own field names, whatever the
// columns are called.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/key_indexes.h"
#include "tests/support/postgres_fixture.h"

namespace syncline::testing {

// A row: field name -> value as PostgreSQL prints it. Null fields are omitted.
using Row = std::map<std::string, std::string>;

struct Record {
  Row values;
  std::string extracted_at = "2025-01-23 00:00:00+00";
  std::string raw_id = "";  // empty: a unique one is generated
  int64_t generation_id = 1;
  std::string meta = "{}";
};

class TableFixture : public PostgresTest {
 protected:
  // A table of the test's schema.
  TableName Name(absl::string_view name) const { return {schema(), std::string(name)}; }

  void Create(const TableName& table, const TableSchema& schema);
  void Insert(const TableName& table, const TableSchema& schema,
              const std::vector<Record>& records);
  // All rows, sorted, with the stream's fields only.
  std::vector<Row> Read(const TableName& table, const TableSchema& schema);
  int64_t Count(const TableName& table);
  // Maps `key_column` of each row to the transaction that wrote the row and to its position.
  std::map<std::string, std::string> Writers(const TableName& table, absl::string_view key_column);

  // The indexes in the test's ledger, which is created on first use.
  const postgres::KeyIndexes& key_indexes();

  absl::Status Transact(absl::FunctionRef<absl::Status(postgres::Transaction&)> body) {
    return database().Transact(body);
  }

 private:
  int64_t raw_ids_ = 0;
  std::optional<postgres::KeyIndexes> key_indexes_;
};

// Fields in table order, nullable. The column's name is the field's.
TableSchema MakeSchema(const std::vector<std::pair<std::string, ColumnType>>& fields,
                       std::vector<std::string> primary_key = {}, std::string cursor = "");

}  // namespace syncline::testing
