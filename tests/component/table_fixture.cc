#include "tests/component/table_fixture.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/postgres/ledger/ledger_migration.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_operations.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

using postgres::QuoteIdentifier;
using postgres::QuoteLiteral;
using postgres::QuoteTable;

void TableFixture::Create(const TableName& table, const TableSchema& schema) {
  ASSERT_OK(Transact([&](postgres::Transaction& transaction) {
    return postgres::CreateTable(transaction, table, schema);
  }));
}

void TableFixture::Insert(const TableName& table, const TableSchema& schema,
                          const std::vector<Record>& records) {
  for (const Record& record : records) {
    const std::string raw_id =
        record.raw_id.empty() ? absl::StrCat("raw ", ++raw_ids_) : record.raw_id;
    std::vector<std::string> values = {QuoteLiteral(raw_id), QuoteLiteral(record.extracted_at),
                                       QuoteLiteral(record.meta),
                                       absl::StrCat(record.generation_id)};
    for (const ColumnSchema& column : schema.columns) {
      const auto value = record.values.find(column.input_name);
      values.push_back(value == record.values.end() ? "NULL" : QuoteLiteral(value->second));
    }
    Execute(absl::StrCat("INSERT INTO ", QuoteTable(table), " (",
                         postgres::QuoteColumns(postgres::AllColumns(schema)), ") VALUES (",
                         absl::StrJoin(values, ", "), ")"));
  }
}

std::vector<Row> TableFixture::Read(const TableName& table, const TableSchema& schema) {
  std::vector<std::string> columns;
  for (const ColumnSchema& column : schema.columns) columns.push_back(column.column_name);
  std::vector<Row> rows;
  for (const std::vector<std::string>& texts : QueryText(
           absl::StrCat("SELECT ", postgres::QuoteColumns(columns), " FROM ", QuoteTable(table)))) {
    Row& row = rows.emplace_back();
    for (size_t i = 0; i < texts.size(); ++i) {
      if (texts[i] != "NULL") row[schema.columns[i].input_name] = texts[i];
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

int64_t TableFixture::Count(const TableName& table) {
  return QueryInt(absl::StrCat("SELECT count(*) FROM ", QuoteTable(table)));
}

std::map<std::string, std::string> TableFixture::Writers(const TableName& table,
                                                         absl::string_view key_column) {
  std::map<std::string, std::string> writers;
  for (const std::vector<std::string>& row : QueryText(absl::StrCat(
           "SELECT ", QuoteIdentifier(key_column), ", xmin, ctid FROM ", QuoteTable(table)))) {
    writers[row[0]] = absl::StrCat(row[1], " ", row[2]);
  }
  return writers;
}

const postgres::KeyIndexes& TableFixture::key_indexes() {
  if (!key_indexes_.has_value()) {
    EXPECT_OK(postgres::MigrateLedger(database(), schema()));
    key_indexes_.emplace(schema());
  }
  return *key_indexes_;
}

TableSchema MakeSchema(const std::vector<std::pair<std::string, ColumnType>>& fields,
                       std::vector<std::string> primary_key, std::string cursor) {
  TableSchema schema;
  for (const auto& [name, type] : fields) schema.columns.push_back({name, name, type, true});
  schema.primary_key = std::move(primary_key);
  if (!cursor.empty()) schema.cursor = std::move(cursor);
  return schema;
}

}  // namespace syncline::testing
