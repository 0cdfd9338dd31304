// Merges into tables that the user changed, with the user's columns, collations, keys and unique
// indexes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "server/postgres/table/upsert.h"
#include "tests/component/table_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::RowChanges;
using postgres::Transaction;
using postgres::UpsertCounts;
using ::testing::HasSubstr;

TableSchema KeyAndValue() {
  return MakeSchema({{"id", ColumnType::kBigint},
                     {"code", ColumnType::kVarchar},
                     {kCdcDeletedAtField, ColumnType::kTimestamptz}},
                    {"id"});
}

class MergeTargetTest : public TableFixture {
 protected:
  // Returns the changes that CountUpsert foretells, after the upsert has made as many.
  absl::StatusOr<RowChanges> TryUpsert(const TableSchema& schema) {
    UpsertCounts counts;
    RowChanges foretold;
    SYNCLINE_RETURN_IF_ERROR(Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(
          foretold, postgres::CountUpsert(transaction, Name("source"), Name("target"), schema, {}));
      SYNCLINE_ASSIGN_OR_RETURN(
          counts, postgres::UpsertTable(transaction, Name("source"), Name("target"), schema, {}));
      return absl::OkStatus();
    }));
    EXPECT_EQ(foretold.inserted + foretold.updated, counts.written);
    EXPECT_EQ(foretold.updated + foretold.deleted, counts.removed);
    return foretold;
  }

  void CreateBoth(const TableSchema& schema) {
    Create(Name("source"), schema);
    Create(Name("target"), schema);
  }

  // Fills a table of KeyAndValue. The code "-" marks the key as deleted.
  void Fill(const std::string& table, const std::map<int, std::string>& codes, int day) {
    std::vector<Record> records;
    for (const auto& [id, code] : codes) {
      Record& record = records.emplace_back();
      record.values["id"] = absl::StrCat(id);
      if (code != "-") record.values["code"] = code;
      if (code == "-") record.values[kCdcDeletedAtField] = "2025-01-01";
      record.extracted_at = absl::StrCat("2025-02-0", day);
    }
    Insert(Name(table), KeyAndValue(), records);
  }

  void AddTrigger() {
    Execute(absl::StrCat("CREATE FUNCTION ", schema(), ".noop() RETURNS trigger LANGUAGE plpgsql ",
                         "AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t AFTER UPDATE ON ",
                         Table("target"), " FOR EACH ROW EXECUTE FUNCTION ", schema(), ".noop()"));
  }

  // Returns "1=a 2=b", with the text that `more` adds to each row.
  std::string Rows(const std::string& more = "") {
    return QueryValue(absl::StrCat("SELECT string_agg(id || '=' || coalesce(code, '')", more,
                                   ", ' ' ORDER BY id) FROM ", Table("target")));
  }
};

TEST_F(MergeTargetTest, UserColumnsKeepTheirValues) {
  CreateBoth(KeyAndValue());
  Fill("target", {{1, "a"}, {2, "b"}, {3, "c"}}, 1);
  Execute(absl::StrCat("ALTER TABLE ", Table("target"),
                       " ADD note text NOT NULL DEFAULT 'none',"
                       " ADD serial bigint GENERATED ALWAYS AS IDENTITY,"
                       " ADD upper text GENERATED ALWAYS AS (upper(code)) STORED;"
                       " UPDATE ",
                       Table("target"), " SET note = 'note of ' || id"));
  const std::string before = Rows(" || note || serial");
  Fill("source", {{1, "x"}, {2, "b"}, {3, "-"}, {4, "new"}}, 2);
  ASSERT_OK_AND_ASSIGN(const RowChanges counts, TryUpsert(KeyAndValue()));
  EXPECT_EQ(counts.inserted, 1);
  EXPECT_EQ(counts.updated, 2);
  EXPECT_EQ(counts.deleted, 1);
  EXPECT_EQ(before, "1=anote of 11 2=bnote of 22 3=cnote of 33");
  EXPECT_EQ(Rows(" || note || serial || upper"), "1=xnote of 11X 2=bnote of 22B 4=newnone4NEW");
}

// Rows of different partitions or children have the same place.
TEST_F(MergeTargetTest, PartitionsAndChildren) {
  Create(Name("source"), KeyAndValue());
  Fill("source", {{1, "x"}, {3, "new"}, {11, "-"}, {12, "y"}, {13, "new"}}, 2);
  for (const std::string target :
       {"CREATE TABLE $T (LIKE $S) PARTITION BY RANGE (id); CREATE TABLE $L PARTITION OF $T FOR "
        "VALUES FROM (0) TO (10); CREATE TABLE $H PARTITION OF $T DEFAULT",
        "CREATE TABLE $T (LIKE $S); CREATE TABLE $H () INHERITS ($T)"}) {
    Execute(absl::StrReplaceAll(target, {{"$T", Table("target")},
                                         {"$L", Table("target_low")},
                                         {"$H", Table("target_high")},
                                         {"$S", Table("source")}}));
    Fill("target", {{1, "a"}, {2, "b"}}, 1);
    Fill("target_high", {{11, "c"}, {12, "d"}}, 1);
    ASSERT_OK_AND_ASSIGN(const RowChanges counts, TryUpsert(KeyAndValue()));
    EXPECT_EQ(counts.inserted, 2);
    EXPECT_EQ(counts.updated, 2);
    EXPECT_EQ(counts.deleted, 1);
    EXPECT_EQ(Rows(), "1=x 2=b 3=new 12=y 13=new");
    Execute(absl::StrCat("DROP TABLE ", Table("target"), " CASCADE"));
  }
}

TEST_F(MergeTargetTest, UndeclaredColumnKeepsItsValues) {
  CreateBoth(KeyAndValue());
  Fill("target", {{1, "a"}, {2, "b"}}, 1);
  const TableSchema narrow = MakeSchema({{"id", ColumnType::kBigint}}, {"id"});
  Execute(absl::StrCat("ALTER TABLE ", Table("source"), " DROP code"));
  for (const char* id : {"1", "1", "3"}) {
    Insert(Name("source"), narrow, {{{{"id", id}}, "2025-02-03"}});
  }
  ASSERT_OK_AND_ASSIGN(const RowChanges counts, TryUpsert(narrow));
  EXPECT_EQ(counts.updated, 1);
  EXPECT_EQ(Rows(), "1=a 2=b 3=");
}

TEST_F(MergeTargetTest, StreamColumnsMayBeGenerated) {
  CreateBoth(KeyAndValue());
  Execute(absl::StrCat("ALTER TABLE ", Table("target"),
                       " DROP code, ADD code text GENERATED ALWAYS AS ('c' || id) STORED,"
                       " ALTER id SET NOT NULL, ALTER id ADD GENERATED ALWAYS AS IDENTITY"));
  Fill("source", {{1, "x"}, {2, "y"}}, 1);
  ASSERT_OK(TryUpsert(KeyAndValue()));
  EXPECT_EQ(Rows(), "1=c1 2=c2");
  AddTrigger();
  Execute(absl::StrCat("TRUNCATE ", Table("source")));
  Fill("source", {{2, "z"}, {3, "z"}}, 2);
  ASSERT_OK_AND_ASSIGN(const RowChanges counts, TryUpsert(KeyAndValue()));
  EXPECT_EQ(counts.updated, 1);
  EXPECT_EQ(Rows(), "1=c1 2=c2 3=c3");
}

// No UPDATE can set the column, which the user has made an identity.
TEST_F(MergeTargetTest, IdentityColumnGetsTheNewValue) {
  const TableSchema schema =
      MakeSchema({{"id", ColumnType::kBigint}, {"number", ColumnType::kBigint}}, {"id"});
  CreateBoth(schema);
  Insert(Name("target"), schema, {{{{"id", "1"}, {"number", "5"}}, "2025-01-02"}});
  Execute(absl::StrCat("ALTER TABLE ", Table("target"),
                       " ADD note text DEFAULT 'kept', ALTER number SET NOT NULL,"
                       " ALTER number ADD GENERATED ALWAYS AS IDENTITY"));
  Insert(Name("source"), schema, {{{{"id", "1"}, {"number", "7"}}, "2025-02-03"}});
  ASSERT_OK_AND_ASSIGN(const RowChanges counts, TryUpsert(schema));
  EXPECT_EQ(counts.updated, 1);
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT number || note FROM ", Table("target"))), "7kept");
}

// Rows that triggers or foreign keys observe can be updated only.
TEST_F(MergeTargetTest, ObservedIdentityColumnIsNotKeptSilently) {
  const TableSchema schema =
      MakeSchema({{"id", ColumnType::kBigint}, {"number", ColumnType::kBigint}}, {"id"});
  CreateBoth(schema);
  Insert(Name("target"), schema,
         {{{{"id", "1"}, {"number", "5"}}, "2025-01-02"},
          {{{"id", "2"}, {"number", "6"}}, "2025-01-02"}});
  Execute(absl::StrCat("ALTER TABLE ", Table("target"),
                       " ADD PRIMARY KEY (id), ALTER number SET NOT NULL,"
                       " ALTER number ADD GENERATED ALWAYS AS IDENTITY; CREATE TABLE ",
                       Table("child"), " (id bigint REFERENCES ", Table("target"), ")"));
  Insert(Name("source"), schema,
         {{{{"id", "1"}, {"number", "5"}}, "2025-02-03"},
          {{{"id", "3"}, {"number", "8"}}, "2025-02-03"}});
  EXPECT_OK(TryUpsert(schema).status());
  const std::string rows = absl::StrCat(
      "SELECT string_agg(id || '=' || number, ' ' ORDER BY id) FROM ", Table("target"));
  EXPECT_EQ(QueryValue(rows), "1=5 2=6 3=8");
  Insert(Name("source"), schema, {{{{"id", "2"}, {"number", "7"}}, "2025-02-03"}});
  const absl::Status refused = TryUpsert(schema).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("(number)"));
  EXPECT_EQ(QueryValue(rows), "1=5 2=6 3=8");
  Execute(absl::StrCat("ALTER TABLE ", Table("target"), " ALTER number SET GENERATED BY DEFAULT"));
  EXPECT_OK(TryUpsert(schema).status());
  EXPECT_EQ(QueryValue(rows), "1=5 2=7 3=8");
}

// The user's objects on the table while its rows exchange unique values.
struct Exchange {
  std::string name;
  std::string index;  // statements over $T
  bool watched = false;
  bool other_column = false;
  bool referenced = false;
};

class ExchangeTest : public MergeTargetTest, public ::testing::WithParamInterface<Exchange> {};

TEST_P(ExchangeTest, RowsMayExchangeUniqueValues) {
  CreateBoth(KeyAndValue());
  Fill("target", {{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}, {5, "e"}}, 1);
  std::string index = GetParam().index;
  while (index.find("$T") != std::string::npos) {
    index.replace(index.find("$T"), 2, Table("target"));
  }
  Execute(index);
  if (GetParam().watched) AddTrigger();
  if (GetParam().other_column) {
    Execute(absl::StrCat("ALTER TABLE ", Table("target"), " ADD note text; UPDATE ",
                         Table("target"), " SET note = id"));
  }
  if (GetParam().referenced) {
    Execute(absl::StrCat("ALTER TABLE ", Table("target"), " ADD PRIMARY KEY (id); CREATE TABLE ",
                         Table("child"), " (id bigint REFERENCES ", Table("target"),
                         " ON DELETE CASCADE); INSERT INTO ", Table("child"),
                         " VALUES (1), (2), (3)"));
  }
  // An exchange of two values, a chain, a value of a deleted key, and one for a new key.
  Fill("source", {{1, "b"}, {2, "a"}, {3, "d"}, {4, "-"}, {5, "f"}, {6, "c"}, {7, "e"}}, 2);
  ASSERT_OK_AND_ASSIGN(const RowChanges counts, TryUpsert(KeyAndValue()));
  EXPECT_EQ(counts.inserted, 2);
  EXPECT_EQ(counts.updated, 4);
  EXPECT_EQ(counts.deleted, 1);
  EXPECT_EQ(Rows(), "1=b 2=a 3=d 5=f 6=c 7=e");
  if (GetParam().other_column) {
    EXPECT_EQ(Rows(" || coalesce(note, '')"), "1=b1 2=a2 3=d3 5=f5 6=c 7=e");
  }
  if (GetParam().referenced) {
    EXPECT_EQ(Count(Name("child")), 3);
  }
}

std::vector<Exchange> Exchanges() {
  const std::string plain = "CREATE UNIQUE INDEX u ON $T (code)";
  const std::string strict = plain + "; ALTER TABLE $T ALTER code SET NOT NULL";
  const std::string expression = "CREATE UNIQUE INDEX u ON $T (lower(code))";
  const std::string deferrable = "ALTER TABLE $T ADD UNIQUE (code) DEFERRABLE";
  return {{"Plain", plain},
          {"PlainNotNull", strict},
          {"Watched", plain, true},
          {"WatchedExpression", expression, true},
          {"OtherColumn", plain, false, true},
          {"OtherColumnNotNull", strict, false, true},
          {"WatchedOtherColumn", plain, true, true},
          {"Referenced", plain, false, false, true},
          {"Deferrable", deferrable, true, true, false}};
}

INSTANTIATE_TEST_SUITE_P(Tables, ExchangeTest, ::testing::ValuesIn(Exchanges()),
                         [](const auto& test) { return test.param.name; });

TEST_F(MergeTargetTest, ImpossibleExchangeNamesIndexAndRemedy) {
  CreateBoth(KeyAndValue());
  Fill("target", {{1, "a"}, {2, "b"}}, 1);
  Execute(absl::StrCat("CREATE UNIQUE INDEX only_once ON ", Table("target"),
                       " (code); ALTER TABLE ", Table("target"), " ALTER code SET NOT NULL"));
  AddTrigger();
  Fill("source", {{1, "b"}, {2, "a"}}, 2);
  const absl::Status status = TryUpsert(KeyAndValue()).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("only_once"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("DEFERRABLE"));
  EXPECT_EQ(Rows(), "1=a 2=b");
}

TEST_F(MergeTargetTest, ConflictWithUnmergedRowIsAnError) {
  CreateBoth(KeyAndValue());
  Fill("target", {{1, "a"}, {2, "b"}}, 1);
  Execute(absl::StrCat("CREATE UNIQUE INDEX only_once ON ", Table("target"), " (code)"));
  Fill("source", {{1, "b"}}, 2);
  const absl::Status status = TryUpsert(KeyAndValue()).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("only_once"));
}

// How keys compare in the table, and which form of the merge is used.
struct Equality {
  std::string name;
  std::string collation;  // of the key's text column; empty: the default
  bool watched = false;
  bool composite = false;
};

class KeyEqualityTest : public MergeTargetTest, public ::testing::WithParamInterface<Equality> {
 protected:
  std::string Draw(const std::vector<std::string>& of) {
    return of[std::uniform_int_distribution<size_t>(0, of.size() - 1)(random_)];
  }
  std::mt19937 random_{20251125};
};

TEST_P(KeyEqualityTest, KeepsNewestRowOfEachDistinctKey) {
  const Equality& c = GetParam();
  TableSchema schema =
      MakeSchema({{"k", ColumnType::kVarchar}, {"n", ColumnType::kNumeric}},
                 c.composite ? std::vector<std::string>{"k", "n"} : std::vector<std::string>{"k"});
  CreateBoth(schema);
  if (!c.collation.empty()) {
    Execute(absl::StrCat("CREATE COLLATION ", this->schema(),
                         ".loose (provider = icu, locale = "
                         "'und-u-ks-level1', deterministic = false); ALTER TABLE ",
                         Table("target"), " ALTER k TYPE varchar COLLATE ",
                         c.collation == "loose" ? this->schema() + ".loose" : c.collation));
  }
  if (c.watched) AddTrigger();
  std::map<std::string, std::string> newest;
  const std::vector<std::string> keys = {"a", "A",        "\xC3\xA4", "a ", "",  "b",
                                         "B", "\xC3\x9F", "ss",       "SS", "1", "\xEF\xBC\x91"};
  for (int round = 1; round <= 8; ++round) {
    Execute(absl::StrCat("TRUNCATE ", Table("source")));
    std::vector<Record> records;
    for (int i = 0; i < 20; ++i) {
      const std::string key = Draw(keys);
      const std::string number = Draw({"1", "2", "1.0", ""});
      if (c.composite && key.empty() && number.empty()) continue;
      Record record = {{}, absl::StrCat("2025-03-0", round), absl::StrCat(round * 100 + i)};
      if (!c.composite || !key.empty()) record.values["k"] = key;
      if (c.composite && !number.empty()) record.values["n"] = number;
      records.push_back(record);
      const std::string value = number.substr(0, 1);
      newest[c.composite ? absl::StrCat(key, "|", value) : key] = record.raw_id;
    }
    Insert(Name("source"), schema, records);
    ASSERT_OK(TryUpsert(schema));
    std::map<std::string, std::string> stored;
    for (const std::vector<std::string>& row : QueryText(absl::StrCat(
             "SELECT coalesce(k, ''), coalesce(trim_scale(n)::text, ''), _airbyte_raw_id FROM ",
             Table("target")))) {
      const bool fresh =
          stored.emplace(c.composite ? absl::StrCat(row[0], "|", row[1]) : row[0], row[2]).second;
      EXPECT_TRUE(fresh) << row[0] << " twice";
    }
    EXPECT_EQ(stored, newest) << "round " << round;
  }
}

std::vector<Equality> Equalities() {
  std::vector<Equality> cases;
  for (const std::string collation : {"", "loose", "\"C\"", "\"de-x-icu\""}) {
    for (const bool watched : {false, true}) {
      for (const bool composite : {false, true}) {
        std::string name = collation.empty() ? "Default" : collation;
        name.erase(std::remove_if(name.begin(), name.end(),
                                  [](char ch) { return ch == '"' || ch == '-'; }),
                   name.end());
        cases.push_back({absl::StrCat(name, watched ? "InPlace" : "", composite ? "Composite" : ""),
                         collation, watched, composite});
      }
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Keys, KeyEqualityTest, ::testing::ValuesIn(Equalities()),
                         [](const auto& test) { return test.param.name; });

TEST_F(MergeTargetTest, UserKeyServesEveryMerge) {
  for (const bool watched : {false, true}) {
    for (const char* key : {"ADD PRIMARY KEY (id)", "ADD UNIQUE (id)"}) {
      SCOPED_TRACE(absl::StrCat(key, watched ? " watched" : ""));
      CreateBoth(KeyAndValue());
      Execute(absl::StrCat("ALTER TABLE ", Table("target"), " ", key));
      if (watched) AddTrigger();
      Fill("target", {{1, "a"}, {2, "b"}}, 1);
      Fill("source", {{1, "x"}, {2, "-"}, {3, "c"}}, 2);
      EXPECT_OK(TryUpsert(KeyAndValue()));
      EXPECT_EQ(Rows(), "1=x 3=c");
      Execute(absl::StrCat("DROP TABLE ", Table("source"), ", ", Table("target"),
                           "; DROP FUNCTION IF EXISTS ", schema(), ".noop"));
    }
  }
}

}  // namespace
}  // namespace syncline::testing
