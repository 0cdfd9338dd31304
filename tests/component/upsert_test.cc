// The upsert beyond the guide's cases (table_operations_test.cc has those): keys, cursors, ties,
// deletions, rows that are not rewritten.
#include "server/postgres/table/upsert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/postgres/table/table_operations.h"
#include "tests/component/table_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::Transaction;
using postgres::UpsertCounts;
using postgres::UpsertOptions;
using ::syncline::CdcDeleteMode;
using ::testing::ElementsAre;

class UpsertTest : public TableFixture {
 protected:
  UpsertCounts Upsert(const TableSchema& schema, const UpsertOptions& options = {}) {
    UpsertCounts counts;
    EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(
          counts, postgres::UpsertTable(transaction, source(), target(), schema, options));
      return absl::OkStatus();
    }));
    return counts;
  }

  void CreateBoth(const TableSchema& schema) {
    Create(source(), schema);
    Create(target(), schema);
  }

  // The raw ids in the target, in byte order.
  std::vector<std::string> Winners() { return RawIds("target"); }
  std::vector<std::string> RawIds(const std::string& table) {
    std::vector<std::string> ids;
    for (const std::vector<std::string>& row :
         QueryText(absl::StrCat("SELECT _airbyte_raw_id FROM ", Table(table),
                                " ORDER BY _airbyte_raw_id COLLATE \"C\""))) {
      ids.push_back(row[0]);
    }
    return ids;
  }

  TableName source() const { return Name("source"); }
  TableName target() const { return Name("target"); }
};

TableSchema IdAndCursor() {
  return MakeSchema({{"id", ColumnType::kBigint}, {"at", ColumnType::kBigint}}, {"id"}, "at");
}

// A record of IdAndCursor. An empty cursor is null.
Record At(const std::string& id, const std::string& cursor, const std::string& raw_id,
          const std::string& extracted_at = "2025-01-23") {
  Record record = {{}, extracted_at, raw_id};
  if (!id.empty()) record.values["id"] = id;
  if (!cursor.empty()) record.values["at"] = cursor;
  return record;
}

TEST_F(UpsertTest, NeedsAPrimaryKey) {
  const TableSchema schema = MakeSchema({{"id", ColumnType::kBigint}});
  CreateBoth(schema);
  EXPECT_THAT(Transact([&](Transaction& transaction) {
                return postgres::UpsertTable(transaction, source(), target(), schema, {}).status();
              }),
              StatusIs(absl::StatusCode::kInvalidArgument, "MISSING_PK"));
}

TEST_F(UpsertTest, TiesAreBrokenByArrivalOrder) {
  CreateBoth(IdAndCursor());
  Insert(source(), IdAndCursor(),
         {At("1", "5", "a2"), At("1", "5", "a10"), At("1", "5", "B3"), At("2", "5", "x1"),
          At("2", "5", "x3"), At("2", "5", "x2")});
  Upsert(IdAndCursor());
  EXPECT_THAT(Winners(), ElementsAre("a2", "x3")) << "byte order: B3 < a10 < a2";
}

TEST_F(UpsertTest, IdenticalRowsAreDeduplicated) {
  const TableSchema schema = MakeSchema(
      {{"id", ColumnType::kBigint}, {"at", ColumnType::kBigint}, {"text", ColumnType::kVarchar}},
      {"id"}, "at");
  CreateBoth(schema);
  Record first = At("1", "5", "same");
  first.values["text"] = "first";
  Record last = first;
  last.values["text"] = "last";
  Insert(source(), schema, {first, first, last});
  Upsert(schema);
  EXPECT_THAT(Read(target(), schema), ElementsAre(Row{{"id", "1"}, {"at", "5"}, {"text", "last"}}));
}

TEST_F(UpsertTest, RepeatedUpsertChangesNothing) {
  CreateBoth(IdAndCursor());
  Insert(source(), IdAndCursor(), {At("1", "5", "a"), At("2", "", "b"), At("", "1", "c")});
  EXPECT_EQ(Upsert(IdAndCursor()).written, 3);
  const auto before = Writers(target(), "id");
  const UpsertCounts again = Upsert(IdAndCursor());
  EXPECT_EQ(again.written, 0);
  EXPECT_EQ(again.removed, 0);
  EXPECT_EQ(Writers(target(), "id"), before);
}

TEST_F(UpsertTest, StoredRowsThatWinAreNotRewritten) {
  CreateBoth(IdAndCursor());
  Insert(target(), IdAndCursor(),
         {At("1", "5", "1"), At("2", "5", "2"), At("3", "5", "3"), At("4", "5", "4")});
  Insert(source(), IdAndCursor(),
         {At("2", "6", "2 newer"), At("3", "5", "3 equal"), At("4", "4", "4 older", "2026-01-01")});
  const auto before = Writers(target(), "id");
  const UpsertCounts counts = Upsert(IdAndCursor());
  EXPECT_EQ(counts.written, 1);
  EXPECT_EQ(counts.removed, 1);
  const auto after = Writers(target(), "id");
  EXPECT_EQ(after.at("1"), before.at("1"));
  EXPECT_NE(after.at("2"), before.at("2"));
  EXPECT_EQ(after.at("3"), before.at("3"));
  EXPECT_EQ(after.at("4"), before.at("4"));
}

TEST_F(UpsertTest, NullCursorLosesToAnyValue) {
  CreateBoth(IdAndCursor());
  Insert(target(), IdAndCursor(),
         {At("1", "5", "1 old"), At("2", "", "2 old"), At("3", "", "3 old"), At("4", "", "4 old")});
  Insert(source(), IdAndCursor(),
         {At("1", "", "1 new", "2026-01-01"), At("2", "-9", "2 new", "2020-01-01"),
          At("3", "", "3 new", "2026-01-01"), At("4", "", "4 new", "2020-01-01"),
          At("5", "", "5 null", "2026-01-01"), At("5", "-9", "5 value", "2020-01-01")});
  Upsert(IdAndCursor());
  EXPECT_THAT(Winners(), ElementsAre("1 old", "2 new", "3 new", "4 old", "5 value"));
}

TEST_F(UpsertTest, ExtractedAtDecidesWithoutCursor) {
  const TableSchema schema = MakeSchema({{"id", ColumnType::kBigint}}, {"id"});
  CreateBoth(schema);
  Insert(target(), schema,
         {At("1", "", "1 old", "2025-01-22"), At("2", "", "2 old", "2025-01-24"),
          At("3", "", "3 old", "2025-01-23")});
  Insert(source(), schema,
         {At("1", "", "1 new"), At("2", "", "2 new"), At("3", "", "3 new"),
          At("4", "", "4 later", "2025-01-24"), At("4", "", "4 earlier", "2025-01-21")});
  Upsert(schema);
  EXPECT_THAT(Winners(), ElementsAre("1 new", "2 old", "3 old", "4 later"));
}

TEST_F(UpsertTest, TextCursorsCompareByteByByte) {
  const TableSchema schema =
      MakeSchema({{"id", ColumnType::kBigint}, {"at", ColumnType::kVarchar}}, {"id"}, "at");
  CreateBoth(schema);
  Insert(target(), schema, {At("1", "B", "1 old"), At("2", "a", "2 old")});
  Insert(source(), schema,
         {At("1", "a", "1 new"), At("2", "B", "2 new"), At("3", "a", "3 a"),
          At("3", "Z", "3 Z", "2026-01-01")});
  Upsert(schema);
  EXPECT_THAT(Winners(), ElementsAre("1 new", "2 old", "3 a"));
}

TEST_F(UpsertTest, CompositeAndTextKeys) {
  const TableSchema schema = MakeSchema({{"id", ColumnType::kVarchar},
                                         {"part", ColumnType::kNumeric},
                                         {"at", ColumnType::kTimestamptz}},
                                        {"id", "part"}, "at");
  CreateBoth(schema);
  const auto record = [](const std::string& id, const std::string& part, const std::string& raw) {
    const std::string at = absl::StrContains(raw, "new") ? "2025-02-02" : "2025-01-01";
    return Record{{{"id", id}, {"part", part}, {"at", at}}, "2025-01-23", raw};
  };
  Insert(target(), schema,
         {record("a", "1", "a1 old"), record("a", "2", "a2 old"), record("A", "1", "A1 old"),
          record("", "1", "empty old"), record("a b", "1", "ab old")});
  Insert(source(), schema,
         {record("a", "1.0", "a1 new"), record("A", "1", "A1 new"), record("", "1", "empty new"),
          record("b", "1", "b1 new")});
  Upsert(schema);
  EXPECT_THAT(Winners(),
              ElementsAre("A1 new", "a1 new", "a2 old", "ab old", "b1 new", "empty new"));
}

TEST_F(UpsertTest, KeysCompareNullSafely) {
  const TableSchema schema = MakeSchema(
      {{"id", ColumnType::kBigint}, {"b", ColumnType::kVarchar}, {"at", ColumnType::kBigint}},
      {"id", "b"}, "at");
  CreateBoth(schema);
  const auto record = [](const std::string& id, const std::string& b, const std::string& at,
                         const std::string& raw) {
    Record made = At(id, at, raw);
    if (!b.empty()) made.values["b"] = b;
    return made;
  };
  Insert(target(), schema,
         {record("1", "x", "1", "1x old"), record("1", "", "1", "1- old"),
          record("", "x", "1", "-x old"), record("", "", "1", "-- old"),
          record("2", "", "9", "2- old"), record("3", "x", "1", "3x old")});
  Insert(source(), schema,
         {record("1", "x", "2", "1x new"), record("1", "", "2", "1- new"),
          record("1", "", "2", "1- also"), record("", "x", "2", "-x new"),
          record("", "", "2", "-- new"), record("2", "", "2", "2- new"),
          record("3", "", "2", "3- new")});
  const UpsertCounts counts = Upsert(schema);
  EXPECT_THAT(Winners(),
              ElementsAre("-- new", "-x new", "1- new", "1x new", "2- old", "3- new", "3x old"));
  EXPECT_EQ(counts.written, 5);
  EXPECT_EQ(counts.removed, 4);
}

TEST_F(UpsertTest, ChangingTheKeyKeepsOldRows) {
  TableSchema schema = MakeSchema(
      {{"id", ColumnType::kBigint}, {"b", ColumnType::kBigint}, {"at", ColumnType::kBigint}},
      {"id"}, "at");
  CreateBoth(schema);
  const auto record = [](const std::string& id, const std::string& b, const std::string& at,
                         const std::string& raw) {
    Record made = At(id, at, raw);
    made.values["b"] = b;
    return made;
  };
  Insert(source(), schema,
         {record("1", "7", "1", "1"), record("2", "7", "2", "2"), record("3", "8", "3", "3"),
          record("4", "8", "5", "4")});
  Upsert(schema);
  Execute(absl::StrCat("DELETE FROM ", Table("source")));
  schema.primary_key = {"b"};
  Insert(source(), schema,
         {record("5", "7", "3", "5"), record("6", "8", "4", "6"), record("7", "9", "1", "7")});
  Upsert(schema);
  EXPECT_THAT(Winners(), ElementsAre("4", "5", "7"))
      << "a record for a key leaves only the newest row of that key";
  schema.primary_key = {"id", "b"};
  Upsert(schema);
  EXPECT_THAT(Winners(), ElementsAre("4", "5", "6", "7"));
}

TEST_F(UpsertTest, ChangingTheKeyKeepsUntouchedRows) {
  TableSchema schema =
      MakeSchema({{"id", ColumnType::kBigint}, {"b", ColumnType::kBigint}}, {"id"});
  CreateBoth(schema);
  Insert(target(), schema,
         {{{{"id", "1"}, {"b", "7"}}, "2025-01-23", "1"},
          {{{"id", "2"}, {"b", "7"}}, "2025-01-23", "2"}});
  schema.primary_key = {"b"};
  Insert(source(), schema, {{{{"id", "1"}, {"b", "8"}}, "2025-01-23", "3"}});
  Upsert(schema);
  EXPECT_THAT(Winners(), ElementsAre("1", "2", "3"));
}

TEST_F(UpsertTest, ChangingTheCursorComparesByNewCursor) {
  TableSchema schema = MakeSchema(
      {{"id", ColumnType::kBigint}, {"at", ColumnType::kBigint}, {"seen", ColumnType::kDate}},
      {"id"}, "seen");
  CreateBoth(schema);
  Insert(target(), schema, {At("1", "9", "1 old"), At("2", "1", "2 old")});
  Record lower = At("1", "5", "1 new");
  lower.values["seen"] = "2025-01-01";
  Record null_seen = At("2", "5", "2 new", "2025-01-22");
  Insert(source(), schema, {lower, null_seen});
  Upsert(schema);
  EXPECT_THAT(Winners(), ElementsAre("1 new", "2 old"));
}

TableSchema CdcSchema(ColumnType deleted_type = ColumnType::kTimestamptz) {
  TableSchema schema = MakeSchema({{"id", ColumnType::kBigint},
                                   {"at", ColumnType::kBigint},
                                   {kCdcDeletedAtField, deleted_type}},
                                  {"id"}, "at");
  schema.columns[2].column_name = "deleted_mapped";
  return schema;
}

Record DeletedAt(const std::string& id, const std::string& cursor, const std::string& raw_id) {
  Record record = At(id, cursor, raw_id);
  record.values[kCdcDeletedAtField] = "2020-01-01";
  return record;
}

TEST_F(UpsertTest, HardDelete) {
  CreateBoth(CdcSchema());
  Insert(
      target(), CdcSchema(),
      {At("1", "5", "1 old"), At("2", "5", "2 old"), At("3", "5", "3 old"), At("4", "5", "4 old")});
  Insert(source(), CdcSchema(),
         {DeletedAt("1", "6", "1 newer deletion"), DeletedAt("2", "4", "2 older deletion"),
          DeletedAt("3", "6", "3 deletion"), At("3", "7", "3 back again"), At("4", "6", "4 change"),
          DeletedAt("4", "7", "4 deletion"), DeletedAt("5", "1", "5 unknown key")});
  const UpsertCounts counts = Upsert(CdcSchema());
  EXPECT_THAT(Winners(), ElementsAre("2 old", "3 back again"));
  EXPECT_EQ(counts.written, 1);
  EXPECT_EQ(counts.removed, 3);
}

TEST_F(UpsertTest, KeysThatWereSentGetTheGeneration) {
  const auto in_generation = [](int64_t generation, Record record) {
    record.generation_id = generation;
    return record;
  };
  CreateBoth(CdcSchema());
  Insert(target(), CdcSchema(),
         {At("1", "5", "1"), At("2", "5", "2"), At("3", "5", "3"), At("4", "5", "4"),
          At("5", "5", "5"), At("6", "5", "6 old"), At("", "5", "null"), At("7", "5", "7")});
  Insert(
      source(), CdcSchema(),
      {in_generation(2, At("1", "4", "1 older")), in_generation(2, DeletedAt("2", "4", "2 gone")),
       in_generation(2, At("3", "3", "3 older")), in_generation(2, DeletedAt("3", "4", "3 gone")),
       in_generation(2, DeletedAt("4", "3", "4 gone")), in_generation(2, At("4", "4", "4 back")),
       At("5", "4", "5 of generation 1"), At("6", "7", "6 of generation 1"),
       in_generation(2, At("6", "6", "6 older")), in_generation(2, At("", "4", "null older"))});
  UpsertOptions options;
  options.marking_generation = 2;
  const UpsertCounts counts = Upsert(CdcSchema(), options);
  EXPECT_EQ(counts.written, 1);
  EXPECT_EQ(counts.raised, 4);
  EXPECT_EQ(QueryText(absl::StrCat("SELECT _airbyte_raw_id, _airbyte_generation_id FROM ",
                                   Table("target"), " ORDER BY id")),
            (std::vector<std::vector<std::string>>{{"1", "2"},
                                                   {"2", "1"},
                                                   {"3", "1"},
                                                   {"4", "2"},
                                                   {"5", "1"},
                                                   {"6 of generation 1", "2"},
                                                   {"7", "1"},
                                                   {"null", "2"}}));
  EXPECT_EQ(Upsert(CdcSchema(), options).raised, 0);
}

TEST_F(UpsertTest, SoftDeleteKeepsTheRow) {
  CreateBoth(CdcSchema());
  Insert(target(), CdcSchema(), {At("1", "5", "1 old"), At("2", "5", "2 old")});
  Insert(source(), CdcSchema(),
         {DeletedAt("1", "6", "1 deletion"), DeletedAt("2", "4", "2 older deletion"),
          DeletedAt("3", "1", "3 unknown key")});
  UpsertOptions options;
  options.cdc_delete_mode = CdcDeleteMode::kSoft;
  Upsert(CdcSchema(), options);
  EXPECT_THAT(Winners(), ElementsAre("1 deletion", "2 old", "3 unknown key"));
}

TEST_F(UpsertTest, DeletionsOfKeysWithNulls) {
  CreateBoth(CdcSchema());
  Insert(target(), CdcSchema(), {At("", "5", "null old"), At("1", "5", "1 old")});
  Insert(source(), CdcSchema(), {DeletedAt("", "6", "null deletion")});
  Upsert(CdcSchema());
  EXPECT_THAT(Winners(), ElementsAre("1 old"));
}

TEST_F(UpsertTest, TriggersSeeUpdatesAndForeignKeysHold) {
  CreateBoth(CdcSchema());
  Insert(target(), CdcSchema(),
         {At("1", "5", "1 old"), At("2", "5", "2 old"), At("3", "5", "3 old")});
  Execute(absl::StrCat("ALTER TABLE ", Table("target"), " ADD PRIMARY KEY (id); CREATE TABLE ",
                       Table("child"), " (id bigint REFERENCES ", Table("target"),
                       " ON DELETE CASCADE); INSERT INTO ", Table("child"),
                       " VALUES (1), (2), (3)"));
  Insert(source(), CdcSchema(),
         {At("1", "6", "1 new"), At("2", "4", "2 older"), DeletedAt("3", "6", "3 deletion"),
          At("4", "1", "4 new")});
  const UpsertCounts counts = Upsert(CdcSchema());
  EXPECT_THAT(Winners(), ElementsAre("1 new", "2 old", "4 new"));
  EXPECT_EQ(counts.written, 2);
  EXPECT_EQ(counts.removed, 2);
  EXPECT_EQ(QueryText(absl::StrCat("SELECT id FROM ", Table("child"), " ORDER BY id")),
            (std::vector<std::vector<std::string>>{{"1"}, {"2"}}))
      << "replacing a row is not a deletion";
}

TEST_F(UpsertTest, InPlaceMergeLeavesOneRowPerKey) {
  TableSchema schema = IdAndCursor();
  CreateBoth(schema);
  Execute(
      absl::StrCat("CREATE FUNCTION ", this->schema(), ".noop() RETURNS trigger LANGUAGE plpgsql",
                   " AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t AFTER INSERT ON ",
                   Table("target"), " FOR EACH ROW EXECUTE FUNCTION ", this->schema(), ".noop()"));
  Insert(target(), schema,
         {At("1", "5", "1a"), At("1", "6", "1b"), At("2", "5", "2a"), At("2", "9", "2b")});
  Insert(source(), schema, {At("1", "7", "1 new"), At("2", "8", "2 new")});
  Upsert(schema);
  EXPECT_THAT(Winners(), ElementsAre("1 new", "2b"));
}

TEST_F(UpsertTest, SeveralUpsertsFitIntoOneTransaction) {
  CreateBoth(IdAndCursor());
  Insert(source(), IdAndCursor(), {At("1", "5", "a")});
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    for (int i = 0; i < 2; ++i) {
      SYNCLINE_RETURN_IF_ERROR(
          postgres::UpsertTable(transaction, source(), target(), IdAndCursor(), {}).status());
    }
    return absl::OkStatus();
  }));
  EXPECT_THAT(Winners(), ElementsAre("a"));
}

TEST_F(UpsertTest, FewRowsAreFoundByIndex) {
  CreateBoth(IdAndCursor());
  Execute(absl::StrCat("INSERT INTO ", Table("source"),
                       " SELECT 'raw ' || i, '2025-01-23', '{}', 1, i, 1 FROM "
                       "generate_series(1, 20000) i"));
  EXPECT_EQ(Upsert(IdAndCursor()).written, 20'000);
  EXPECT_OK(Transact([&](Transaction& transaction) {
    return key_indexes().Ensure(transaction, target(), IdAndCursor());
  }));
  Execute(absl::StrCat("TRUNCATE ", Table("source")));
  Insert(source(), IdAndCursor(),
         {At("77", "2", "77 new"), At("19999", "2", "19999 new"), At("20001", "2", "20001 new")});
  const auto scanned = [&](Transaction& transaction) -> absl::StatusOr<int64_t> {
    SYNCLINE_ASSIGN_OR_RETURN(
        const postgres::Result scans,
        transaction.Query("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relid = "
                          "$1::regclass",
                          postgres::Params().Text(Table("target"))));
    return scans.Int(0, 0);
  };
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t before, scanned(transaction));
    SYNCLINE_RETURN_IF_ERROR(
        postgres::UpsertTable(transaction, source(), target(), IdAndCursor(), {}).status());
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t after, scanned(transaction));
    EXPECT_EQ(after, before) << "rows were read by a scan of the whole table";
    return absl::OkStatus();
  }));
  EXPECT_EQ(Count(target()), 20'001);
}

// What an upsert reads of a table.
struct Reads {
  int64_t searches = 0;  // of its indexes
  int64_t rows = 0;      // that scans of the whole table have read
};

class OrderedUpsertTest : public UpsertTest {
 protected:
  // Creates a target with the keys 1 to 20,000 in order, its index and its statistics.
  void SetUp() override {
    UpsertTest::SetUp();
    CreateBoth(IdAndCursor());
    Stage("generate_series(1, 20000) i", "i", "1");
    EXPECT_EQ(Upsert(IdAndCursor()).written, 20'000);
    EXPECT_OK(Transact([&](Transaction& transaction) {
      return key_indexes().Ensure(transaction, target(), IdAndCursor());
    }));
  }

  void Stage(const std::string& rows, const std::string& key, const std::string& cursor) {
    Execute(absl::StrCat("TRUNCATE ", Table("source"), "; INSERT INTO ", Table("source"),
                         " SELECT 'raw ' || i, '2025-01-23', '{}', 1, ", key, ", ", cursor,
                         " FROM ", rows));
  }

  // Returns what the upsert reads of the target.
  Reads UpsertAndCountReads() {
    Reads before;
    Reads after;
    EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(before, ReadStatistics(transaction));
      SYNCLINE_RETURN_IF_ERROR(
          postgres::UpsertTable(transaction, source(), target(), IdAndCursor(), {}).status());
      SYNCLINE_ASSIGN_OR_RETURN(after, ReadStatistics(transaction));
      return absl::OkStatus();
    }));
    return {after.searches - before.searches, after.rows - before.rows};
  }

  absl::StatusOr<Reads> ReadStatistics(Transaction& transaction) {
    SYNCLINE_ASSIGN_OR_RETURN(
        const postgres::Result rows,
        transaction.Query("SELECT coalesce(idx_scan, 0), seq_tup_read FROM "
                          "pg_stat_xact_user_tables WHERE relid = $1::regclass",
                          postgres::Params().Text(Table("target"))));
    return Reads{rows.Int(0, 0), rows.Int(0, 1)};
  }

  // Returns how many rows of the target have the cursor.
  int64_t CountWithCursor(int cursor) {
    return std::stoll(
        QueryValue(absl::StrCat("SELECT count(*) FROM ", Table("target"), " WHERE at = ", cursor)));
  }
};

TEST_F(OrderedUpsertTest, OneStatementFindsAndDeletes) {
  Stage("generate_series(5, 20000, 5) i", "i", "2");
  const Reads reads = UpsertAndCountReads();
  EXPECT_EQ(reads.searches, 4'000);
  EXPECT_EQ(reads.rows, 0);
  EXPECT_EQ(Count(target()), 20'000);
  EXPECT_EQ(CountWithCursor(2), 4'000);
}

TEST_F(OrderedUpsertTest, StoredRowThatWinsStays) {
  Execute(absl::StrCat("UPDATE ", Table("target"), " SET at = 3 WHERE id = 10000; ANALYZE ",
                       Table("target")));
  Stage("generate_series(5, 20000, 5) i", "i", "2");
  UpsertAndCountReads();
  EXPECT_EQ(Count(target()), 20'000);
  EXPECT_EQ(CountWithCursor(2), 3'999);
  EXPECT_EQ(CountWithCursor(3), 1);
}

TEST_F(OrderedUpsertTest, OtherwiseTheTargetIsReadInItsOwnOrder) {
  Stage("generate_series(5, 20000, 5) i ORDER BY md5(i::text)", "i", "2");
  EXPECT_GT(UpsertAndCountReads().rows, 0) << "the source is not in order";
  Stage("generate_series(5, 20000, 1) i", "i", "3");
  EXPECT_GT(UpsertAndCountReads().rows, 0) << "most rows are staged";
  EXPECT_EQ(CountWithCursor(3), 19'996);
  Stage("generate_series(5, 20000, 5) i", "i", "4");
  Execute(absl::StrCat("ANALYZE ", Table("target"),
                       "; DO $$ BEGIN EXECUTE (SELECT 'DROP INDEX ' "
                       "|| indexrelid::regclass FROM pg_index WHERE indrelid = '",
                       Table("target"), "'::regclass); END $$; CREATE INDEX ON ", Table("target"),
                       " (id) WHERE id > 0"));
  EXPECT_GT(UpsertAndCountReads().rows, 0) << "the index is partial";
  EXPECT_EQ(Count(target()), 20'000);
  EXPECT_EQ(CountWithCursor(4), 4'000);
}

TEST_F(UpsertTest, DedupeKeepsTheNewestOfEachKey) {
  Create(source(), CdcSchema());
  Insert(source(), CdcSchema(),
         {At("1", "5", "1a"), At("1", "6", "1b"), At("1", "", "1c", "2026-01-01"),
          At("2", "1", "2a"), At("", "1", "null a"), At("", "1", "null b"), At("3", "1", "3a"),
          DeletedAt("3", "2", "3 deletion"), DeletedAt("4", "1", "4 deletion"),
          At("4", "2", "4 back")});
  int64_t removed = 0;
  UpsertOptions soft;
  soft.cdc_delete_mode = CdcDeleteMode::kSoft;
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(removed,
                              postgres::DedupeTable(transaction, source(), CdcSchema(), soft));
    return absl::OkStatus();
  }));
  EXPECT_EQ(removed, 5);
  EXPECT_THAT(RawIds("source"), ElementsAre("1b", "2a", "3 deletion", "4 back", "null b"));
  EXPECT_OK(Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(removed,
                              postgres::DedupeTable(transaction, source(), CdcSchema(), {}));
    return absl::OkStatus();
  }));
  EXPECT_EQ(removed, 1);
  EXPECT_THAT(RawIds("source"), ElementsAre("1b", "2a", "4 back", "null b"));
}

}  // namespace
}  // namespace syncline::testing
