// TableOperationsSuite of the destination guide, each case with columns named like the fields and
// with renamed columns; then cases that the guide does not cover.
#include "server/postgres/table/table_operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/thread.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/swap/swap.h"
#include "server/postgres/table/upsert.h"
#include "tests/component/table_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::Transaction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

enum class Mapping { kIdentity, kRenaming };

class TableOperationsSuite : public TableFixture, public ::testing::WithParamInterface<Mapping> {
 protected:
  std::string Column(const std::string& field) const {
    return GetParam() == Mapping::kRenaming && field == "test" ? "TEST_mapped" : field;
  }

  TableSchema Mapped(const std::vector<std::pair<std::string, ColumnType>>& fields) const {
    TableSchema schema = MakeSchema(fields);
    for (ColumnSchema& column : schema.columns) column.column_name = Column(column.input_name);
    return schema;
  }

  TableSchema TestInteger() const { return Mapped({{"test", ColumnType::kBigint}}); }

  // Records whose only field is `test`.
  static std::vector<Record> Tests(const std::vector<int>& values, const std::string& extracted) {
    std::vector<Record> records;
    for (const int value : values) {
      records.push_back({{{"test", absl::StrCat(value)}}, extracted});
    }
    return records;
  }

  static std::vector<Row> Rows(const std::set<std::string>& values) {
    std::vector<Row> rows;
    for (const std::string& value : values) rows.push_back({{"test", value}});
    return rows;
  }
};

INSTANTIATE_TEST_SUITE_P(Mappings, TableOperationsSuite,
                         ::testing::Values(Mapping::kIdentity, Mapping::kRenaming),
                         [](const ::testing::TestParamInfo<Mapping>& mapping) {
                           return mapping.param == Mapping::kIdentity ? "Identity" : "Renaming";
                         });

TEST_P(TableOperationsSuite, ConnectToDatabase) { EXPECT_OK(database().Ping()); }

TEST_P(TableOperationsSuite, CreateAndDropNamespaces) {
  const std::string name = absl::StrCat(schema(), "_two");
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_THAT(*postgres::NamespaceExists(transaction, name), false);
    SYNCLINE_RETURN_IF_ERROR(postgres::CreateNamespace(transaction, name));
    SYNCLINE_RETURN_IF_ERROR(postgres::CreateNamespace(transaction, name));
    EXPECT_THAT(*postgres::NamespaceExists(transaction, name), true);
    SYNCLINE_RETURN_IF_ERROR(postgres::DropNamespace(transaction, name));
    EXPECT_THAT(*postgres::NamespaceExists(transaction, name), false);
    return absl::OkStatus();
  }));
}

TEST_P(TableOperationsSuite, CreateAndDropTables) {
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_THAT(*postgres::TableExists(transaction, Name("t")), false);
    SYNCLINE_RETURN_IF_ERROR(postgres::CreateTable(transaction, Name("t"), TestInteger()));
    SYNCLINE_RETURN_IF_ERROR(postgres::CreateTable(transaction, Name("t"), TestInteger()));
    EXPECT_THAT(*postgres::TableExists(transaction, Name("t")), true);
    SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, Name("t")));
    EXPECT_THAT(*postgres::TableExists(transaction, Name("t")), false);
    return absl::OkStatus();
  }));
}

TEST_P(TableOperationsSuite, InsertRecords) {
  Create(Name("t"), TestInteger());
  Insert(Name("t"), TestInteger(), {{{{"test", "42"}}, "2025-01-23T00:00:00Z"}});
  EXPECT_THAT(Read(Name("t"), TestInteger()), ElementsAre(Row{{"test", "42"}}));
  EXPECT_THAT(QueryText(absl::StrCat("SELECT _airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta,"
                                     " _airbyte_generation_id FROM ",
                                     Table("t"))),
              ElementsAre(ElementsAre("raw 1", "2025-01-23 00:00:00+00", "{}", "1")));
}

TEST_P(TableOperationsSuite, CountTableRows) {
  Create(Name("t"), TestInteger());
  const auto count = [&] {
    int64_t rows = -1;
    EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(rows, postgres::CountRows(transaction, Name("t")));
      return absl::OkStatus();
    }));
    return rows;
  };
  Insert(Name("t"), TestInteger(), Tests({1, 2, 3}, "2025-01-23"));
  EXPECT_EQ(count(), 3);
  Insert(Name("t"), TestInteger(), Tests({4}, "2025-01-23"));
  EXPECT_EQ(count(), 4);
  Insert(Name("t"), TestInteger(), Tests({5, 6, 7, 8, 9, 10}, "2025-01-23"));
  EXPECT_EQ(count(), 10);
}

TEST_P(TableOperationsSuite, GetGenerationId) {
  Create(Name("t"), TestInteger());
  Create(Name("empty"), TestInteger());
  Execute(absl::StrCat("CREATE TABLE ", Table("foreign"), " (a bigint)"));
  Record record = {{{"test", "42"}}};
  record.generation_id = 17;
  Insert(Name("t"), TestInteger(), {record});
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_EQ(*postgres::GetGenerationId(transaction, Name("t")), 17);
    EXPECT_EQ(*postgres::GetGenerationId(transaction, Name("empty")), 0);
    EXPECT_EQ(*postgres::GetGenerationId(transaction, Name("foreign")), 0);
    EXPECT_THAT(postgres::GetGenerationId(transaction, Name("missing")),
                StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
    return absl::OkStatus();
  }));
  record.generation_id = 4;
  Insert(Name("t"), TestInteger(), {record});
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_EQ(*postgres::GetGenerationId(transaction, Name("t")), 17) << "mixed";
    return absl::OkStatus();
  }));
}

TEST_P(TableOperationsSuite, OverwriteTables) {
  Create(Name("source"), TestInteger());
  Create(Name("target"), TestInteger());
  Insert(Name("source"), TestInteger(), Tests({123, 456}, "2025-01-23"));
  Insert(Name("target"), TestInteger(), Tests({86, 75, 309}, "2025-01-22"));
  EXPECT_OK(postgres::OverwriteTable(
      database(), Name("source"), Name("target"), {}, [](Transaction&) { return absl::OkStatus(); },
      nullptr));
  EXPECT_THAT(Read(Name("target"), TestInteger()), Rows({"123", "456"}));
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_THAT(*postgres::TableExists(transaction, Name("source")), false);
    return absl::OkStatus();
  }));
}

TEST_P(TableOperationsSuite, CopyTables) {
  Create(Name("source"), TestInteger());
  Create(Name("target"), TestInteger());
  Insert(Name("source"), TestInteger(), Tests({123, 456}, "2025-01-23"));
  Insert(Name("target"), TestInteger(), Tests({86, 75, 309}, "2025-01-22"));
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_EQ(*postgres::CopyTable(transaction, Name("source"), Name("target"), TestInteger()), 2);
    return absl::OkStatus();
  }));
  EXPECT_THAT(Read(Name("target"), TestInteger()), Rows({"123", "309", "456", "75", "86"}));
  EXPECT_THAT(Read(Name("source"), TestInteger()), Rows({"123", "456"}));
  EXPECT_THAT(QueryText(absl::StrCat("SELECT _airbyte_raw_id FROM ", Table("target"),
                                     " WHERE _airbyte_extracted_at = '2025-01-23'")),
              UnorderedElementsAre(ElementsAre("raw 1"), ElementsAre("raw 2")));
}

// One row of the guide's upsert.
Record UpsertRecord(int id, int test, const std::string& extracted_at, const std::string& raw_id,
                    const std::string& deleted_at = "") {
  Record record = {{{"id", absl::StrCat(id)},
                    {"test", absl::StrCat(test)},
                    {"description", absl::StrCat(raw_id, " described")}},
                   absl::StrCat("2025-01-", extracted_at, ":00:00+00"),
                   raw_id};
  if (!deleted_at.empty()) record.values[kCdcDeletedAtField] = deleted_at;
  return record;
}

TEST_P(TableOperationsSuite, UpsertTables) {
  const TableSchema source = Mapped({{"id", ColumnType::kVarchar},
                                     {"test", ColumnType::kBigint},
                                     {kCdcDeletedAtField, ColumnType::kBigint},
                                     {"description", ColumnType::kVarchar}});
  TableSchema target = source;
  target.primary_key = {"id"};
  target.cursor = Column("test");
  Create(Name("source"), source);
  Create(Name("target"), target);
  std::vector<Record> stored;
  for (const auto& [id, test] : std::vector<std::pair<int, int>>{{1, 1},
                                                                 {3, 3},
                                                                 {8, 1008},
                                                                 {9, 9},
                                                                 {10, 10},
                                                                 {11, 1011},
                                                                 {12, 12},
                                                                 {13, 1013},
                                                                 {14, 14},
                                                                 {15, 15}}) {
    stored.push_back(UpsertRecord(id, test, "22 00", absl::StrCat("old ", id)));
  }
  Insert(Name("target"), target, stored);
  Insert(Name("source"), source,
         {UpsertRecord(0, 1000, "23 00", "new 0"), UpsertRecord(3, 1002, "23 00", "new 3", "1234"),
          UpsertRecord(5, 5, "23 00", "new 5a"), UpsertRecord(5, 5, "23 01", "new 5b", "1234"),
          UpsertRecord(6, 6, "23 00", "new 6a"), UpsertRecord(6, 6, "23 01", "new 6b"),
          UpsertRecord(7, 7, "23 00", "new 7a", "1234"), UpsertRecord(7, 7, "23 01", "new 7b"),
          UpsertRecord(8, 8, "23 00", "new 8"), UpsertRecord(9, 9, "23 00", "new 9"),
          UpsertRecord(10, 1010, "23 00", "new 10"), UpsertRecord(11, 11, "22 00", "new 11"),
          UpsertRecord(12, 1012, "22 00", "new 12"), UpsertRecord(13, 13, "21 00", "new 13"),
          UpsertRecord(14, 14, "21 00", "new 14"), UpsertRecord(15, 1015, "21 00", "new 15")});
  EXPECT_OK(Transact([&](Transaction& transaction) {
    return postgres::UpsertTable(transaction, Name("source"), Name("target"), target, {}).status();
  }));
  std::vector<std::vector<std::string>> expected;
  for (const auto& [id, test, raw_id] :
       std::vector<std::tuple<int, int, std::string>>{{0, 1000, "new 0"},
                                                      {1, 1, "old 1"},
                                                      {6, 6, "new 6b"},
                                                      {7, 7, "new 7b"},
                                                      {8, 1008, "old 8"},
                                                      {9, 9, "new 9"},
                                                      {10, 1010, "new 10"},
                                                      {11, 1011, "old 11"},
                                                      {12, 1012, "new 12"},
                                                      {13, 1013, "old 13"},
                                                      {14, 14, "old 14"},
                                                      {15, 1015, "new 15"}}) {
    expected.push_back(
        {absl::StrCat(id), absl::StrCat(test), raw_id, absl::StrCat(raw_id, " described")});
  }
  EXPECT_EQ(QueryText(absl::StrCat("SELECT id, ", postgres::QuoteIdentifier(Column("test")),
                                   ", _airbyte_raw_id, description FROM ", Table("target"),
                                   " ORDER BY id::bigint")),
            expected);
  EXPECT_EQ(Count(Name("source")), 16) << "the source is only read";
}

class TableOperationsTest : public TableFixture {};

const TableSchema& IdSchema() {
  static const auto* const kSchema =
      new TableSchema(MakeSchema({{"id", ColumnType::kBigint}}, {"id"}));
  return *kSchema;
}

TEST_F(TableOperationsTest, MetaColumnsComeFirstAndAreNotNull) {
  Create(Name("t"), IdSchema());
  EXPECT_THAT(
      QueryText(absl::StrCat("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM"
                             " pg_attribute WHERE attnum > 0 AND attrelid = '",
                             Table("t"), "'::regclass ORDER BY attnum")),
      ElementsAre(ElementsAre("_airbyte_raw_id", "character varying", "t"),
                  ElementsAre("_airbyte_extracted_at", "timestamp with time zone", "t"),
                  ElementsAre("_airbyte_meta", "jsonb", "t"),
                  ElementsAre("_airbyte_generation_id", "bigint", "t"),
                  ElementsAre("id", "bigint", "f")));
}

TEST_F(TableOperationsTest, HasRowsDistinguishesMissingEmptyAndFailing) {
  Create(Name("t"), IdSchema());
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_EQ(*postgres::HasRows(transaction, Name("missing")), false);
    EXPECT_EQ(*postgres::HasRows(transaction, Name("t")), false);
    return absl::OkStatus();
  }));
  Insert(Name("t"), IdSchema(), {{{{"id", "1"}}}});
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_EQ(*postgres::HasRows(transaction, Name("t")), true);
    return absl::OkStatus();
  }));
  const auto blocker = Connect();
  ASSERT_OK(blocker->Execute(
      absl::StrCat("BEGIN; LOCK TABLE ", Table("t"), " IN ACCESS EXCLUSIVE MODE")));
  postgres::TransactOptions options;
  options.lock_timeout = absl::Milliseconds(50);
  EXPECT_THAT(database().Transact(
                  [&](Transaction& transaction) {
                    return postgres::HasRows(transaction, Name("t")).status();
                  },
                  options),
              StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  blocker->Rollback();
}

TEST_F(TableOperationsTest, NamesAreAlwaysQuoted) {
  const TableName table = Name("x\"; DROP TABLE canary;-- $$ %s \xE2\x80\xAE \xF0\x9F\x98\x80");
  const TableSchema schema = MakeSchema(
      {{"select", ColumnType::kBigint}, {"a\"b", ColumnType::kVarchar}}, {"a\"b"}, "select");
  Create(Name("canary"), IdSchema());
  Create(table, schema);
  Insert(table, schema, {{{{"select", "1"}, {"a\"b", "it's \\ \"x\""}}}});
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    EXPECT_EQ(*postgres::CountRows(transaction, table), 1);
    EXPECT_EQ(*postgres::DedupeTable(transaction, table, schema, {}), 0);
    SYNCLINE_RETURN_IF_ERROR(key_indexes().Ensure(transaction, table, schema));
    EXPECT_EQ(*postgres::TableExists(transaction, table), true);
    return postgres::DropTable(transaction, table);
  }));
  EXPECT_EQ(Count(Name("canary")), 0);
}

TEST_F(TableOperationsTest, ConcurrentCreatesSucceed) {
  constexpr int kThreads = 4;
  const std::string two = absl::StrCat(schema(), "_race");
  for (int round = 0; round < 5; ++round) {
    std::vector<absl::Status> statuses(kThreads);
    {
      std::deque<Thread> threads;
      for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back("create", [&, i] {
          statuses[static_cast<size_t>(i)] =
              Transact([&](Transaction& transaction) -> absl::Status {
                SYNCLINE_RETURN_IF_ERROR(postgres::CreateNamespace(transaction, two));
                return postgres::CreateTable(transaction, {two, "t"}, IdSchema());
              });
        });
      }
    }
    for (const absl::Status& status : statuses) EXPECT_OK(status);
    EXPECT_OK(Transact(
        [&](Transaction& transaction) { return postgres::DropNamespace(transaction, two); }));
  }
}

TEST_F(TableOperationsTest, PermanentNameConflictIsReported) {
  Execute(absl::StrCat("CREATE TYPE ", Table("t"), " AS ENUM ('a')"));
  EXPECT_THAT(Transact([&](Transaction& transaction) {
                return postgres::CreateTable(transaction, Name("t"), IdSchema());
              }),
              StatusIs(absl::StatusCode::kAlreadyExists, "OBJECT_EXISTS"));
}

TEST_F(TableOperationsTest, KeyIndexFollowsTheKey) {
  TableSchema schema = MakeSchema({{"a", ColumnType::kBigint}, {"b", ColumnType::kVarchar}}, {"a"});
  const auto indexes = [&] {
    std::vector<std::string> columns;
    for (const std::vector<std::string>& row : QueryText(absl::StrCat(
             "SELECT substring(indexdef FROM '[(].*') FROM pg_indexes WHERE schemaname = '",
             this->schema(), "' AND tablename = 't' ORDER BY 1"))) {
      columns.push_back(row[0]);
    }
    return columns;
  };
  const auto create = [&] {
    EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(key_indexes().Ensure(transaction, Name("t"), schema));
      return key_indexes().DropUnneeded(transaction, Name("t"), schema.primary_key);
    }));
  };
  Create(Name("t"), schema);
  EXPECT_THAT(indexes(), IsEmpty());
  create();
  create();
  EXPECT_THAT(indexes(), ElementsAre("(a)"));
  schema.primary_key = {"b", "a"};
  create();
  EXPECT_THAT(indexes(), ElementsAre("(b, a)"));
  Execute(absl::StrCat("CREATE UNIQUE INDEX mine ON ", Table("t"), " (a)"));
  schema.primary_key = {"a"};
  create();
  EXPECT_THAT(indexes(), ElementsAre("(a)")) << "the user's index is used";
  schema.primary_key = {};
  create();
  EXPECT_THAT(indexes(), ElementsAre("(a)")) << "the user's index is not ours to drop";
  Execute(absl::StrCat("DROP INDEX ", this->schema(), ".mine"));
  schema.primary_key = {"b"};
  Insert(Name("t"), schema, {{{{"a", "1"}, {"b", std::string(9600, 'x')}}}});
  create();
  EXPECT_THAT(indexes(), IsEmpty()) << "a key too long for a b-tree";
}

TEST_F(TableOperationsTest, TakenIndexNameIsAvoided) {
  Create(Name("t"), IdSchema());
  Execute(absl::StrCat("CREATE TABLE ", schema(), ".",
                       postgres::QuoteIdentifier(postgres::KeyIndexName(Name("t"), {"id"})),
                       " ()"));
  EXPECT_OK(Transact([&](Transaction& transaction) {
    return key_indexes().Ensure(transaction, Name("t"), IdSchema());
  }));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_indexes WHERE tablename = 't' AND"
                                  " schemaname = '",
                                  schema(), "'")),
            1);
}

}  // namespace
}  // namespace syncline::testing
