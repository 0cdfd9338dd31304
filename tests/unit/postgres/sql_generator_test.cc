// Quoting, and every statement of the table operations compared with tests/golden/sql.txt.
// SYNCLINE_UPDATE_GOLDEN=1 rewrites the file.
#include "server/postgres/sql/sql_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "server/postgres/sql/cast_sql.h"
#include "server/postgres/sql/ledger_sql.h"
#include "server/postgres/sql/merge_in_place_sql.h"
#include "server/postgres/sql/ordered_merge_sql.h"
#include "server/postgres/sql/placed_merge_sql.h"
#include "server/postgres/sql/undeclared_sql.h"
#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {
namespace {

TEST(QuoteIdentifierTest, Quotes) {
  EXPECT_EQ(QuoteIdentifier("Plain"), "\"Plain\"");
  EXPECT_EQ(QuoteIdentifier(""), "\"\"");
  EXPECT_EQ(QuoteIdentifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(QuoteIdentifier("\"; DROP TABLE x;--"), "\"\"\"; DROP TABLE x;--\"");
  EXPECT_EQ(QuoteIdentifier("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
            "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

// CVE-2025-1094: a quote that follows the first byte of an incomplete character must not be taken
// for part of that character.
TEST(QuoteIdentifierTest, ReplacesInvalidUtf8) {
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(QuoteIdentifier("\xC0\""), absl::StrCat("\"", replaced, "\"\"\""));
  EXPECT_EQ(QuoteIdentifier("a\xE2\x82"), absl::StrCat("\"a", replaced, replaced, "\""));
  EXPECT_EQ(QuoteIdentifier("\xED\xA0\x80"),
            absl::StrCat("\"", replaced, replaced, replaced, "\""));
  EXPECT_EQ(QuoteIdentifier("\xF4\x90\x80\x80").find('\xF4'), std::string::npos);
  EXPECT_EQ(QuoteIdentifier("\xC0\x80").find('\xC0'), std::string::npos) << "overlong";
  EXPECT_EQ(QuoteIdentifier("\xE0\x80\x80").find('\xE0'), std::string::npos) << "overlong";
  EXPECT_EQ(QuoteIdentifier(absl::string_view("a\0b", 3)), absl::StrCat("\"a", replaced, "b\""));
}

TEST(QuoteLiteralTest, Quotes) {
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuoteLiteral("a\\'b"), "E'a\\\\''b'");
  EXPECT_EQ(QuoteLiteral("\xFF'"), "'\xEF\xBF\xBD'''");
}

TEST(LedgerSqlTest, PlaceholderBecomesTheSchema) {
  EXPECT_EQ(WithLedgerSchema("\nSELECT $1 FROM $L.sync\nJOIN $L.stream USING (sync_no)\n", "\"l\""),
            "SELECT $1 FROM \"l\".sync\nJOIN \"l\".stream USING (sync_no)");
}

TEST(KeyIndexNameTest, IsShortDeterministicAndRecognizable) {
  const TableName table = {"s", std::string(63, 'x')};
  const std::string name = KeyIndexName(table, {"id"});
  EXPECT_LE(name.size(), 63u);
  EXPECT_EQ(name, KeyIndexName(table, {"id"}));
  EXPECT_NE(name, KeyIndexName(table, {"id", "b"}));
  EXPECT_NE(name, KeyIndexName(table, {"id"}, 2));
  EXPECT_THAT(name, ::testing::StartsWith(kKeyIndexPrefix));
}

ColumnSchema Column(const std::string& field, const std::string& name, ColumnType type) {
  return {field, name, type, true};
}

TableSchema Sample() {
  TableSchema schema;
  schema.columns = {Column("id", "id", ColumnType::kVarchar),
                    Column("part", "Part \"2\"", ColumnType::kBigint),
                    Column("amount", "amount", ColumnType::kNumeric),
                    Column("active", "active", ColumnType::kBoolean),
                    Column("born", "born", ColumnType::kDate),
                    Column("updated_at", "updated_at", ColumnType::kTimestamptz),
                    Column("local", "local", ColumnType::kTimestamp),
                    Column("opens", "opens", ColumnType::kTimetz),
                    Column("closes", "closes", ColumnType::kTime),
                    Column("tags", "tags", ColumnType::kJsonb),
                    Column(kCdcDeletedAtField, "_ab_cdc_deleted_at", ColumnType::kTimestamptz)};
  schema.columns[0].nullable = false;
  schema.primary_key = {"id", "Part \"2\""};
  schema.cursor = "updated_at";
  return schema;
}

class Golden {
 public:
  void Add(absl::string_view title, absl::string_view sql) {
    absl::StrAppend(&text_, "-- ", title, "\n", sql, "\n\n");
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void AddTables(const TableName& table, const TableName& temp, const TableSchema& schema,
               Golden* golden) {
  golden->Add("create schema", CreateSchemaSql(table.schema));
  golden->Add("drop schema", DropSchemaSql(table.schema));
  golden->Add("create table", CreateTableSql(table, schema));
  golden->Add("create table with a default",
              CreateTableSql(table, {}, R"({"sync_id":1,"changes":[]})"));
  TableSchema compact = schema;
  compact.columns.resize(1);
  compact.meta = TableMeta::kCompact;
  golden->Add("create compact table", CreateTableSql(table, compact));
  golden->Add("COPY into a compact table", CopyBinarySql(table, compact));
  TableSchema bare = compact;
  bare.meta = TableMeta::kNone;
  golden->Add("create table without meta columns", CreateTableSql(table, bare));
  golden->Add("COPY without meta columns", CopyBinarySql(table, bare));
  golden->Add("example row without a raw id", ExampleRowSql(table, "\"id\" < 'b'", bare.meta));
  golden->Add("create table like",
              CreateTableLikeSql(temp, table, {true, true, "fillfactor='70'"}));
  golden->Add("create table like, in a tablespace",
              CreateTableLikeSql(temp, table, {.tablespace = "\"fast disk\""}));
  golden->Add("drop table", DropTableSql(table));
  golden->Add("analyze", AnalyzeSql(table));
  golden->Add("count rows", CountRowsSql(table));
  golden->Add("has values", HasValuesSql(table, "amount"));
  golden->Add("has rows", HasRowsSql(table));
  golden->Add("generation id", GenerationIdSql(table));
  golden->Add("table statuses", TableStatusesSql({table, temp}));
  golden->Add("copy table", CopyTableSql(temp, table, AllColumns(schema)));
  golden->Add("delete raw id ranges", DeleteRawIdRangesSql(temp));
  golden->Add("generation bounds", GenerationBoundsSql(temp));
  golden->Add("delete older rows", DeleteOlderRowsSql(temp));
  ColumnSchema mark = {"gone", "_sdc_deleted_at", ColumnType::kTimestamptz};
  golden->Add("mark older rows", MarkOlderRowsSql(table, mark));
  mark.type = ColumnType::kJsonb;
  golden->Add("mark older rows in jsonb", MarkOlderRowsSql(table, mark));
  mark.table_type = "json";
  golden->Add("mark older rows in json", MarkOlderRowsSql(table, mark));
  golden->Add("COPY", CopyBinarySql(temp, schema));
  golden->Add("COPY without meta", CopyWithoutMetaSql(temp, schema));
  golden->Add("COPY in text", CopyTextSql(temp, schema));
  golden->Add("lock against writers", LockAgainstWritersSql(table));
  golden->Add("lock for a merge", LockForMergeSql(table));
  golden->Add("lock against all", LockAgainstAllSql(table));
  golden->Add("vacuum", VacuumSql(table));
  const std::string index = KeyIndexName(table, schema.primary_key);
  golden->Add("create index", CreateIndexSql(index, table, schema.primary_key));
  golden->Add("drop index", DropIndexSql({table.schema, index}));
  golden->Add("has long key", HasLongKeySql(table, schema.primary_key));
}

void AddEvolution(const TableName& table, const TableSchema& schema, Golden* golden) {
  golden->Add("alter table",
              AlterTableSql(table, {DropColumnClause("gone"), DropDefaultClause("tags"),
                                    SetDefaultClause("tags", JsonbLiteral("{}")),
                                    SetNotNullClause("amount"), AddColumnClause(schema.columns[1]),
                                    AlterTypeClause(
                                        "tags", "jsonb",
                                        CastTo("tags", "bigint", ColumnType::kJsonb).expression)}));
  golden->Add("note cast failures", RecordCastFailuresSql(table, "\"amount\" < 0"));
  for (const char* from : {"character varying", "jsonb", "numeric(10,2)", "bigint", "date",
                           "timestamp(3) with time zone", "time without time zone"}) {
    for (const ColumnSchema& column : schema.columns) {
      const Cast cast = CastTo("v", from, column.type);
      if (column.column_name == "_ab_cdc_deleted_at") continue;
      const std::string title = absl::StrCat(from, " to ", PostgresTypeName(column.type));
      golden->Add(absl::StrCat("cast ", title), cast.expression);
      if (cast.failing.empty()) continue;
      golden->Add(absl::StrCat("failing ", title), ExampleRowSql(table, cast.failing));
    }
  }
}

void AddUndeclared(const TableName& temp, const TableSchema& schema, Merge merge, Golden* golden) {
  const std::vector<UndeclaredSql> columns = {
      {.name = "old", .fallback = "'none'::text", .inherits = true},
      {.name = "gone_at", .fallback = "", .inherits = false}};
  golden->Add("undeclared", CreateUndeclaredSql(temp, columns));
  golden->Add("note undeclared", RecordUndeclaredSql(temp, schema, columns));
  TableSchema keyless = schema;
  keyless.primary_key.clear();
  golden->Add("note undeclared, no key", RecordUndeclaredSql(temp, keyless, {columns[0]}));
  golden->Add("fill undeclared", FillUndeclaredSql(temp, {"old", "gone_at"}));
  merge.undeclared = {"old"};
  merge.schema.columns.push_back(
      {.input_name = "old", .column_name = "old", .type = ColumnType::kVarchar});
  golden->Add("update replaced, undeclared", UpdateReplacedSql(merge));
  golden->Add("reinserted, undeclared", CreateReinsertedSql(merge));
}

void AddUpsert(const TableName& table, const TableName& temp, const TableSchema& schema,
               Golden* golden) {
  golden->Add("upsert settings", kUpsertSettingsSql);
  golden->Add("sample keys", SampleKeysSql(table, schema));
  golden->Add("survey", SurveySql(temp, schema));
  TableSchema one_key = schema;
  one_key.primary_key = {"id"};
  golden->Add("survey, one column", SurveySql(temp, one_key));
  const std::vector<NullPattern> patterns = {{false, false}, {false, true}};
  Merge merge = {temp, table, schema, CdcDeleteMode::kHard, Winners::kInTable};
  golden->Add("winners, hard delete", CreateWinnersSql(merge));
  golden->Add("analyze winners", kAnalyzeWinnersSql);
  golden->Add("matches", CreateMatchesSql(merge, patterns));
  golden->Add("replaced", CreateReplacedSql(merge));
  golden->Add("removed", CreateRemovedSql(merge));
  golden->Add("delete removed", DeleteRemovedSql(merge));
  golden->Add("update replaced", UpdateReplacedSql(merge));
  golden->Add("clear values", ClearValuesSql(merge, {"amount", "born"}));
  golden->Add("reinserted", CreateReinsertedSql(merge));
  golden->Add("delete replaced", DeleteReplacedSql(merge));
  golden->Add("insert reinserted", InsertReinsertedSql(merge));
  golden->Add("drop losers", DropLosersSql(Remaining::kUnbeaten));
  golden->Add("drop losers, in place", DropLosersSql(Remaining::kAll));
  golden->Add("fetch by place", kFetchByPlaceSql);
  golden->Add("remove beaten", RemoveBeatenSql(merge));
  golden->Add("fetch any way", kResetFetchByPlaceSql);
  golden->Add("insert winners", InsertWinnersSql(merge, Remaining::kUnbeaten));
  golden->Add("raise generations", RaiseGenerationsSql(merge, patterns[1]));
  golden->Add("drop matches", kDropMatchesSql);
  golden->Add("drop winners", kDropWinnersSql);
  merge.winners = Winners::kInSource;
  golden->Add("remove beaten in order", RemoveBeatenInOrderSql(merge, patterns[1]));
  golden->Add("matches, every key once", CreateMatchesSql(merge, patterns));
  golden->Add("replaced, every key once", CreateReplacedSql(merge));
  golden->Add("insert winners, every key once", InsertWinnersSql(merge, Remaining::kUnbeaten));
  golden->Add("insert winners, every key once, all beaten",
              InsertWinnersSql(merge, Remaining::kNone));
  golden->Add("insert winners, every key once, in place", InsertWinnersSql(merge, Remaining::kAll));
  merge.traits = {.others = {"mine"},
                  .generated = {"born"},
                  .identity = {"amount"},
                  .collations = {{"id", "pg_catalog.\"C\""}}};
  golden->Add("matches, collation", CreateMatchesSql(merge, patterns));
  golden->Add("update replaced, columns of the user", UpdateReplacedSql(merge));
  golden->Add("insert reinserted, columns of the user", InsertReinsertedSql(merge));
  golden->Add("insert winners, columns of the user", InsertWinnersSql(merge, Remaining::kAll));
  AddUndeclared(temp, schema, merge, golden);
  merge.winners = Winners::kInQuery;
  golden->Add("count merge", CountMergeSql(merge, patterns));
  merge.winners = Winners::kInSource;
  merge.traits = {};
  merge.mode = CdcDeleteMode::kSoft;
  merge.schema.cursor.reset();
  golden->Add("matches, no cursor", CreateMatchesSql(merge, {{false, false}}));
  golden->Add("insert winners, soft delete", InsertWinnersSql(merge, Remaining::kUnbeaten));
  golden->Add("has deleted", HasDeletedSql(table, schema, CdcDeleteMode::kHard));
  golden->Add("dedupe", DedupeSql(table, schema, CdcDeleteMode::kHard));
  TableSchema plain = schema;
  plain.cursor.reset();
  golden->Add("dedupe, no cursor", DedupeSql(table, plain, CdcDeleteMode::kSoft));
}

void AddPlacedMerge(const TableName& table, const TableName& temp, const TableSchema& schema,
                    Golden* golden) {
  PlacedMerge placed;
  placed.merge.source = temp;
  placed.merge.target = table;
  placed.merge.schema = schema;
  placed.merge.winners = Winners::kInSource;
  placed.column = schema.primary_key.front();
  const NullPattern nulls(schema.primary_key.size(), false);
  golden->Add("placed: patterns", PlacedPatternsSql(temp, schema));
  golden->Add("placed: delete beaten", DeletePlacedSql(placed, nulls, /*deletions=*/false));
  golden->Add("placed: delete by CDC", DeletePlacedSql(placed, nulls, /*deletions=*/true));
  golden->Add("placed: update beaten", UpdatePlacedSql(placed, nulls));
  golden->Add("placed: insert winners", InsertPlacedSql(placed, nulls));
  golden->Add("placed: raise generations", RaisePlacedSql(placed, nulls));
  golden->Add("placed: dedupe", DedupePlacedSql(temp, schema, CdcDeleteMode::kHard, placed.column));
  EXPECT_TRUE(HasDeletions(placed.merge));
  placed.merge.mode = CdcDeleteMode::kSoft;
  EXPECT_FALSE(HasDeletions(placed.merge));
}

TEST(SqlGeneratorTest, StatementsMatchTheGoldenFile) {
  const TableName table = {"public", "Orders"};
  const TableName temp = {"public", "Orders_temp"};
  Golden golden;
  AddTables(table, temp, Sample(), &golden);
  AddEvolution(table, Sample(), &golden);
  AddUpsert(table, temp, Sample(), &golden);
  AddPlacedMerge(table, temp, Sample(), &golden);
  const std::string path = absl::StrCat(SYNCLINE_SOURCE_DIR, "/tests/golden/sql.txt");
  if (std::getenv("SYNCLINE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << golden.text();
  EXPECT_EQ(golden.text(), ReadFile(path).value_or(""));
}

}  // namespace
}  // namespace syncline::postgres
