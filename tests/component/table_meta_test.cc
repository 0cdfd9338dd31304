// Tables without all meta columns: what they store, what is refused, and that a table keeps its
// `meta`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

Ask With(v1::Meta meta, Ask ask) {
  ask.meta = meta;
  return ask;
}

class TableMetaTest : public AppTest, public ::testing::WithParamInterface<v1::Meta> {
 protected:
  Ask Of(Ask ask) const { return With(GetParam(), std::move(ask)); }

  std::string Columns(const std::string& table) {
    return QueryValue(absl::StrCat("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM ",
                                   "pg_attribute WHERE attnum > 0 AND NOT attisdropped AND ",
                                   "attrelid = '", table, "'::regclass"));
  }
  std::string MetaColumns() const {
    return GetParam() == v1::META_COMPACT ? "_airbyte_generation_id " : "";
  }
  // "1:ann 2:bob": id and name.
  std::string Names() {
    return QueryValue(absl::StrCat("SELECT coalesce(string_agg(format('%s:%s', id, name), ' ' ",
                                   "ORDER BY id, name), '') FROM ", Table(kTable)));
  }
  // Checks the generations of all rows, if they have them.
  void ExpectGenerations(const std::string& generations) {
    if (GetParam() != v1::META_COMPACT) return;
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(DISTINCT _airbyte_generation_id::text, ",
                                      "' ') FROM ", Table(kTable))),
              generations);
  }
  static std::string ManyRecords(int64_t from) {
    std::string lines;
    for (int64_t id = from; id < from + 2000; ++id) absl::StrAppend(&lines, Record(id, "n", id));
    return lines;
  }
  int64_t Count() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable))); }
};

TEST_P(TableMetaTest, AppendStoresTheStreamsColumns) {
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start("s", Of(Append(3))));
  EXPECT_EQ(started.streams(0).meta(), GetParam());
  EXPECT_EQ(Columns(Table(kTable)), absl::StrCat(MetaColumns(), "id name at"));
  ASSERT_OK(Send("s", Record(1, "ann")));     // one statement
  ASSERT_OK(Send("s", ManyRecords(100), 1));  // a COPY
  ASSERT_OK(Complete("s"));
  Load("t", Of(Append(3)), Record(2, "bob"));
  EXPECT_EQ(Count(), 2002);
  ExpectGenerations("3");
  EXPECT_EQ(History(), "3:completed:2002");
}

// Every record is stored once, although no row has an id.
TEST_P(TableMetaTest, RepeatedRecordsAreSkipped) {
  ASSERT_OK(Start("s", Of(Append(0))));
  ASSERT_OK(Send("s", Record(1, "a") + Record(2, "b")));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse again,
                       Send("s", Record(1, "a") + Record(2, "b") + Record(3, "c")));
  EXPECT_EQ(again.records_skipped(), 2);
  EXPECT_EQ(Names(), "1:a 2:b 3:c");
}

TEST_P(TableMetaTest, ReplaceIsSwapped) {
  Load("first", Of(Replace(1)), Record(1, "old"));
  Execute(absl::StrCat("CREATE VIEW ", Table("people"), " AS SELECT id FROM ", Table(kTable)));
  ASSERT_OK(Start("s", Of(Replace(2))));
  EXPECT_EQ(Columns(StagingTable()), absl::StrCat(MetaColumns(), "id name at"));
  ASSERT_OK(Send("s", Record(2, "new")));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed, Complete("s"));
  EXPECT_EQ(completed.outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Names(), "2:new");
  ExpectGenerations("2");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT id FROM ", Table("people"))), 2);
}

TEST_P(TableMetaTest, ReplaceInPlace) {
  Load("first", Of(Replace(1)), Record(1, "old"));
  Ask ask = Of(Replace(2));
  ask.replace_strategy = v1::REPLACE_STRATEGY_IN_PLACE;
  const v1::CompleteStreamResponse completed = Load("s", ask, Record(2, "new"));
  EXPECT_EQ(completed.outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Names(), "2:new");
  ExpectGenerations("2");
}

// Rows that other tables reference are found without raw ids.
TEST_P(TableMetaTest, ReplaceInPlaceKeepsReferencedRows) {
  Load("first", Of(Replace(1)), Record(1, "old") + Record(2, "old"));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ADD PRIMARY KEY (id); CREATE TABLE ",
                       Table("orders"), " (person bigint REFERENCES ", Table(kTable),
                       "); INSERT INTO ", Table("orders"), " VALUES (2)"));
  Ask ask = Of(Replace(2));
  ask.replace_strategy = v1::REPLACE_STRATEGY_IN_PLACE;
  ASSERT_OK(Start("s", ask));
  ASSERT_OK(Send("s", Record(1, "new")));
  const absl::Status refused = Complete("s").status();
  EXPECT_THAT(refused, StatusIs(StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"));
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("with ctid ("));
  EXPECT_EQ(Names(), "1:old 2:old");
  Execute(absl::StrCat("DELETE FROM ", Table("orders")));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Names(), "1:new");
  ExpectGenerations("2");
}

// The staging table of the generation goes on, an older one does not.
TEST_P(TableMetaTest, InterruptedReplaceIsResumed) {
  Load("first", Of(Replace(1)), Record(1, "old"));
  Load("second", Of(Replace(2)), Record(2, "staged"), v1::STREAM_STATUS_INCOMPLETE);
  EXPECT_EQ(Names(), "1:old");
  Load("third", Of(Replace(2)), Record(3, "more"));
  EXPECT_EQ(Names(), "2:staged 3:more");
  LoadAndCancel("fourth", Of(Replace(3)), Record(4, "lost"));
  Load("fifth", Of(Replace(4)), Record(5, "newest"));
  EXPECT_EQ(Names(), "5:newest");
  // Rows of a generation that the table has are added to it.
  Load("sixth", Of(Replace(4)), Record(6, "added"));
  EXPECT_EQ(Names(), "5:newest 6:added");
  EXPECT_THAT(Start("stale", Of(Replace(3))),
              StatusIs(StatusCode::kFailedPrecondition, "STALE_GENERATION"));
}

TEST_P(TableMetaTest, AppendTakesInWhatACancelledReplaceStaged) {
  Load("first", Of(Append(1)), Record(1, "a"));
  LoadAndCancel("second", Of(Replace(2)), Record(2, "b"));
  Load("third", Of(Append(2)), Record(3, "c"));
  EXPECT_EQ(Names(), "1:a 2:b 3:c");
  EXPECT_EQ(History(), "1:completed:1 2:completed:2");
}

TEST_P(TableMetaTest, TableKeepsItsMeta) {
  Load("first", Of(Append(0)), Record(1, "a"));
  for (const v1::Meta other : {v1::META_FULL, v1::META_COMPACT, v1::META_NONE}) {
    if (other == GetParam()) continue;
    for (const Ask& ask : {Append(0), Replace(1)}) {
      EXPECT_THAT(Start(absl::StrCat("s", other, ask.minimum), With(other, ask)),
                  StatusIs(StatusCode::kInvalidArgument, "META_MISMATCH"))
          << other;
    }
  }
  EXPECT_EQ(Names(), "1:a");
  EXPECT_EQ(Columns(Table(kTable)), absl::StrCat(MetaColumns(), "id name at"));
}

TEST_P(TableMetaTest, TableWithAllMetaColumnsKeepsThem) {
  Load("first", Append(0), Record(1, "a"));
  EXPECT_THAT(Start("s", Of(Append(0))), StatusIs(StatusCode::kInvalidArgument, "META_MISMATCH"));
  EXPECT_THAT(Start("t", Of(Replace(1))), StatusIs(StatusCode::kInvalidArgument, "META_MISMATCH"));
  EXPECT_EQ(Rows(), "1:a@0");
}

// Before the target exists, the ledger knows.
TEST_P(TableMetaTest, TableThatIsBeingReplacedKeepsItsMeta) {
  LoadAndCancel("first", Of(Replace(1)), Record(1, "a"));
  EXPECT_THAT(Start("s", Replace(1)), StatusIs(StatusCode::kInvalidArgument, "META_MISMATCH"));
}

TEST_P(TableMetaTest, DroppedTableMayStartWithAnotherMeta) {
  Load("first", Of(Append(0)), Record(1, "a"));
  Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  Load("second", Append(0), Record(2, "b"));
  EXPECT_EQ(Rows(), "2:b@0");
}

TEST_P(TableMetaTest, TypesEvolve) {
  const auto schema = [](const char* type) {
    return absl::StrCat(R"({"properties":{"id":{"type":"integer"},"name":{"type":")", type,
                        R"("},"at":{"type":"integer"}}})");
  };
  Ask ask = Of(Append(0));
  ask.json_schema = schema("integer");
  Load("first", ask,
       R"({"id":1,"name":7,"at":1})"
       "\n");
  ask.json_schema = schema("string");
  Load("second", ask, Record(2, "b"));
  EXPECT_EQ(Names(), "1:7 2:b");
  // A staged value that does not fit the type of a later sync becomes NULL.
  Ask replace = Of(Replace(1));
  replace.json_schema = schema("string");
  Load("third", replace, Record(3, "text"), v1::STREAM_STATUS_INCOMPLETE);
  replace.json_schema = schema("integer");
  Load("fourth", replace,
       R"({"id":4,"name":8,"at":1})"
       "\n");
  EXPECT_EQ(Count(), 2);
}

// The offset of a refused row is known without its raw id.
TEST_P(TableMetaTest, RefusedRowsAreRejected) {
  Load("first", Of(Append(0)), Record(1, "a"));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ADD CHECK (id <> 500)"));
  ASSERT_OK(Start("s", Of(Append(0))));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent, Send("s", ManyRecords(10)));
  EXPECT_EQ(sent.records_rejected(), 1);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT \"offset\" FROM ", ledger(), ".rejected_record")), 490);
  EXPECT_EQ(Count(), 2000);
}

TEST_P(TableMetaTest, OnlyAppendsWithoutReplay) {
  EXPECT_THAT(Start("dedup", Of(Dedup(0))),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  Ask ask = Of(Append(0));
  ask.replay = v1::REPLAY_FROM_CHECKPOINT;
  EXPECT_THAT(Start("replay", ask), StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
}

TEST_P(TableMetaTest, OwnRowsCannotBeTakenBackAlone) {
  Load("first", Of(Replace(1)), Record(1, "staged"), v1::STREAM_STATUS_INCOMPLETE);
  ASSERT_OK(Start("s", Of(Replace(1))));
  ASSERT_OK(Send("s", Record(2, "own")));
  v1::CompleteStreamRequest request;
  request.set_sync_id("s");
  request.mutable_descriptor()->set_name(kTable);
  request.set_status(v1::STREAM_STATUS_INCOMPLETE);
  request.set_discard_staged(true);
  request.set_keep_earlier(true);
  EXPECT_THAT(client().CompleteStream(request),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  request.set_keep_earlier(false);
  EXPECT_OK(client().CompleteStream(request));
}

INSTANTIATE_TEST_SUITE_P(Metas, TableMetaTest, ::testing::Values(v1::META_COMPACT, v1::META_NONE),
                         [](const auto& meta) {
                           return meta.param == v1::META_NONE ? "None" : "Compact";
                         });

using NoMetaTest = AppTest;

TEST_F(NoMetaTest, ExistingTableOfTheUserIsLoaded) {
  Execute(absl::StrCat("CREATE TABLE ", Table(kTable),
                       " (id bigint PRIMARY KEY, name varchar, at bigint); INSERT INTO ",
                       Table(kTable), " VALUES (1, 'mine', 0)"));
  EXPECT_THAT(Start("full", Append(0)),
              StatusIs(StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(Start("compact", With(v1::META_COMPACT, Append(0))),
              StatusIs(StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  Load("s", With(v1::META_NONE, Append(0)), Record(2, "ours"));
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT string_agg(name, ' ' ORDER BY id) FROM ", Table(kTable))),
      "mine ours");
  Load("r", With(v1::META_NONE, Replace(1)), Record(3, "new"));
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT string_agg(name, ' ' ORDER BY id) FROM ", Table(kTable))),
      "new");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND ",
                                  "conrelid = '", Table(kTable), "'::regclass")),
            1);
}

TEST_F(NoMetaTest, StreamWithoutPropertiesIsRefused) {
  Ask ask = With(v1::META_NONE, Append(0));
  ask.json_schema = R"({"properties":{}})";
  EXPECT_THAT(Start("s", ask), StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  ask.meta = v1::META_COMPACT;
  Load("t", ask, "{}\n{}\n");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable))), 2);
}

}  // namespace
}  // namespace syncline::testing
