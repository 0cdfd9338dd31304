// Upserts of random rows against a plain model of the rules in upsert.h: every form of the merge
// chooses the same rows, and stored rows that win are not rewritten.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/upsert.h"
#include "tests/component/table_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using postgres::Transaction;
using postgres::UpsertCounts;
using ::syncline::CdcDeleteMode;

constexpr int kRounds = 12;

struct Case {
  std::string name;
  bool unique = false;    // every key is unique
  bool in_place = false;  // a trigger is on the target
  bool cursor = true;
  CdcDeleteMode mode = CdcDeleteMode::kHard;
  // Both tables are in the order of the key, the target has an index of it and more rows.
  bool in_order = false;
  bool newer = false;  // every staged row beats the stored ones of its key
  bool one_column = false;
};

struct Stored {
  std::optional<int> a;
  std::optional<int> b;
  std::optional<int> cursor;
  int extracted = 0;
  bool deleted = false;
  std::string raw_id;

  std::pair<std::optional<int>, std::optional<int>> Key() const { return {a, b}; }
};

// std::optional orders like the cursors: no value is the lowest.
bool Beats(const Case& c, const Stored& winner, const Stored& stored) {
  if (!c.cursor || winner.cursor == stored.cursor) return winner.extracted > stored.extracted;
  return winner.cursor > stored.cursor;
}

bool Older(const Case& c, const Stored& left, const Stored& right) {
  if (c.cursor && left.cursor != right.cursor) return left.cursor < right.cursor;
  if (left.extracted != right.extracted) return left.extracted < right.extracted;
  return left.raw_id < right.raw_id;
}

struct Outcome {
  std::set<std::string> raw_ids;
  std::vector<std::string> untouched;
  int64_t written = 0;
  int64_t removed = 0;
};

Outcome Expected(const Case& c, const std::vector<Stored>& source,
                 const std::vector<Stored>& target) {
  std::map<std::pair<std::optional<int>, std::optional<int>>, Stored> winners;
  for (const Stored& row : source) {
    const auto [at, first] = winners.emplace(row.Key(), row);
    if (!first && Older(c, at->second, row)) at->second = row;
  }
  Outcome outcome;
  std::set<std::pair<std::optional<int>, std::optional<int>>> held;
  for (const Stored& row : target) {
    const auto winner = winners.find(row.Key());
    if (winner != winners.end() && Beats(c, winner->second, row)) {
      ++outcome.removed;
      continue;
    }
    held.insert(row.Key());
    outcome.untouched.push_back(row.raw_id);
    outcome.raw_ids.insert(row.raw_id);
  }
  for (const auto& [key, winner] : winners) {
    const bool deletes = winner.deleted && c.mode == CdcDeleteMode::kHard;
    if (deletes || held.count(key) > 0) continue;
    ++outcome.written;
    outcome.raw_ids.insert(winner.raw_id);
  }
  return outcome;
}

class UpsertRandomTest : public TableFixture, public ::testing::WithParamInterface<Case> {
 protected:
  int Draw(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  // With `in_order`, sorts the rows by their key.
  std::vector<Stored> Rows(int count, bool unique, const std::string& prefix) {
    std::vector<Stored> rows;
    std::set<std::pair<std::optional<int>, std::optional<int>>> keys;
    for (int i = 0; i < count; ++i) {
      Stored row;
      // Few values, so that keys collide. Some values of each column are null.
      if (Draw(8) > 0) row.a = Draw(6);
      if (Draw(8) > 0 && !GetParam().one_column) row.b = Draw(4);
      if (Draw(4) > 0) row.cursor = Draw(4);
      row.extracted = Draw(4);
      if (GetParam().newer && prefix == "new") {
        row.cursor = 4;
        row.extracted = 4;
      }
      row.deleted = Draw(5) == 0;
      row.raw_id = absl::StrCat(prefix, " ", Draw(1'000), " ", i);
      if (unique && !keys.insert(row.Key()).second) continue;
      rows.push_back(row);
    }
    if (GetParam().in_order) {
      std::stable_sort(rows.begin(), rows.end(), [](const Stored& left, const Stored& right) {
        return left.Key() < right.Key();
      });
    }
    return rows;
  }

  void Fill(const std::string& table, const TableSchema& schema, const std::vector<Stored>& rows) {
    std::vector<Record> records;
    for (const Stored& row : rows) {
      Record& record = records.emplace_back();
      const auto add = [&](const std::string& field, const std::optional<int>& value) {
        if (value.has_value()) record.values[field] = absl::StrCat(*value);
      };
      add("a", row.a);
      add("b", row.b);
      add("at", row.cursor);
      if (row.deleted) record.values[kCdcDeletedAtField] = "2025-01-01";
      record.extracted_at = absl::StrCat("2025-01-0", row.extracted + 1, " 00:00:00+00");
      record.raw_id = row.raw_id;
    }
    Execute(absl::StrCat("TRUNCATE ", Table(table)));
    Insert(Name(table), schema, records);
  }

  std::mt19937 random_{20251122};
};

TEST_P(UpsertRandomTest, MatchesPlainModel) {
  const Case& c = GetParam();
  TableSchema schema = MakeSchema({{"a", ColumnType::kBigint},
                                   {"b", ColumnType::kVarchar},
                                   {"at", ColumnType::kBigint},
                                   {kCdcDeletedAtField, ColumnType::kTimestamptz}},
                                  {"a", "b"}, c.cursor ? "at" : "");
  if (c.one_column) schema.primary_key.pop_back();
  Create(Name("source"), schema);
  Create(Name("target"), schema);
  if (c.in_place) {
    Execute(absl::StrCat("CREATE FUNCTION ", this->schema(), ".noop() RETURNS trigger LANGUAGE ",
                         "plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t AFTER INSERT ON ",
                         Table("target"), " FOR EACH ROW EXECUTE FUNCTION ", this->schema(),
                         ".noop()"));
  }
  if (c.in_order) {
    ASSERT_OK(Transact([&](Transaction& transaction) {
      return key_indexes().Ensure(transaction, Name("target"), schema);
    }));
  }
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const std::vector<Stored> stored = Rows(c.in_order ? 90 : 30, /*unique=*/round % 2 == 0, "old");
    const std::vector<Stored> staged = Rows(30, c.unique, "new");
    Fill("target", schema, stored);
    Fill("source", schema, staged);
    if (c.in_order) Execute(absl::StrCat("ANALYZE ", Table("target")));
    const std::map<std::string, std::string> before = Writers(Name("target"), "_airbyte_raw_id");
    UpsertCounts counts;
    ASSERT_OK(Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(
          counts, postgres::UpsertTable(transaction, Name("source"), Name("target"), schema,
                                        {.cdc_delete_mode = c.mode}));
      return absl::OkStatus();
    }));
    const Outcome expected = Expected(c, staged, stored);
    const std::map<std::string, std::string> after = Writers(Name("target"), "_airbyte_raw_id");
    std::set<std::string> raw_ids;
    for (const auto& [raw_id, writer] : after) raw_ids.insert(raw_id);
    EXPECT_EQ(raw_ids, expected.raw_ids);
    EXPECT_EQ(static_cast<size_t>(Count(Name("target"))), expected.raw_ids.size());
    EXPECT_EQ(counts.written, expected.written);
    EXPECT_EQ(counts.removed, expected.removed);
    for (const std::string& raw_id : expected.untouched) {
      EXPECT_EQ(after.at(raw_id), before.at(raw_id)) << raw_id << " was rewritten";
    }
  }
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const bool unique : {false, true}) {
    for (const bool in_place : {false, true}) {
      const std::string name =
          absl::StrCat(unique ? "EveryKeyOnce" : "KeysRepeated", in_place ? "InPlace" : "");
      cases.push_back({name, unique, in_place});
      cases.push_back({name + "SoftDelete", unique, in_place, true, CdcDeleteMode::kSoft});
      cases.push_back({name + "NoCursor", unique, in_place, false});
    }
  }
  for (const bool newer : {false, true}) {
    for (const bool one_column : {false, true}) {
      Case c = {
          .name = absl::StrCat("InOrder", newer ? "Newer" : "", one_column ? "OneColumn" : ""),
          .unique = true,
          .in_order = true,
          .newer = newer,
          .one_column = one_column};
      cases.push_back(c);
      c.name += "NoCursor";
      c.cursor = false;
      c.mode = CdcDeleteMode::kSoft;
      cases.push_back(c);
    }
  }
  cases.push_back({.name = "OneColumn", .one_column = true});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Forms, UpsertRandomTest, ::testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace syncline::testing
