// The error of a failed data transaction. A writer that was superseded gets FENCED and no other
// error, whichever of its statements failed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/write/load/insert_buffer.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using absl::StatusCode;
using testing::StatusIs;
using testing::WritePathTest;

// A change to the table, and the error that a writer that still holds its claim gets.
struct Fault {
  const char* name;
  const char* sql;  // $T is the table, $S its schema
  StatusCode code;
  const char* reason;
};

class TableFaultTest : public WritePathTest, public ::testing::WithParamInterface<Fault> {
 protected:
  void Strike() {
    Execute(absl::StrReplaceAll(GetParam().sql, {{"$T", Table("t")}, {"$S", schema()}}));
  }
  // Commits records 3..5, one of which is rejected.
  absl::StatusOr<write::FlushResult> Flush(const WriterClaim& claim) {
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    Fill(buffer, 3, 5);
    buffer.Reject({5, "INVALID_JSON", "bad"});
    buffer.Cover({5, 6}, 0);
    return testing::FlushAll(buffer);
  }
};

TEST_P(TableFaultTest, CurrentWriterGetsTheFault) {
  const WriterClaim claim = Claim("w").claim;
  Strike();
  EXPECT_THAT(Flush(claim), StatusIs(GetParam().code, GetParam().reason));
}

TEST_P(TableFaultTest, SupersededWriterIsFenced) {
  const WriterClaim claim = Claim("w").claim;
  Claim("w");
  Strike();
  EXPECT_THAT(Flush(claim), StatusIs(StatusCode::kAborted, "FENCED"));
}

TEST_P(TableFaultTest, WriterOfCancelledSyncIsCancelled) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(store_->CancelSync("sync"));
  Strike();
  EXPECT_THAT(Flush(claim), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

INSTANTIATE_TEST_SUITE_P(
    Faults, TableFaultTest,
    ::testing::Values(
        Fault{"DroppedTable", "DROP TABLE $T", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"},
        Fault{"DroppedColumn", "ALTER TABLE $T DROP COLUMN id", StatusCode::kFailedPrecondition,
              "SCHEMA_CHANGED"},
        Fault{"TriggerThatRaises",
              "CREATE FUNCTION $S.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
              "EXCEPTION 'no'; END $$; CREATE TRIGGER no BEFORE INSERT ON $T FOR EACH STATEMENT "
              "EXECUTE FUNCTION $S.no()",
              StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"},
        Fault{"TriggerThatSkipsRows",
              "CREATE FUNCTION $S.skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; "
              "END $$; CREATE TRIGGER skip BEFORE INSERT ON $T FOR EACH ROW EXECUTE FUNCTION "
              "$S.skip()",
              StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"},
        // The trigger's function relies on a search path.
        Fault{"TriggerWithoutSchema",
              "CREATE TABLE $S.audit (id bigint); CREATE FUNCTION $S.note() RETURNS trigger "
              "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (NEW.id); RETURN NEW; END $$; "
              "CREATE TRIGGER note BEFORE INSERT ON $T FOR EACH ROW EXECUTE FUNCTION $S.note()",
              StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"},
        // COMMIT refuses this after every statement has succeeded.
        Fault{"DeferredConstraint",
              "ALTER TABLE $T ADD COLUMN k int DEFAULT 1, ADD UNIQUE (k) DEFERRABLE INITIALLY "
              "DEFERRED",
              StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"}),
    [](const auto& tested) { return tested.param.name; });

class DataTransactionTest : public WritePathTest {};

TEST_F(DataTransactionTest, TriggerHasTheSearchPathOfItsFunction) {
  Execute(absl::StrReplaceAll(
      "CREATE TABLE $S.audit (id bigint); CREATE FUNCTION $S.note() RETURNS trigger LANGUAGE "
      "plpgsql SET search_path = $S AS $$ BEGIN INSERT INTO audit VALUES (NEW.id); RETURN NEW; "
      "END $$; CREATE TRIGGER note BEFORE INSERT ON $T FOR EACH ROW EXECUTE FUNCTION $S.note()",
      {{"$T", Table("t")}, {"$S", schema()}}));
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  Fill(buffer, 0, 3);
  ASSERT_OK(testing::FlushAll(buffer));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("audit"))), 3);
}

// Both calls hold the same bad record. The record of the newer call is already in the ledger.
TEST_F(DataTransactionTest, OlderCallIsFencedDespiteSharedReject) {
  const WriterClaim older = Claim("w").claim;
  const WriterClaim newer = Claim("w").claim;
  for (const WriterClaim& claim : {newer, older}) {
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    Fill(buffer, 0, 1);
    buffer.Reject({1, "INVALID_JSON", "not json"});
    buffer.Cover({1, 2}, 0);
    const absl::StatusOr<write::FlushResult> flushed = testing::FlushAll(buffer);
    if (claim.epoch == newer.epoch) {
      EXPECT_OK(flushed);
    } else {
      EXPECT_THAT(flushed, StatusIs(StatusCode::kAborted, "FENCED"));
    }
  }
  EXPECT_EQ(Rows(), 1);
}

// The rows of both calls have the same raw ids.
TEST_F(DataTransactionTest, OlderCallIsFencedDespiteUniqueIndex) {
  Execute(absl::StrCat("CREATE UNIQUE INDEX ON ", Table("t"), " (_airbyte_raw_id)"));
  const WriterClaim older = Claim("w").claim;
  const WriterClaim newer = Claim("w").claim;
  write::InsertBuffer first(&load_, plan_, "sync", newer);
  Fill(first, 0, 3);
  ASSERT_OK(testing::FlushAll(first));
  write::InsertBuffer second(&load_, plan_, "sync", older);
  Fill(second, 0, 3);
  EXPECT_THAT(testing::FlushAll(second), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(Rows(), 3);
}

}  // namespace
}  // namespace syncline
