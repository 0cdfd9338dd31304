// Rows that violate a user's CHECK are rejected when they arrive, whichever loader stages them, so
// that no acknowledged row prevents publishing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

class StagedConstraintsTest : public AppTest {
 protected:
  void MakeTable(const Ask& ask, absl::string_view alter) {
    Load("first", ask, Record(1, "old", 1));
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ", alter));
  }
  std::string Rejected() {
    return QueryValue(
        absl::StrCat("SELECT string_agg(concat_ws(' ', \"offset\", reason, detail), "
                     "'; ' ORDER BY 1) FROM ",
                     ledger(), ".rejected_record"));
  }
};

struct Modes {
  std::string name;
  Ask before;
  Ask after;
  std::string rows;
};

class EveryLoader : public StagedConstraintsTest, public ::testing::WithParamInterface<Modes> {};

TEST_P(EveryLoader, RejectsOnlyRowsThatBreakCheck) {
  MakeTable(GetParam().before, "ADD CONSTRAINT early CHECK (at < 100)");
  ASSERT_OK(Start("s", GetParam().after));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent,
                       Send("s", Record(2, "late", 100) + Record(3, "new", 5)));
  EXPECT_EQ(sent.records_rejected(), 1);
  EXPECT_EQ(Rejected(), "0 CONSTRAINT_VIOLATED constraint \"early\", SQLSTATE 23514");
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Rows(), GetParam().rows);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND "
                                  "convalidated AND conname = 'early' AND conrelid = '",
                                  Table(kTable), "'::regclass")),
            1);
}

INSTANTIATE_TEST_SUITE_P(
    Loaders, EveryLoader,
    ::testing::Values(Modes{"Append", Append(0), Append(0), "1:old@0 3:new@0"},
                      Modes{"Dedup", Dedup(0), Dedup(0), "1:old@0 3:new@0"},
                      Modes{"Replace", Replace(1), Replace(2), "3:new@2"},
                      Modes{"DedupReplace", DedupReplace(1), DedupReplace(2), "3:new@2"},
                      Modes{"SameGeneration", Replace(1), Replace(1), "1:old@1 3:new@1"}),
    [](const auto& modes) { return modes.param.name; });

TEST_F(StagedConstraintsTest, NotValidCheckStaysNotValid) {
  MakeTable(Replace(1), "ADD CONSTRAINT later CHECK (at > 1) NOT VALID");
  Load("s", Replace(2), Record(2, "late", 1) + Record(3, "new", 5));
  EXPECT_EQ(Rows(), "3:new@2");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE "
                                    "conname = 'later' AND conrelid = '",
                                    Table(kTable), "'::regclass")),
            "CHECK ((at > 1)) NOT VALID");
}

// A check over a column that the stream does not have applies to the table only.
TEST_F(StagedConstraintsTest, CheckOverUserColumnIsNotStaged) {
  MakeTable(Dedup(0), "ADD grade int DEFAULT 1, ADD CONSTRAINT graded CHECK (grade < at + 10)");
  Load("s", Dedup(0), Record(1, "new", 2) + Record(2, "b", 1));
  EXPECT_EQ(Rows(), "1:new@0 2:b@0");
}

TEST_F(StagedConstraintsTest, CheckOverRetypedColumnStopsTheStart) {
  MakeTable(Replace(1), "ADD CONSTRAINT early CHECK (at + 1 < 100)");
  Ask ask = Replace(2);
  ask.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"string"}}})";
  EXPECT_THAT(Start("s1", ask),
              StatusIs(absl::StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"));
  // One that is defined for the new type is carried over.
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                       " DROP CONSTRAINT early, ADD CONSTRAINT early CHECK (at IS NOT NULL)"));
  Load("s1", ask, "{\"id\":2,\"name\":\"b\",\"at\":\"x\"}\n");
  EXPECT_EQ(Rows(), "2:b@2");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_constraint WHERE conname = 'early' AND "
                                  "conrelid = '",
                                  Table(kTable), "'::regclass")),
            1);
}

TEST_F(StagedConstraintsTest, ResumedReplaceKeepsCheck) {
  MakeTable(Replace(1), "ADD CONSTRAINT early CHECK (at < 100)");
  Load("s1", Replace(2), Record(2, "new", 5), v1::STREAM_STATUS_INCOMPLETE);
  Load("s2", Replace(2), Record(3, "late", 100) + Record(4, "more", 6));
  EXPECT_EQ(Rows(), "2:new@2 4:more@2");
}

}  // namespace
}  // namespace syncline::testing
