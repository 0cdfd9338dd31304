// Replacing a table: at every instant, readers see either the old or the new rows.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/thread.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

// Counts the table's rows in a loop until it is stopped.
class CountingReader {
 public:
  CountingReader(std::unique_ptr<postgres::Connection> connection, const std::string& table)
      : connection_(std::move(connection)),
        sql_(absl::StrCat("SELECT count(*), count(DISTINCT _airbyte_generation_id) FROM ", table)),
        thread_(std::make_unique<Thread>("reader", [this] { Run(); })) {}

  int64_t reads() const { return reads_; }
  // Stops the reader. Its results may be read afterwards.
  void Stop() {
    stop_ = true;
    thread_.reset();
  }
  const std::set<int64_t>& counts() const { return counts_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  void Run() {
    while (!stop_ && errors_.size() < 5) {
      // Not prepared: a statement prepared for the old table is not the subject of this test.
      const absl::Status begun = connection_->Begin();
      const absl::StatusOr<postgres::Result> result = connection_->Query(sql_, {});
      if (!begun.ok() || !result.ok()) {
        errors_.push_back(result.status().ToString());
      } else {
        counts_.insert(result->Int(0, 0));
        if (result->Int(0, 1) > 1) errors_.push_back("rows of two generations at once");
      }
      connection_->Rollback();
      ++reads_;
    }
  }

  const std::unique_ptr<postgres::Connection> connection_;
  const std::string sql_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> reads_{0};
  std::set<int64_t> counts_;
  std::vector<std::string> errors_;
  std::unique_ptr<Thread> thread_;
};

class ReplaceTest : public ServerTest {
 protected:
  // Loads records begin..end-1 in a separate sync and completes it.
  void Load(absl::string_view sync_id, int64_t generation, int64_t minimum, int64_t begin,
            int64_t end, v1::Outcome outcome) {
    v1::StartSyncRequest request = Generation(sync_id, generation, minimum);
    request.mutable_streams(0)->set_replace_strategy(strategy_);
    ASSERT_OK(client_->StartSync(request));
    if (end > begin) {
      ASSERT_OK(SendFrom(sync_id, begin, end));
    }
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed,
                         client_->CompleteStream(Completion(sync_id, "rows")));
    EXPECT_EQ(completed.outcome(), outcome);
    EXPECT_EQ(completed.generation_id(), generation);
  }

  // Sends records with ids begin..end-1, numbered from 0.
  absl::Status SendFrom(absl::string_view sync_id, int64_t begin, int64_t end) {
    v1::StreamRecordsRequest batch = Batch(begin, end);
    batch.mutable_batch()->set_first_offset(0);
    const auto call = client_->StreamRecords();
    if (call->Write(Header(sync_id, "rows"))) call->Write(batch);
    return call->Finish().status();
  }

  int64_t Count() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))); }

  // Replaces the table several times, with `outcome`, while it is read.
  void ReplaceWhileRead(v1::Outcome outcome);

  v1::ReplaceStrategy strategy_ = v1::REPLACE_STRATEGY_UNSPECIFIED;
};

void ReplaceTest::ReplaceWhileRead(v1::Outcome outcome) {
  Load("one", 1, 0, 0, 1000, v1::OUTCOME_APPENDED);
  std::vector<std::unique_ptr<CountingReader>> readers;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(std::make_unique<CountingReader>(Connect(), Table("rows")));
  }
  const auto each_read = [&](int64_t more) {
    std::vector<int64_t> until;
    for (const auto& reader : readers) until.push_back(reader->reads() + more);
    return Eventually([&] {
      bool all = true;
      for (size_t i = 0; i < readers.size(); ++i) all = all && readers[i]->reads() >= until[i];
      return all;
    });
  };
  ASSERT_TRUE(each_read(5));
  // Each replacement is another chance to observe a partial or missing table.
  std::set<int64_t> allowed = {1000};
  for (int64_t generation = 2; generation <= 6; ++generation) {
    const int64_t rows = 1000 + 500 * generation;
    allowed.insert(rows);
    Load(absl::StrCat("replace-", generation), generation, generation, 0, rows, outcome);
    ASSERT_TRUE(each_read(3));
  }
  for (const auto& reader : readers) {
    reader->Stop();
    EXPECT_TRUE(reader->errors().empty()) << reader->errors().front();
    for (const int64_t count : reader->counts()) EXPECT_EQ(allowed.count(count), 1) << count;
    EXPECT_EQ(reader->counts().count(1000), 1);
    EXPECT_EQ(reader->counts().count(4000), 1);
  }
  EXPECT_EQ(Count(), 4000);
}

TEST_F(ReplaceTest, ReadersSeeOnlyTheOldOrNewCount) { ReplaceWhileRead(v1::OUTCOME_SWAPPED); }

TEST_F(ReplaceTest, ReadersOfAReplaceInPlaceSeeOnlyTheOldOrNewCount) {
  strategy_ = v1::REPLACE_STRATEGY_IN_PLACE;
  ReplaceWhileRead(v1::OUTCOME_REPLACED_IN_PLACE);
}

TEST_F(ReplaceTest, ReplaceWithoutRecordsEmptiesTheTable) {
  Load("one", 1, 0, 0, 50, v1::OUTCOME_APPENDED);
  Load("two", 2, 2, 0, 0, v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Count(), 0);
}

TEST_F(ReplaceTest, NothingIsVisibleBeforeCompletion) {
  Load("one", 1, 0, 0, 50, v1::OUTCOME_APPENDED);
  ASSERT_OK(client_->StartSync(Generation("two", 2, 2)));
  ASSERT_OK(SendFrom("two", 100, 120));
  EXPECT_EQ(Count(), 50);
  ASSERT_OK(client_->CompleteStream(Completion("two", "rows")));
  EXPECT_EQ(Count(), 20);
}

TEST_F(ReplaceTest, NextSyncResumesAnInterruptedReplace) {
  Load("one", 1, 0, 0, 50, v1::OUTCOME_APPENDED);
  ASSERT_OK(client_->StartSync(Generation("two", 2, 2)));
  ASSERT_OK(SendFrom("two", 100, 120));
  v1::CompleteStreamRequest incomplete = Completion("two", "rows");
  incomplete.set_status(v1::STREAM_STATUS_INCOMPLETE);
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse kept, client_->CompleteStream(incomplete));
  EXPECT_EQ(kept.outcome(), v1::OUTCOME_KEPT_FOR_RESUME);
  EXPECT_EQ(Count(), 50);
  ASSERT_OK(server_->Restart());
  Load("three", 2, 2, 120, 130, v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Count(), 30);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table("rows"))), 30);
}

TEST_F(ReplaceTest, NewerGenerationDropsOldStagedRows) {
  Load("one", 1, 0, 0, 50, v1::OUTCOME_APPENDED);
  ASSERT_OK(client_->StartSync(Generation("two", 2, 2)));
  ASSERT_OK(SendFrom("two", 100, 120));
  Load("three", 3, 3, 200, 205, v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Count(), 5);
  EXPECT_THAT(SendFrom("two", 100, 120),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

TEST_F(ReplaceTest, RepeatedCompletionReturnsTheFirstResult) {
  ASSERT_OK(client_->StartSync(Generation("one", 1, 1)));
  ASSERT_OK(SendFrom("one", 0, 7));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse first,
                       client_->CompleteStream(Completion("one", "rows")));
  ASSERT_OK(server_->Restart());
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse second,
                       client_->CompleteStream(Completion("one", "rows")));
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  EXPECT_EQ(first.rows(), 7);
  EXPECT_EQ(Count(), 7);
}

TEST_F(ReplaceTest, DedupKeepsTheNewestRowOfEachKey) {
  v1::StartSyncRequest request = OneStream("dedup", "rows");
  request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
  request.mutable_streams(0)->add_primary_key()->add_path("id");
  ASSERT_OK(client_->StartSync(request));
  ASSERT_OK(SendFrom("dedup", 0, 10));
  ASSERT_OK_AND_ASSIGN(v1::CompleteStreamResponse completed,
                       client_->CompleteStream(Completion("dedup", "rows")));
  EXPECT_EQ(completed.outcome(), v1::OUTCOME_MERGED);
  EXPECT_EQ(Count(), 10);

  request.set_sync_id("dedup again");
  ASSERT_OK(client_->StartSync(request));
  v1::StreamRecordsRequest batch;
  batch.mutable_batch()->set_jsonl(
      "{\"id\":3,\"name\":\"older\"}\n{\"id\":3,\"name\":\"newest\"}\n{\"id\":77,\"name\":"
      "\"added\"}\n");
  const auto call = client_->StreamRecords();
  ASSERT_TRUE(call->Write(Header("dedup again", "rows")));
  ASSERT_TRUE(call->Write(batch));
  ASSERT_OK(call->Finish());
  ASSERT_OK(client_->CompleteStream(Completion("dedup again", "rows")));
  EXPECT_EQ(Count(), 11);
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT name FROM ", Table("rows"), " WHERE id = 3")),
            "newest");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT name FROM ", Table("rows"), " WHERE id = 77")),
            "added");
}

}  // namespace
}  // namespace syncline::testing
