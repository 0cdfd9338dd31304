// Staged rows and the catalog of the stream that publishes them: a column that the staging syncs
// did not declare, and the policies, ownership and types of a column that only they declared.
// undeclared_columns_test.cc covers its values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/model/names.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAre;

// Columns id, at and those in `names`, all integers. The cursor is at.
Ask Columns(Ask ask, const std::vector<std::string>& names,
            v1::SchemaPolicy policy = v1::SCHEMA_POLICY_KEEP) {
  ask.json_schema = R"({"properties":{"id":{"type":"integer"},"at":{"type":"integer"})";
  for (const std::string& name : names) {
    absl::StrAppend(&ask.json_schema, ",\"", name, R"(":{"type":"integer"})");
  }
  ask.json_schema += "}}";
  ask.schema_policy = policy;
  return ask;
}

std::string Line(int64_t id, int64_t at, const std::string& more = "") {
  return absl::StrCat("{\"id\":", id, ",\"at\":", at, more, "}\n");
}

class StagedColumnsTest : public AppTest {
 protected:
  // Starts a sync and sends `lines` without ending it. Returns the changes of its plan.
  std::vector<std::string> Stage(const std::string& sync_id, const Ask& ask,
                                 const std::string& lines) {
    const absl::StatusOr<v1::StartSyncResponse> started = Start(sync_id, ask);
    EXPECT_OK(started);
    EXPECT_OK(Send(sync_id, lines));
    std::vector<std::string> changes;
    if (!started.ok()) return changes;
    for (const v1::SchemaChange& change : started->streams(0).changes()) {
      changes.push_back(absl::StrCat(v1::SchemaChange::Kind_Name(change.kind()), " ",
                                     change.column(), " ", change.from(), ">", change.to()));
    }
    return changes;
  }

  // Returns "1:7 2:NULL": id and the column, in order.
  std::string Values(const std::string& column) {
    return QueryValue(absl::StrCat("SELECT string_agg(format('%s:%s', id, coalesce(", column,
                                   "::text, 'NULL')), ' ' ORDER BY id) FROM ", Table(kTable)));
  }
};

TEST_F(StagedColumnsTest, UndeclaredColumnKeepsStoredValue) {
  Load("s0", Columns(Dedup(1), {"x"}),
       absl::StrCat(Line(1, 1, ",\"x\":10"), Line(2, 1, ",\"x\":20"), Line(3, 1, ",\"x\":30")));
  Stage("s1", Columns(Dedup(1), {}), Line(1, 2));
  Stage("s2", Columns(Dedup(1), {"x"}), absl::StrCat(Line(2, 2, ",\"x\":21"), Line(3, 2)));
  EXPECT_OK(Complete("s2"));
  EXPECT_EQ(Values("x"), "1:10 2:21 3:NULL");
}

TEST_F(StagedColumnsTest, UndeclaredColumnWithCompositeNullKey) {
  const auto keyed = [](Ask ask) {
    ask.primary_key = {"id", "k"};
    return ask;
  };
  Load("s0", keyed(Columns(Dedup(1), {"k", "x"})),
       absl::StrCat(Line(1, 1, ",\"x\":10"), Line(1, 1, ",\"k\":1,\"x\":20")));
  Stage("s1", keyed(Columns(Dedup(1), {"k"})), absl::StrCat(Line(1, 2), Line(1, 2, ",\"k\":1")));
  Stage("s2", keyed(Columns(Dedup(1), {"k", "x"})), Line(2, 2, ",\"k\":1,\"x\":21"));
  EXPECT_OK(Complete("s2"));
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(format('%s,%s,%s', id, k, x), ' ' ",
                                    "ORDER BY id, k NULLS FIRST) FROM ", Table(kTable))),
            "1,,10 1,1,20 2,1,21");
}

TEST_F(StagedColumnsTest, MirrorDropsItAndReportsTheChange) {
  Stage("s1", Columns(Dedup(1), {"x"}), Line(1, 1, ",\"x\":7"));
  EXPECT_THAT(Stage("s2", Columns(Dedup(1), {}, v1::SCHEMA_POLICY_MIRROR), Line(2, 1)),
              ElementsAre("KIND_CREATE_TABLE  >", "KIND_DROP_COLUMN x bigint>"));
  EXPECT_OK(Complete("s2"));
  EXPECT_EQ(Values("at"), "1:1 2:1");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_attribute WHERE attrelid = '",
                                  Table(kTable), "'::regclass AND attname = 'x'")),
            0);
}

TEST_F(StagedColumnsTest, FreezeRefusesUndeclaredStagedColumn) {
  Load("s0", Columns(Dedup(1), {}), Line(0, 1));
  Stage("s1", Columns(Dedup(1), {"x"}), Line(1, 1, ",\"x\":7"));
  const Ask frozen = Columns(Dedup(1), {}, v1::SCHEMA_POLICY_FREEZE);
  EXPECT_THAT(Start("s2", frozen),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_FROZEN"));
  EXPECT_OK(Complete("s1"));
  Stage("s3", Columns(Dedup(1), {"x"}), Line(2, 1, ",\"x\":7"));
  EXPECT_THAT(Start("s4", frozen),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_FROZEN"));
}

TEST_F(StagedColumnsTest, UnconvertibleStagedValueHasEntry) {
  Ask ask = Append(1);
  ask.json_schema =
      R"({"properties":{"id":{"type":"integer"},"at":{"type":"integer"},"a b":{"type":"boolean"}}})";
  Load("s0", ask, Line(0, 1, ",\"a b\":true"));
  Stage("s1", Columns(Replace(2), {"a b"}), Line(1, 1, ",\"a b\":5"));
  Stage("s2", Columns(Append(2), {}), Line(2, 1));
  EXPECT_EQ(Values("a_b"), "0:true 1:NULL 2:NULL");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT _airbyte_meta -> 'changes' FROM ", Table(kTable),
                                    " WHERE id = 1")),
            R"([{"field": "a b", "change": "NULLED", "reason": "DESTINATION_TYPECAST_ERROR"}])");
}

TEST_F(StagedColumnsTest, StagedValueChangedByUserTypeHasEntry) {
  Ask ask = Replace(1);
  ask.json_schema =
      R"({"properties":{"id":{"type":"integer"},"at":{"type":"integer"},"t":{"type":"string"},)"
      R"("n":{"type":"number"},"i":{"type":"integer"},"d":{"type":"string","format":"date-time"}}})";
  Load("s0", ask, "");
  ask.generation = ask.minimum = 2;
  Stage("s1", ask,
        absl::StrCat(Line(1, 1, R"(,"t":"abcd","n":9.5,"i":32767,"d":"2025-01-01T00:00:00Z")"),
                     Line(2, 1, R"(,"t":"abcde","n":99.96,"i":32768,"d":"2025-01-01T00:00:00.5Z")"),
                     Line(3, 1, R"(,"n":-9.55,"i":-32769)"), Line(4, 1, R"(,"n":1e20)")));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                       " ALTER t TYPE varchar(4), ALTER n TYPE numeric(3,1), ALTER i TYPE smallint,"
                       " ALTER d TYPE timestamptz(0)"));
  Stage("s2", ask, Line(5, 1));
  EXPECT_OK(Complete("s2"));
  EXPECT_EQ(Values("t"), "1:abcd 2:NULL 3:NULL 4:NULL 5:NULL");
  EXPECT_EQ(Values("n"), "1:9.5 2:NULL 3:NULL 4:NULL 5:NULL");
  EXPECT_EQ(Values("i"), "1:32767 2:NULL 3:NULL 4:NULL 5:NULL");
  EXPECT_EQ(Values("d"), "1:2025-01-01 00:00:00+00 2:NULL 3:NULL 4:NULL 5:NULL");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(id || ':' || jsonb_array_length(",
                                    "_airbyte_meta -> 'changes'), ' ' ORDER BY id) FROM ",
                                    Table(kTable))),
            "1:0 2:4 3:2 4:1 5:0");
}

// The plan is made for a table that is replaced, and then no row of the restart remains.
TEST_F(StagedColumnsTest, DroppedRestartIsAddedInTableTypes) {
  for (Ask ask : {Replace(1), DedupReplace(2)}) {
    const std::string id = absl::StrCat(ask.generation);
    Ask any = Columns(ask, {});
    any.json_schema = R"({"properties":{"id":{"type":"integer"},"at":{"type":"integer"},"x":{}}})";
    Load(id + "a", any, Line(1, 1, ",\"x\":{\"k\":1}"));
    Ask integer = Columns(ask, {"x"});
    integer.replay = v1::REPLAY_FROM_START;
    Stage(id + "b", integer, Line(2, 1, ",\"x\":2"));
    integer.replay = v1::REPLAY_FROM_CHECKPOINT;
    Load(id + "c", integer, Line(3, 1, ",\"x\":3"));
    EXPECT_EQ(Values("x"), "1:{\"k\": 1} 3:3");
  }
}

TEST_F(StagedColumnsTest, NotNullBrokenByStagedRowsIsRefused) {
  Load("s0", Columns(Replace(1), {"x"}), Line(1, 1, ",\"x\":7"));
  Stage("s1", Columns(Replace(2), {"x"}), absl::StrCat(Line(1, 1), Line(2, 1, ",\"x\":8")));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ALTER x SET NOT NULL"));
  const absl::Status refused = Complete("s1").status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("NOT NULL of column x"));
  EXPECT_EQ(Values("x"), "1:7");
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ALTER x DROP NOT NULL"));
  EXPECT_OK(Complete("s1"));
  EXPECT_EQ(Values("x"), "1:NULL 2:8");
}

TEST_F(StagedColumnsTest, StagedOnlyColumnIsOwnedByStream) {
  Load("s0", Columns(Dedup(1), {}), Line(0, 1));
  Stage("s1", Columns(Dedup(1), {"x"}), Line(1, 1, ",\"x\":7"));
  Load("s2", Columns(Dedup(1), {}), Line(2, 1));
  EXPECT_THAT(Stage("s3", Columns(Dedup(1), {}, v1::SCHEMA_POLICY_MIRROR), Line(3, 1)),
              ElementsAre("KIND_DROP_COLUMN x bigint>"));
}

}  // namespace
}  // namespace syncline::testing
