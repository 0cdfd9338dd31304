// Attempts of a flush while another session holds a lock that it needs, and the end of a flush from
// another thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/thread.h"
#include "server/write/load/insert_buffer.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using absl::StatusCode;
using testing::FlushAll;
using testing::StatusIs;

class LockedFlushTest : public testing::WritePathTest {
 protected:
  std::unique_ptr<postgres::Connection> Lock(absl::string_view sql) {
    std::unique_ptr<postgres::Connection> locker = Connect();
    EXPECT_OK(locker->Begin());
    EXPECT_OK(locker->Execute(sql));
    return locker;
  }
  std::string LockTable() const { return absl::StrCat("LOCK TABLE ", Table("t")); }
  int64_t Bytes() { return QueryInt(absl::StrCat("SELECT pg_relation_size('", Table("t"), "')")); }
};

TEST_F(LockedFlushTest, AttemptsWaitForALockedTableOnlyBriefly) {
  write::InsertBuffer first(&load_, plan_, "sync", Claim("first").claim);
  write::InsertBuffer second(&load_, plan_, "sync", Claim("second").claim);
  Fill(first, 0, 10);
  Fill(second, 0, 10);
  const auto locker = Lock(LockTable());
  for (int i = 0; i < 5; ++i) {
    for (write::InsertBuffer* const buffer : {&first, &second}) {
      const absl::Time begun = absl::Now();
      ASSERT_OK_AND_ASSIGN(const write::FlushAttempt attempt, buffer->Flush({}));
      EXPECT_FALSE(attempt.committed.has_value());
      EXPECT_TRUE(attempt.locked);
      EXPECT_GE(attempt.pause, absl::Milliseconds(25));
      EXPECT_LE(attempt.pause, absl::Seconds(2));
      EXPECT_LT(absl::Now() - begun, absl::Seconds(1));
    }
  }
  EXPECT_EQ(connections_->busy(), 0);
  ASSERT_OK(locker->Commit());
  EXPECT_OK(FlushAll(first));
  EXPECT_OK(FlushAll(second));
  EXPECT_EQ(Rows(), 20);
}

TEST_F(LockedFlushTest, SupersededWriterDoesNotWaitForTheTable) {
  const WriterClaim older = Claim("w").claim;
  Claim("w");
  write::InsertBuffer buffer(&load_, plan_, "sync", older);
  Fill(buffer, 0, 10);
  const auto locker = Lock(LockTable());
  EXPECT_THAT(FlushAll(buffer), StatusIs(StatusCode::kAborted, "FENCED"));
}

// Rows that were sent and rolled back remain in the table as dead rows.
TEST_F(LockedFlushTest, RowsAreNotSentAgainForALockedWriter) {
  load_.ledger_lock_timeout = absl::Milliseconds(50);
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  Fill(buffer, 0, 1000);
  const auto locker = Lock(absl::StrCat("SELECT FROM ", Table("writer"), " FOR UPDATE"));
  ASSERT_OK_AND_ASSIGN(const write::FlushAttempt first, buffer.Flush({}));
  EXPECT_TRUE(first.locked);
  const int64_t bytes = Bytes();
  EXPECT_GT(bytes, 0);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const write::FlushAttempt again, buffer.Flush({}));
    EXPECT_TRUE(again.locked);
  }
  EXPECT_EQ(Bytes(), bytes);
  ASSERT_OK(locker->Commit());
  EXPECT_OK(FlushAll(buffer));
  EXPECT_EQ(Rows(), 1000);
}

TEST_F(LockedFlushTest, InterruptEndsAnAttempt) {
  load_.lock_timeout = absl::Hours(1);
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  Fill(buffer, 0, 10);
  const auto locker = Lock(LockTable());
  const int64_t pid = BackendPid(*locker);
  const auto watching = Connect();
  absl::StatusOr<write::FlushAttempt> attempt;
  {
    const Thread flushing("flushing", [&] { attempt = buffer.Flush({}); });
    WaitUntilBlocked(*watching, pid);
    buffer.interrupt()->Interrupt();
  }
  EXPECT_THAT(attempt.status(), StatusIs(StatusCode::kCancelled));
  EXPECT_EQ(connections_->busy(), 0);
  // Its connection is closed, and no further attempt is made.
  const int64_t idle = connections_->idle();
  EXPECT_THAT(buffer.Flush({}).status(), StatusIs(StatusCode::kCancelled));
  EXPECT_LE(connections_->idle(), idle + 1);
  ASSERT_OK(locker->Commit());
  EXPECT_EQ(Rows(), 0);
}

TEST_F(LockedFlushTest, InterruptDoesNotEndACommit) {
  Execute(absl::StrCat("CREATE FUNCTION ", schema(),
                       ".slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); "
                       "RETURN NULL; END'; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON ",
                       Table("t"), " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ",
                       schema(), ".slow()"));
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  Fill(buffer, 0, 1);
  absl::StatusOr<write::FlushAttempt> attempt;
  {
    const Thread flushing("flushing", [&] { attempt = buffer.Flush({}); });
    while (QueryInt("SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND "
                    "wait_event = 'PgSleep'") == 0) {
    }
    buffer.interrupt()->Interrupt();
  }
  ASSERT_OK(attempt);
  ASSERT_TRUE(attempt->committed.has_value());
  EXPECT_EQ(attempt->committed->durable_offset, 1);
  EXPECT_EQ(connections_->busy(), 0);
  EXPECT_EQ(Rows(), 1);
}

}  // namespace
}  // namespace syncline
