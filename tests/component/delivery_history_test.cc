// The checker of the fault tests detects each violation, and reports none in a correct history.
#include "tests/support/delivery_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/postgres_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A table and a ledger as a server would leave them, without a server.
class DeliveryHistoryTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (schema().empty()) return;
    Execute(absl::StrCat(
        "CREATE TABLE ", schema(), ".sync (sync_no int, sync_id text, state text); CREATE TABLE ",
        schema(), ".stream (sync_no int, stream_no int, temp_table_name text); CREATE TABLE ",
        schema(), ".writer (stream_no int, durable_offset bigint, rows_written bigint); ",
        "INSERT INTO ", schema(), ".sync VALUES (1, 'one', 'finished'); INSERT INTO ", schema(),
        ".stream VALUES (1, 1, 'staged'); INSERT INTO ", schema(), ".writer VALUES (1, 10, 10)"));
    Make(DeliveryMode::kAppend);
  }

  void Make(DeliveryMode mode) {
    DeliveryStream stream;
    stream.sync_id = "one";
    stream.schema = schema();
    stream.table = "rows";
    stream.mode = mode;
    stream.records = 10;
    stream.keys = 3;
    history_ = std::make_unique<DeliveryHistory>(stream);
    Execute(absl::StrCat("DROP TABLE IF EXISTS ", Table("rows"), "; CREATE TABLE ", Table("rows"),
                         " AS ", stream.ExpectedRowsSql()));
    history_->Sent(10);
    history_->Acknowledged(10, 0);
    v1::CompleteStreamResponse completed;
    completed.set_outcome(mode == DeliveryMode::kDedup ? v1::OUTCOME_MERGED : v1::OUTCOME_APPENDED);
    history_->Completed(completed);
  }

  std::vector<std::string> Faults() {
    const auto connection = Connect();
    history_->CheckSoFar(*connection, schema());
    history_->CheckEnd(*connection, schema());
    history_->CheckAnnounced();
    return history_->faults();
  }
  std::vector<std::string> FaultsAfter(absl::string_view sql) {
    Execute(absl::StrCat(sql));
    return Faults();
  }

  std::unique_ptr<DeliveryHistory> history_;
};

TEST_F(DeliveryHistoryTest, CorrectHistoryHasNoFaults) {
  EXPECT_THAT(Faults(), IsEmpty());
  Make(DeliveryMode::kDedup);
  EXPECT_THAT(Faults(), IsEmpty());
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 3);
}

TEST_F(DeliveryHistoryTest, FindsLostRecord) {
  EXPECT_THAT(FaultsAfter(absl::StrCat("DELETE FROM ", Table("rows"), " WHERE id = 4")),
              Contains(HasSubstr("records that are not in the table: 1 instead of 0")));
}

TEST_F(DeliveryHistoryTest, FindsDuplicateRecord) {
  EXPECT_THAT(FaultsAfter(absl::StrCat("INSERT INTO ", Table("rows"), " SELECT * FROM ",
                                       Table("rows"), " WHERE id = 4")),
              Contains(HasSubstr("rows that were not sent or are stored twice: 1 instead of 0")));
}

TEST_F(DeliveryHistoryTest, FindsWrongValue) {
  EXPECT_THAT(FaultsAfter(absl::StrCat("UPDATE ", Table("rows"), " SET name = 'x' WHERE id = 4")),
              Contains(HasSubstr("acknowledged records that are not in the table exactly once")));
}

TEST_F(DeliveryHistoryTest, FindsOlderRowOfKey) {
  Make(DeliveryMode::kDedup);
  EXPECT_THAT(FaultsAfter(absl::StrCat("UPDATE ", Table("rows"),
                                       " SET version = version - 3 WHERE id = 1")),
              Contains(HasSubstr("records that are not in the table: 1 instead of 0")));
}

TEST_F(DeliveryHistoryTest, FindsLedgerWithFewerRecords) {
  EXPECT_THAT(FaultsAfter(absl::StrCat("UPDATE ", schema(), ".writer SET durable_offset = 9")),
              Contains(HasSubstr("the ledger has 9 durable records, 10 were acknowledged")));
}

TEST_F(DeliveryHistoryTest, FindsRowsCountedTwice) {
  EXPECT_THAT(FaultsAfter(absl::StrCat("UPDATE ", schema(), ".writer SET rows_written = 12")),
              Contains(HasSubstr("rows written, by the ledger: 12 instead of 10")));
}

TEST_F(DeliveryHistoryTest, FindsOffsetsThatGoBackOrTooFar) {
  history_->Acknowledged(5, 10);
  history_->Acknowledged(11, 10);
  EXPECT_THAT(history_->faults(), Contains(HasSubstr("durable offset 5 after 10")));
  EXPECT_THAT(history_->faults(), Contains(HasSubstr("durable offset 11 of 10 sent")));
}

TEST_F(DeliveryHistoryTest, FindsCheckpointsOutOfOrder) {
  v1::CheckpointCommitted checkpoint;
  const auto announce = [&](int64_t offset) {
    history_->SentCheckpoint(offset);
    checkpoint.set_checkpoint_id(DeliveryStream::CheckpointId(offset));
    history_->Announced(checkpoint);
  };
  for (const int64_t offset : {6, 2, 4}) announce(offset);
  history_->AcknowledgedCheckpoints({2, 4});
  EXPECT_THAT(Faults(), IsEmpty()) << "the call with the checkpoint at 6 failed";
  announce(1);
  history_->AcknowledgedCheckpoints({1});
  EXPECT_THAT(Faults(), Contains(HasSubstr("announced out of order")));
}

TEST_F(DeliveryHistoryTest, FindsMissingDuplicateAndUnknownCheckpoints) {
  for (const int64_t offset : {2, 4, 6}) history_->SentCheckpoint(offset);
  history_->AcknowledgedCheckpoints({2, 4, 6});
  v1::CheckpointCommitted checkpoint;
  for (const int64_t offset : {2, 2, 4, 8}) {
    checkpoint.set_checkpoint_id(DeliveryStream::CheckpointId(offset));
    history_->Announced(checkpoint);
  }
  const std::vector<std::string> faults = Faults();
  EXPECT_THAT(faults, Contains(HasSubstr("the checkpoint at 2 was announced 2 times")));
  EXPECT_THAT(faults, Contains(HasSubstr("the checkpoint at 6 was announced 0 times")));
  EXPECT_THAT(faults, Contains(HasSubstr("\"at 8\" was announced but never sent")));
}

// Tests that run at the same time also create such objects, so this test does not expect an empty
// list.
TEST_F(DeliveryHistoryTest, FindsOrphans) {
  const auto connection = Connect();
  Execute(absl::StrCat("CREATE TABLE ", Table("staged"), " ()"));
  const auto open = Connect();
  ASSERT_TRUE(open->Begin().ok());
  ASSERT_TRUE(open->Execute("SELECT pg_advisory_xact_lock(1)").ok());
  const std::vector<std::string> orphans = FindOrphans(*connection, schema(), absl::ZeroDuration());
  EXPECT_THAT(orphans, Contains(HasSubstr("staging table staged")));
  EXPECT_THAT(orphans, Contains(HasSubstr("transaction of ")));
  EXPECT_THAT(orphans, Contains(HasSubstr("advisory lock")));
}

}  // namespace
}  // namespace syncline::testing
