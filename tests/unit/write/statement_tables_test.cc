#include "server/write/load/statement_tables.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace syncline::write {
namespace {

const TableName kTable = {"s", "t"};

TableSchema SchemaOf(const std::string& column, const std::string& table_type = "") {
  TableSchema schema;
  schema.columns.push_back({column, column, ColumnType::kBigint});
  schema.columns.back().table_type = table_type;
  return schema;
}

std::shared_ptr<StatementTable> Get(StatementTables& tables, const TableName& table,
                                    const TableSchema& schema, absl::Duration now = {}) {
  return tables.Get("\"syncline\"", table, schema, now);
}

TEST(StatementTablesTest, TablesDifferByNameColumnsAndTypes) {
  StatementTables tables;
  const auto table = Get(tables, kTable, SchemaOf("a"));
  EXPECT_EQ(Get(tables, kTable, SchemaOf("a")), table);
  EXPECT_NE(Get(tables, {"s", "u"}, SchemaOf("a")), table);
  EXPECT_NE(Get(tables, kTable, SchemaOf("b")), table);
  EXPECT_NE(Get(tables, kTable, SchemaOf("a", "integer")), table);
  EXPECT_EQ(Get(tables, kTable, SchemaOf("a")), table);
}

TEST(StatementTablesTest, CheckIsRepeated) {
  StatementTables tables;
  const auto table = Get(tables, kTable, SchemaOf("a"));
  const absl::Duration now = absl::Seconds(5);
  EXPECT_FALSE(table->use(now).has_value());
  table->set_use({.alone = true, .grouped = true}, now);
  ASSERT_TRUE(table->use(now + StatementTable::kValidFor / 2).has_value());
  EXPECT_TRUE(table->use(now)->alone);
  EXPECT_TRUE(table->use(now)->grouped);
  EXPECT_FALSE(table->use(now + StatementTable::kValidFor).has_value());
  table->set_use({}, now);
  EXPECT_FALSE(table->use(now)->alone);
}

TEST(StatementTablesTest, TableOutOfGroupsReturnsWithTheNextCheck) {
  StatementTables tables;
  const auto table = Get(tables, kTable, SchemaOf("a"));
  const absl::Duration now = absl::Seconds(5);
  table->set_use({.alone = true, .grouped = true}, now);
  table->LeaveGroups();
  EXPECT_TRUE(table->use(now)->alone);
  EXPECT_FALSE(table->use(now)->grouped);
  EXPECT_FALSE(table->use(now + StatementTable::kValidFor).has_value());
  table->set_use({.alone = true, .grouped = true}, now);
  EXPECT_TRUE(table->use(now)->grouped);
}

TEST(StatementTablesTest, UnusedTableIsForgotten) {
  StatementTables tables;
  const std::weak_ptr<StatementTable> unused = Get(tables, kTable, SchemaOf("a"));
  const std::weak_ptr<StatementTable> used = Get(tables, kTable, SchemaOf("b"));
  Get(tables, kTable, SchemaOf("b"), StatementTables::kForgetAfter);
  Get(tables, kTable, SchemaOf("c"), StatementTables::kForgetAfter + absl::Seconds(1));
  EXPECT_TRUE(unused.expired());
  EXPECT_FALSE(used.expired());
}

}  // namespace
}  // namespace syncline::write
