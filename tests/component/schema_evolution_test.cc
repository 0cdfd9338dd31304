// TableSchemaEvolutionSuite of the destination guide, then casts, refusals and dependent objects.
#include "server/postgres/table/schema_evolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/upsert.h"
#include "tests/component/table_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::DiscoveredTable;
using postgres::SchemaChange;
using postgres::Transaction;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SchemaEvolutionFixture : public TableFixture {
 protected:
  DiscoveredTable Discover(const TableName& table) {
    DiscoveredTable discovered;
    EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(discovered, postgres::DiscoverTable(transaction, table));
      return absl::OkStatus();
    }));
    return discovered;
  }

  absl::Status Evolve(const TableSchema& schema, const postgres::EvolveOptions& options = {}) {
    return Transact([&](Transaction& transaction) {
      return postgres::EvolveTable(transaction, Name("t"), schema, options);
    });
  }

  SchemaChange DiffTo(const TableSchema& schema) {
    return postgres::DiffTables(Discover(Name("t")), postgres::ComputeTable(schema));
  }

  // Returns "name type" or "name type NOT NULL" for each column.
  std::vector<std::string> Columns(const DiscoveredTable& table) {
    std::vector<std::string> columns;
    for (const postgres::DiscoveredColumn& column : table.columns) {
      columns.push_back(
          absl::StrCat(column.name, " ", column.type, column.nullable ? "" : " NOT NULL"));
    }
    return columns;
  }
  std::vector<std::string> Columns() { return Columns(Discover(Name("t"))); }

  // Identifies the table's file, which changes with a rewrite.
  std::string FileNode() {
    return QueryValue(absl::StrCat("SELECT pg_relation_filenode('", Table("t"), "')"));
  }
};

using TableSchemaEvolutionSuite = SchemaEvolutionFixture;

TableSchema AllTypes() {
  return MakeSchema({{"string", ColumnType::kVarchar},
                     {"boolean", ColumnType::kBoolean},
                     {"integer", ColumnType::kBigint},
                     {"number", ColumnType::kNumeric},
                     {"date", ColumnType::kDate},
                     {"timestamp_tz", ColumnType::kTimestamptz},
                     {"timestamp_ntz", ColumnType::kTimestamp},
                     {"time_tz", ColumnType::kTimetz},
                     {"time_ntz", ColumnType::kTime},
                     {"array", ColumnType::kJsonb},
                     {"object", ColumnType::kJsonb},
                     {"unknown", ColumnType::kJsonb}});
}

const std::vector<std::string>& AllTypesAsColumns() {
  static const auto* const kColumns =
      new std::vector<std::string>{"string character varying",
                                   "boolean boolean",
                                   "integer bigint",
                                   "number numeric",
                                   "date date",
                                   "timestamp_tz timestamp with time zone",
                                   "timestamp_ntz timestamp without time zone",
                                   "time_tz time with time zone",
                                   "time_ntz time without time zone",
                                   "array jsonb",
                                   "object jsonb",
                                   "unknown jsonb"};
  return *kColumns;
}

TEST_F(TableSchemaEvolutionSuite, DiscoverRecognizesAllDataTypes) {
  Create(Name("t"), AllTypes());
  EXPECT_EQ(Columns(), AllTypesAsColumns());
}

TEST_F(TableSchemaEvolutionSuite, ComputeSchemaHandlesAllDataTypes) {
  EXPECT_EQ(Columns(postgres::ComputeTable(AllTypes())), AllTypesAsColumns());
}

TEST_F(TableSchemaEvolutionSuite, NoopDiff) {
  const TableSchema schema = MakeSchema({{"test", ColumnType::kBigint}});
  Create(Name("t"), schema);
  const SchemaChange change = DiffTo(schema);
  EXPECT_TRUE(change.IsNoop());
  EXPECT_THAT(change.retain, ElementsAre("test"));
}

TEST_F(TableSchemaEvolutionSuite, AddingAColumn) {
  Create(Name("t"), MakeSchema({{"test", ColumnType::kBigint}}));
  const SchemaChange change =
      DiffTo(MakeSchema({{"id", ColumnType::kVarchar}, {"test", ColumnType::kBigint}}));
  EXPECT_THAT(change.add, ElementsAre("id"));
  EXPECT_THAT(change.drop, IsEmpty());
  EXPECT_THAT(change.change, IsEmpty());
  EXPECT_THAT(change.retain, ElementsAre("test"));
}

TEST_F(TableSchemaEvolutionSuite, DroppingAColumn) {
  Create(Name("t"), MakeSchema({{"id", ColumnType::kVarchar}, {"test", ColumnType::kBigint}}));
  const SchemaChange change = DiffTo(MakeSchema({{"test", ColumnType::kBigint}}));
  EXPECT_THAT(change.add, IsEmpty());
  EXPECT_THAT(change.drop, ElementsAre("id"));
  EXPECT_THAT(change.change, IsEmpty());
  EXPECT_THAT(change.retain, ElementsAre("test"));
}

TEST_F(TableSchemaEvolutionSuite, ChangingAColumnsType) {
  Create(Name("t"), MakeSchema({{"test", ColumnType::kBigint}}));
  const SchemaChange change = DiffTo(MakeSchema({{"test", ColumnType::kVarchar}}));
  EXPECT_THAT(change.add, IsEmpty());
  EXPECT_THAT(change.drop, IsEmpty());
  EXPECT_THAT(change.change, ElementsAre("test"));
  EXPECT_THAT(change.retain, IsEmpty());
}

// Whether the table has a key before and after the change.
struct KeyChange {
  const char* name;
  bool before;
  bool after;
};

class ApplyChangeset : public SchemaEvolutionFixture,
                       public ::testing::WithParamInterface<KeyChange> {};

INSTANTIATE_TEST_SUITE_P(TableSchemaEvolutionSuite, ApplyChangeset,
                         ::testing::Values(KeyChange{"Append", false, false},
                                           KeyChange{"AppendToDedup", false, true},
                                           KeyChange{"DedupToAppend", true, false},
                                           KeyChange{"Dedup", true, true}),
                         [](const ::testing::TestParamInfo<KeyChange>& change) {
                           return std::string(change.param.name);
                         });

TEST_P(ApplyChangeset, KeepsConvertibleValues) {
  TableSchema before = MakeSchema({{"id", ColumnType::kBigint},
                                   {"updated_at", ColumnType::kBigint},
                                   {"to_retain", ColumnType::kVarchar},
                                   {"to_change", ColumnType::kBigint},
                                   {"to_drop", ColumnType::kVarchar}});
  TableSchema after = MakeSchema({{"id", ColumnType::kBigint},
                                  {"updated_at", ColumnType::kBigint},
                                  {"to_retain", ColumnType::kVarchar},
                                  {"to_change", ColumnType::kVarchar},
                                  {"to_add", ColumnType::kVarchar}});
  for (auto [schema, keyed] : {std::pair(&before, GetParam().before), {&after, GetParam().after}}) {
    if (!keyed) continue;
    schema->primary_key = {"id"};
    schema->cursor = "updated_at";
  }
  Create(Name("t"), before);
  Insert(Name("t"), before,
         {{{{"id", "1234"},
            {"updated_at", "5678"},
            {"to_retain", "to_retain original value"},
            {"to_change", "42"},
            {"to_drop", "to_drop original value"}},
           "2025-01-22T00:00:00Z",
           "no uuid"}});
  ASSERT_OK(Transact([&](Transaction& transaction) {
    return key_indexes().Ensure(transaction, Name("t"), before);
  }));
  const std::string meta = absl::StrCat(
      "SELECT _airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta, _airbyte_generation_id FROM ",
      Table("t"));
  const auto meta_before = QueryText(meta);
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const DiscoveredTable found,
                              postgres::DiscoverTable(transaction, Name("t")));
    SYNCLINE_RETURN_IF_ERROR(postgres::ApplySchemaChange(
        transaction, Name("t"), after, postgres::DiffTables(found, postgres::ComputeTable(after))));
    SYNCLINE_RETURN_IF_ERROR(key_indexes().Ensure(transaction, Name("t"), after));
    return key_indexes().DropUnneeded(transaction, Name("t"), after.primary_key);
  }));
  EXPECT_EQ(QueryText(meta), meta_before);
  EXPECT_THAT(Read(Name("t"), after), ElementsAre(Row{{"id", "1234"},
                                                      {"updated_at", "5678"},
                                                      {"to_retain", "to_retain original value"},
                                                      {"to_change", "42"}}));
  EXPECT_TRUE(DiffTo(after).IsNoop());
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_indexes WHERE tablename = 't' AND"
                                  " schemaname = '",
                                  schema(), "'")),
            GetParam().after ? 1 : 0);
  const std::string file = FileNode();
  EXPECT_OK(Evolve(after));
  EXPECT_EQ(FileNode(), file) << "running it again is a no-op";
}

TEST_F(TableSchemaEvolutionSuite, StringToUnknown) {
  const TableSchema before = MakeSchema({{"test", ColumnType::kVarchar}});
  const TableSchema after = MakeSchema({{"test", ColumnType::kJsonb}});
  Create(Name("t"), before);
  Insert(Name("t"), before,
         {{{{"test", "\"foo\""}}},
          {{{"test", "{\"foo\": \"bar\"}"}}},
          {{{"test", "true"}}},
          {{{"test", "0"}}},
          {{{"test", "foo"}}}});
  EXPECT_OK(Evolve(after));
  EXPECT_THAT(Read(Name("t"), after),
              ::testing::UnorderedElementsAre(
                  Row{{"test", R"("\"foo\"")"}}, Row{{"test", R"("{\"foo\": \"bar\"}")"}},
                  Row{{"test", R"("true")"}}, Row{{"test", R"("0")"}}, Row{{"test", R"("foo")"}}));
}

TEST_F(TableSchemaEvolutionSuite, UnknownToString) {
  const TableSchema before = MakeSchema({{"test", ColumnType::kJsonb}});
  const TableSchema after = MakeSchema({{"test", ColumnType::kVarchar}});
  Create(Name("t"), before);
  Insert(Name("t"), before,
         {{{{"test", "\"foo\""}}},
          {{{"test", "{\"foo\":\"bar\"}"}}},
          {{{"test", "true"}}},
          {{{"test", "0"}}}});
  EXPECT_OK(Evolve(after));
  EXPECT_THAT(Read(Name("t"), after),
              ElementsAre(Row{{"test", "0"}}, Row{{"test", "foo"}}, Row{{"test", "true"}},
                          Row{{"test", "{\"foo\": \"bar\"}"}}));
}

// One value of one column's change; `after` is "" if the change must be refused.
struct CastCase {
  const char* from;
  const char* value;
  ColumnType to;
  const char* after;
};

void PrintTo(const CastCase& c, std::ostream* out) {
  *out << c.from << " " << std::string(c.value).substr(0, 50) << " -> " << PostgresTypeName(c.to);
}

class CastTest : public SchemaEvolutionFixture, public ::testing::WithParamInterface<CastCase> {};

TEST_P(CastTest, ConvertsValueOrChangesNothing) {
  const CastCase& c = GetParam();
  const TableSchema schema = MakeSchema({{"v", c.to}, {"added", ColumnType::kBigint}});
  Create(Name("t"), MakeSchema({}));
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ADD v ", c.from));
  Insert(Name("t"), MakeSchema({{"v", ColumnType::kVarchar}}),
         {{{}, "2025-01-22", "row with null"}, {{{"v", c.value}}, "2025-01-22", "row with value"}});
  const auto before = Columns();
  const absl::Status status = Evolve(schema);
  if (std::string(c.after).empty()) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_INCOMPATIBLE"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("row with value"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("column v "));
    EXPECT_EQ(Columns(), before) << "nothing changed";
    return;
  }
  EXPECT_OK(status);
  EXPECT_THAT(QueryText(absl::StrCat("SELECT v FROM ", Table("t"), " ORDER BY 1 NULLS LAST")),
              ElementsAre(ElementsAre(c.after), ElementsAre("NULL")));
  EXPECT_TRUE(DiffTo(schema).IsNoop());
}

using T = ColumnType;
constexpr char kPoint[] = "2025-01-23 04:05:06.789+00";

INSTANTIATE_TEST_SUITE_P(
    ToText, CastTest,
    ::testing::Values(CastCase{"numeric", "1.50", T::kVarchar, "1.50"},
                      CastCase{"boolean", "t", T::kVarchar, "true"},
                      CastCase{"date", "2025-01-23", T::kVarchar, "2025-01-23"},
                      CastCase{"timestamptz", "2025-01-23 06:05:06.789+02", T::kVarchar, kPoint},
                      CastCase{"timetz", "01:02:03+02", T::kVarchar, "01:02:03+02"},
                      CastCase{"uuid", "7e4a1cb5-5d0b-4b5a-9f3c-7dd2ac0c9e2b", T::kVarchar,
                               "7e4a1cb5-5d0b-4b5a-9f3c-7dd2ac0c9e2b"},
                      CastCase{"varchar(5)", "12345", T::kVarchar, "12345"},
                      CastCase{"text", "x", T::kVarchar, "x"},
                      CastCase{"json", "[1, 2]", T::kVarchar, "[1, 2]"}));

INSTANTIATE_TEST_SUITE_P(ToJson, CastTest,
                         ::testing::Values(CastCase{"bigint", "42", T::kJsonb, "42"},
                                           CastCase{"numeric", "1.50", T::kJsonb, "1.50"},
                                           CastCase{"boolean", "t", T::kJsonb, "true"},
                                           CastCase{"timestamptz", "2025-01-23 00:00:00+00",
                                                    T::kJsonb, "\"2025-01-23T00:00:00+00:00\""},
                                           CastCase{"integer[]", "{1,2}", T::kJsonb, "[1, 2]"},
                                           CastCase{"json", "{\"a\":1.0}", T::kJsonb,
                                                    "{\"a\": 1.0}"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, CastTest,
    ::testing::Values(
        CastCase{"smallint", "42", T::kBigint, "42"}, CastCase{"integer", "42", T::kNumeric, "42"},
        CastCase{"bigint", "9223372036854775807", T::kNumeric, "9223372036854775807"},
        CastCase{"numeric(10,2)", "1.50", T::kNumeric, "1.50"},
        CastCase{"double precision", "0.1", T::kNumeric, "0.1"},
        CastCase{"double precision", "1234567890.1234567", T::kNumeric, "1234567890.1234567"},
        CastCase{"double precision", "3", T::kBigint, "3"},
        CastCase{"double precision", "3.5", T::kBigint, ""},
        CastCase{"double precision", "NaN", T::kBigint, ""},
        CastCase{"numeric", "42.000", T::kBigint, "42"},
        CastCase{"numeric", "42.5", T::kBigint, ""}, CastCase{"numeric", "NaN", T::kBigint, ""},
        CastCase{"numeric", "9223372036854775808", T::kBigint, ""},
        CastCase{"varchar", "-12", T::kBigint, "-12"},
        CastCase{"varchar", "12.00", T::kBigint, "12"},
        CastCase{"varchar", "9223372036854775807", T::kBigint, "9223372036854775807"},
        CastCase{"varchar", "9223372036854775808", T::kBigint, ""},
        CastCase{"varchar", "1.5", T::kBigint, ""}, CastCase{"varchar", "", T::kBigint, ""},
        CastCase{"varchar", "twelve", T::kBigint, ""},
        CastCase{"varchar", "1.5e3", T::kNumeric, "1500"},
        CastCase{"varchar", "0.10", T::kNumeric, "0.10"},
        CastCase{"varchar", "1e99999", T::kNumeric, ""},
        CastCase{"varchar", "NaN", T::kNumeric, ""},
        CastCase{"varchar", "Infinity", T::kNumeric, ""}, CastCase{"jsonb", "12", T::kBigint, "12"},
        CastCase{"jsonb", "\"12\"", T::kBigint, "12"}, CastCase{"jsonb", "1e400", T::kBigint, ""},
        CastCase{"jsonb", "1.25", T::kNumeric, "1.25"},
        CastCase{"jsonb", "{\"a\": 1}", T::kNumeric, ""}, CastCase{"jsonb", "[]", T::kBigint, ""},
        CastCase{"boolean", "t", T::kBigint, ""}, CastCase{"date", "2025-01-23", T::kBigint, ""},
        CastCase{"bigint", "1", T::kBoolean, ""}, CastCase{"varchar", "true", T::kBoolean, "t"},
        CastCase{"varchar", "FALSE", T::kBoolean, "f"}, CastCase{"varchar", "yes", T::kBoolean, ""},
        CastCase{"jsonb", "true", T::kBoolean, "t"}));

INSTANTIATE_TEST_SUITE_P(
    Temporal, CastTest,
    ::testing::Values(CastCase{"date", "2025-01-23", T::kTimestamp, "2025-01-23 00:00:00"},
                      CastCase{"date", "2025-01-23", T::kTimestamptz, "2025-01-23 00:00:00+00"},
                      CastCase{"date", "0044-03-15 BC", T::kTimestamp, "0044-03-15 00:00:00 BC"},
                      CastCase{"date", "infinity", T::kTimestamptz, "infinity"},
                      CastCase{"date", "5874897-12-31", T::kTimestamp, ""},
                      CastCase{"timestamp", "2025-01-23 04:05:06.789", T::kTimestamptz, kPoint},
                      CastCase{"timestamptz", kPoint, T::kTimestamp, "2025-01-23 04:05:06.789"},
                      CastCase{"timestamp(3)", "2025-01-23 04:05:06.789", T::kTimestamp,
                               "2025-01-23 04:05:06.789"},
                      CastCase{"timestamptz(0)", "2025-01-23 04:05:06+00", T::kTimestamptz,
                               "2025-01-23 04:05:06+00"},
                      CastCase{"timestamp", "2025-01-23", T::kDate, "2025-01-23"},
                      CastCase{"timestamptz", kPoint, T::kDate, ""},
                      CastCase{"time", "01:02:03", T::kTimetz, "01:02:03+00"},
                      CastCase{"timetz", "01:02:03+05", T::kTime, "01:02:03"},
                      CastCase{"timestamp", "2025-01-23 01:02:03", T::kTime, ""},
                      CastCase{"varchar", "2024-02-29", T::kDate, "2024-02-29"},
                      CastCase{"varchar", "2000-02-29", T::kDate, "2000-02-29"},
                      CastCase{"varchar", "1900-02-29", T::kDate, ""},
                      CastCase{"varchar", "2023-02-30", T::kDate, ""},
                      CastCase{"varchar", "2023-04-31", T::kDate, ""},
                      CastCase{"varchar", "0000-01-01", T::kDate, ""},
                      CastCase{"varchar", "5874897-12-31", T::kDate, "5874897-12-31"},
                      CastCase{"varchar", "5874898-01-01", T::kDate, ""},
                      CastCase{"varchar", "today", T::kDate, ""},
                      CastCase{"varchar", "2025-01-23T04:05:06.789Z", T::kTimestamptz, kPoint},
                      CastCase{"varchar", "2025-01-23 06:05:06.789+02:00", T::kTimestamptz, kPoint},
                      CastCase{"varchar", "2025-01-23 04:05", T::kTimestamp, "2025-01-23 04:05:00"},
                      CastCase{"varchar", "2025-01-23T23:59:59.999999999", T::kTimestamp,
                               "2025-01-23 23:59:59.999999"},
                      CastCase{"varchar", "2025-01-23 25:00:00", T::kTimestamp, ""},
                      CastCase{"varchar", "294277-01-01 00:00:00", T::kTimestamp, ""},
                      CastCase{"varchar", "now", T::kTimestamptz, ""},
                      CastCase{"jsonb", "\"2025-01-23T04:05:06.789Z\"", T::kTimestamptz, kPoint},
                      CastCase{"varchar", "23:59:59.999999999", T::kTime, "23:59:59.999999"},
                      CastCase{"varchar", "01:02:03Z", T::kTimetz, "01:02:03+00"},
                      CastCase{"varchar", "01:02:03+05:30", T::kTimetz, "01:02:03+05:30"},
                      CastCase{"varchar", "1 o'clock", T::kTime, ""}));

using SchemaEvolutionTest = SchemaEvolutionFixture;

TEST_F(SchemaEvolutionTest, JsonNullBecomesNull) {
  const TableSchema after = MakeSchema({{"v", ColumnType::kBigint}});
  Create(Name("t"), MakeSchema({{"v", ColumnType::kJsonb}}));
  Insert(Name("t"), MakeSchema({{"v", ColumnType::kJsonb}}), {{{{"v", "null"}}}});
  EXPECT_OK(Evolve(after));
  EXPECT_THAT(Read(Name("t"), after), ElementsAre(Row{}));
}

TEST_F(SchemaEvolutionTest, UncastableStoredValueIsFoundWithoutLock) {
  Create(Name("t"), MakeSchema({{"words", T::kVarchar}, {"digits", T::kVarchar}}));
  Insert(Name("t"), MakeSchema({{"words", T::kVarchar}, {"digits", T::kVarchar}}),
         {{{{"words", "one"}, {"digits", "1"}}}, {{{"words", "2"}, {"digits", "2"}}}});
  const auto check = [&](const TableSchema& wanted) {
    return Transact([&](Transaction& transaction) -> absl::Status {
      const absl::Status status = postgres::CheckCasts(transaction, Name("t"), wanted);
      SYNCLINE_ASSIGN_OR_RETURN(
          const postgres::Result locks,
          transaction.Query(absl::StrCat("SELECT count(*) FROM pg_locks WHERE relation = '",
                                         Table("t"), "'::regclass AND mode <> 'AccessShareLock'")));
      EXPECT_EQ(locks.Int(0, 0), 0);
      return status;
    });
  };
  EXPECT_THAT(check(MakeSchema({{"words", T::kBigint}})),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_INCOMPATIBLE"));
  EXPECT_OK(check(MakeSchema({{"digits", T::kBigint}})));
}

TEST_F(SchemaEvolutionTest, UncastableStagedValueBecomesNullWithEntry) {
  Create(Name("t"), MakeSchema({{"v", T::kVarchar}}));
  Insert(Name("t"), MakeSchema({{"v", T::kVarchar}}),
         {{{{"v", "one"}}, "2025-01-22", "a"},
          {{{"v", "two"}}, "2025-01-22", "b", 1, R"({"sync_id": 1, "changes": [{"field": "x"}]})"},
          {{{"v", "3"}}, "2025-01-22", "c"}});
  EXPECT_OK(Evolve(MakeSchema({{"v", T::kBigint}}), {{}, postgres::CastFailure::kNull}));
  EXPECT_THAT(QueryText(absl::StrCat("SELECT v, jsonb_array_length(_airbyte_meta -> 'changes'),"
                                     " _airbyte_meta -> 'changes' -> -1 ->> 'reason' FROM ",
                                     Table("t"), " ORDER BY _airbyte_raw_id")),
              ElementsAre(ElementsAre("NULL", "1", "DESTINATION_TYPECAST_ERROR"),
                          ElementsAre("NULL", "2", "DESTINATION_TYPECAST_ERROR"),
                          ElementsAre("3", "NULL", "NULL")));
}

TEST_F(SchemaEvolutionTest, OnlyNamedColumnsAreDropped) {
  Create(Name("t"), MakeSchema({{"a", T::kBigint}, {"b", T::kBigint}, {"c", T::kBigint}}));
  EXPECT_OK(Evolve(MakeSchema({{"c", T::kBigint}}), {{"b", "c"}}));
  EXPECT_THAT(Columns(), ElementsAre("a bigint", "c bigint"));
}

TEST_F(SchemaEvolutionTest, RefusalNamesColumnAndRowButNoValue) {
  const TableSchema schema = MakeSchema({{"v", ColumnType::kVarchar}});
  Create(Name("t"), schema);
  Insert(Name("t"), schema,
         {{{{"v", "1"}}, "2025-01-22", "fine"},
          {{{"v", "secret words"}}, "2025-01-22", "the bad one"}});
  const absl::Status status = Evolve(MakeSchema({{"v", ColumnType::kBigint}}));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_INCOMPATIBLE"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  const ErrorDetail detail = GetDetail(status);
  EXPECT_EQ(detail.subject, Name("t").ToString());
  EXPECT_THAT(detail.metadata,
              ElementsAre(std::pair<std::string, std::string>("column", "v"),
                          std::pair<std::string, std::string>("raw_id", "the bad one")));
}

TEST_F(SchemaEvolutionTest, PrecisionAndLengthAreDifferences) {
  Create(Name("t"), MakeSchema({}));
  Execute(absl::StrCat("ALTER TABLE ", Table("t"),
                       " ADD a numeric(10,2), ADD b varchar(10), ADD c timestamptz(3)"));
  const TableSchema schema = MakeSchema(
      {{"a", ColumnType::kNumeric}, {"b", ColumnType::kVarchar}, {"c", ColumnType::kTimestamptz}});
  EXPECT_THAT(Columns(), ElementsAre("a numeric(10,2)", "b character varying(10)",
                                     "c timestamp(3) with time zone"));
  EXPECT_THAT(DiffTo(schema).change, ElementsAre("a", "b", "c"));
  EXPECT_OK(Evolve(schema));
  EXPECT_TRUE(DiffTo(schema).IsNoop());
}

TEST_F(SchemaEvolutionTest, NullabilityIsApplied) {
  TableSchema schema = MakeSchema({{"a", ColumnType::kBigint}, {"b", ColumnType::kBigint}});
  schema.columns[0].nullable = false;
  Create(Name("t"), schema);
  Insert(Name("t"), schema, {{{{"a", "1"}, {"b", "2"}}}});
  schema.columns[0].nullable = true;
  schema.columns[1].nullable = false;
  EXPECT_THAT(DiffTo(schema).change, ElementsAre("b")) << "a stricter column is not a difference";
  EXPECT_OK(Evolve(schema));
  EXPECT_THAT(Columns(), ElementsAre("a bigint NOT NULL", "b bigint NOT NULL"));
}

TEST_F(SchemaEvolutionTest, StoredNullDoesNotStopEvolution) {
  TableSchema schema = MakeSchema({{"a", ColumnType::kJsonb}, {"b", ColumnType::kBigint}});
  Create(Name("t"), schema);
  Insert(Name("t"), schema, {{{{"a", "null"}}}});
  schema.columns[0].nullable = false;
  schema.columns[0].type = ColumnType::kVarchar;
  schema.columns[1].nullable = false;
  schema.columns.push_back({"c", "c", ColumnType::kBigint, false});
  EXPECT_OK(Evolve(schema));
  EXPECT_THAT(Columns(), ElementsAre("a character varying", "b bigint", "c bigint"));
  const std::string file = FileNode();
  EXPECT_OK(Evolve(schema));
  EXPECT_EQ(FileNode(), file);
}

TEST_F(SchemaEvolutionTest, EmptyTableGetsNotNullAtOnce) {
  TableSchema schema = MakeSchema({{"a", ColumnType::kBigint}});
  Create(Name("t"), schema);
  schema.columns.push_back({"c", "c", ColumnType::kBigint, false});
  EXPECT_OK(Evolve(schema));
  EXPECT_THAT(Columns(), ElementsAre("a bigint", "c bigint NOT NULL"));
  EXPECT_TRUE(DiffTo(schema).IsNoop());
}

TEST_F(SchemaEvolutionTest, DroppedKeyColumnDropsItsIndex) {
  const TableSchema before =
      MakeSchema({{"a", ColumnType::kBigint}, {"b", ColumnType::kBigint}}, {"a", "b"});
  const TableSchema after = MakeSchema({{"b", ColumnType::kVarchar}}, {"b"});
  Create(Name("t"), before);
  Create(Name("source"), after);
  Insert(Name("t"), before, {{{{"a", "1"}, {"b", "2"}}, "2025-01-22", "old"}});
  Insert(Name("source"), after, {{{{"b", "2"}}, "2025-01-23", "new"}});
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(key_indexes().Ensure(transaction, Name("t"), before));
    SYNCLINE_RETURN_IF_ERROR(postgres::EvolveTable(transaction, Name("t"), after, {{"a"}}));
    return postgres::UpsertTable(transaction, Name("source"), Name("t"), after, {}).status();
  }));
  EXPECT_THAT(QueryText(absl::StrCat("SELECT _airbyte_raw_id, b FROM ", Table("t"))),
              ElementsAre(ElementsAre("new", "2")));
}

TEST_F(SchemaEvolutionTest, ViewsOverChangedColumnsAreKept) {
  const TableSchema before = MakeSchema({{"id", ColumnType::kBigint}, {"v", ColumnType::kBigint}});
  const TableSchema after = MakeSchema({{"id", ColumnType::kBigint}, {"v", ColumnType::kVarchar}});
  Create(Name("t"), before);
  Insert(Name("t"), before, {{{{"id", "1"}, {"v", "42"}}}});
  Execute(absl::StrCat("CREATE VIEW ", Table("inner"), " AS SELECT id, v FROM ", Table("t"),
                       "; CREATE VIEW ", Table("outer"), " AS SELECT v FROM ", Table("inner"),
                       "; CREATE MATERIALIZED VIEW ", Table("kept"), " AS SELECT v FROM ",
                       Table("t"), "; GRANT SELECT ON ", Table("outer"),
                       " TO PUBLIC; COMMENT ON VIEW ", Table("outer"), " IS 'mine'"));
  EXPECT_OK(Evolve(after));
  for (const char* view : {"outer", "kept"}) {
    EXPECT_EQ(
        QueryValue(absl::StrCat("SELECT v::text || ' ' || pg_typeof(v)::text FROM ", Table(view))),
        "42 character varying");
  }
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT obj_description('", Table("outer"), "'::regclass)")),
            "mine");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT has_table_privilege('pg_monitor', '", Table("outer"),
                                    "', 'SELECT')")),
            "t");
}

TEST_F(SchemaEvolutionTest, ViewOverDroppedColumnIsRefused) {
  const TableSchema before = MakeSchema({{"id", ColumnType::kBigint}, {"v", ColumnType::kBigint}});
  Create(Name("t"), before);
  Execute(absl::StrCat("CREATE VIEW ", Table("reader"), " AS SELECT v FROM ", Table("t")));
  const absl::Status status = Evolve(MakeSchema({{"id", ColumnType::kBigint}}), {{"v"}});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("reader"));
  EXPECT_THAT(Columns(), ElementsAre("id bigint", "v bigint")) << "nothing changed";
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("reader"))), 0);
}

TEST_F(SchemaEvolutionTest, RefusesMissingAndIncompatibleRelations) {
  const TableSchema schema = MakeSchema({{"id", ColumnType::kBigint}});
  EXPECT_THAT(Evolve(schema), StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
  Execute(absl::StrCat("CREATE TABLE ", Table("t"), " (id bigint)"));
  EXPECT_THAT(Evolve(schema),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  Create(Name("other"), schema);
  Execute(absl::StrCat("DROP TABLE ", Table("t"), "; CREATE VIEW ", Table("t"),
                       " AS SELECT * FROM ", Table("other")));
  EXPECT_THAT(Evolve(schema),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
}

}  // namespace
}  // namespace syncline::testing
