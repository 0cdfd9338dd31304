#include "tests/component/every_mode_fixture.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace syncline::testing {
namespace {

constexpr char kEvolved[] =
    R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"number"},"city":{"type":"string"}}})";

Ask Evolved(Ask ask) {
  ask.json_schema = kEvolved;
  return ask;
}

}  // namespace

void EveryModeFixture::SetUp() {
  AppTest::SetUp();
  if (!schema().empty()) database_ = QueryValue("SELECT current_database()");
}

void EveryModeFixture::TearDown() {
  if (!database_.empty()) Execute(absl::StrCat("ALTER DATABASE ", database_, " RESET ALL"));
  AppTest::TearDown();
}

void EveryModeFixture::SetForDatabase(absl::string_view setting, absl::string_view value) {
  Execute(absl::StrCat("ALTER DATABASE ", database_, " SET \"", setting, "\" = ", value));
}

void EveryModeFixture::LoadInEveryMode() {
  AppendAndMerge();
  AddDependents();
  EvolveAndReplace();
  RejectRecord();
}

void EveryModeFixture::AppendAndMerge() {
  Load("append", Append(1), Record(1, "ann", 1) + Record(2, "bob", 1));
  Load("append again", Append(1), Record(3, "cid", 1));
  EXPECT_EQ(Rows(), "1:ann@1 2:bob@1 3:cid@1");
  // Keys occur once, and more than once.
  Load("merge", Dedup(1), Record(2, "bo", 2) + Record(4, "dan", 2));
  Load("merge again", Dedup(1), Record(4, "dana", 4) + Record(4, "dan", 3) + Record(1, "old", 0));
  EXPECT_EQ(Rows(), "1:ann@1 2:bo@1 3:cid@1 4:dana@1");
}

void EveryModeFixture::AddDependents() {
  Execute(absl::StrReplaceAll(
      "CREATE VIEW $S.names AS SELECT id, name FROM $T;"
      "CREATE MATERIALIZED VIEW $S.numbers AS SELECT count(*) AS rows FROM $T;"
      "CREATE INDEX ON $T (lower(name)); CREATE UNIQUE INDEX ON $T (id, name) WHERE id > 0;"
      "CREATE STATISTICS $S.both ON id, name FROM $T; ALTER TABLE $T ADD CHECK (id > 0);"
      "CREATE FUNCTION $S.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER noop AFTER UPDATE ON $T FOR EACH ROW EXECUTE FUNCTION $S.noop();"
      "GRANT SELECT ON $T TO PUBLIC; COMMENT ON TABLE $T IS 'people'",
      {{"$S", schema()}, {"$T", Table(kTable)}}));
}

void EveryModeFixture::EvolveAndReplace() {
  Load("merge in place", Dedup(1), Record(1, "anna", 5) + Record(5, "eve", 5));
  EXPECT_EQ(Rows(), "1:anna@1 2:bo@1 3:cid@1 4:dana@1 5:eve@1");
  Load("evolve", Evolved(Append(1)), Record(6, "fay", 6));
  Load("evolved merge", Evolved(Dedup(1)), Record(6, "faye", 7));
  EXPECT_EQ(Rows(), "1:anna@1 2:bo@1 3:cid@1 4:dana@1 5:eve@1 6:faye@1");
  LoadAndCancel("cancelled", Evolved(Replace(2)), Record(7, "gus", 7));
  Load("replace", Evolved(Replace(2)), Record(8, "hal", 8));
  Load("replace again", Evolved(DedupReplace(3)), Record(9, "ida", 9) + Record(9, "ian", 8));
  EXPECT_EQ(Rows(), "9:ida@3");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT rows FROM ", Table("numbers"))), 1);
}

void EveryModeFixture::RejectRecord() {
  ASSERT_OK(Start("rejected", Evolved(Append(3))));
  ASSERT_OK(Send("rejected", Record(10, "jo", 1) + "{\"id\": \n"));
  ASSERT_OK(Complete("rejected"));
  v1::ListRejectedRecordsRequest request;
  request.set_sync_id("rejected");
  ASSERT_OK_AND_ASSIGN(const v1::ListRejectedRecordsResponse rejected,
                       client().ListRejectedRecords(request));
  EXPECT_EQ(rejected.records_size(), 1);
  ASSERT_OK_AND_ASSIGN(const v1::ListSyncsResponse syncs, client().ListSyncs({}));
  EXPECT_GT(syncs.syncs_size(), 8);
  EXPECT_EQ(Rows(), "9:ida@3 10:jo@3");
}

}  // namespace syncline::testing
