// What the reader of all watches reads of a ledger on a real database.
#include "server/write/watch_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tests/component/ledger_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int64_t kMiB = int64_t{1} << 20;

class WatchSourceTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = std::make_unique<write::StreamStateStore>(&database(), connections_.get(),
                                                       ledger_.get(), "here");
    source_ =
        std::make_unique<write::LedgerWatchSource>(connections_.get(), ledger_.get(), store_.get());
  }
  void TearDown() override {
    source_.reset();
    PostgresTest::TearDown();
  }

  SyncEntry Insert(const std::string& sync_id, const std::string& owner = "") {
    SyncEntry sync;
    sync.sync_id = sync_id;
    sync.connection_id = "connection";
    sync.owner = owner;
    sync.request_digest = "digest";
    StreamEntry stream;
    stream.plan.descriptor = {"space", sync_id};
    stream.plan.table = {"space", sync_id};
    stream.plan.temp_table = {"space", sync_id + "_temp"};
    stream.plan.schema.columns = {{"Id", "id", ColumnType::kBigint}};
    sync.streams.push_back(stream);
    EXPECT_OK(database().Transact([&](postgres::Transaction& transaction) -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(ledger_->InsertSync(transaction, &sync));
      return ledger_->MarkRunning(transaction, sync.sync_no);
    }));
    EXPECT_OK(store_->ClaimWriter(sync.sync_no, sync.streams[0].plan.stream_no, ""));
    return sync;
  }

  // Stores a checkpoint as a commit does, with a state of `bytes`.
  void AddCheckpoint(const SyncEntry& sync, int64_t sequence, int64_t bytes) {
    Execute(absl::StrCat("INSERT INTO ", schema(),
                         ".checkpoint (sync_no, sequence, stream_no, writer_id, checkpoint_id, "
                         "\"offset\", records_since_last, state) VALUES (",
                         sync.sync_no, ", ", sequence, ", ", sync.streams[0].plan.stream_no,
                         ", '', 'c", sequence, "', ", sequence, ", 1, convert_to(repeat('x', ",
                         bytes, "), 'UTF8'))"));
  }

  CheckpointPage Read(const SyncEntry& sync, int64_t after_sequence, int64_t max_bytes,
                      bool with_state = true, bool at_least_one = true) {
    CheckpointQuery query;
    query.sync_no = sync.sync_no;
    query.after_sequence = after_sequence;
    query.max_bytes = max_bytes;
    query.with_state = with_state;
    query.at_least_one = at_least_one;
    const absl::StatusOr<CheckpointPage> page = source_->ReadCheckpoints(query);
    EXPECT_OK(page);
    return page.ok() ? *page : CheckpointPage();
  }
  // Returns "sequence:bytes of the state" of each checkpoint of the page, and "+" if more follow.
  static std::vector<std::string> Contents(const CheckpointPage& page) {
    std::vector<std::string> contents;
    for (const CommittedCheckpoint& checkpoint : page.checkpoints) {
      contents.push_back(absl::StrCat(checkpoint.sequence, ":", checkpoint.state.size()));
    }
    if (page.more) contents.push_back("+");
    return contents;
  }

  SyncMark Mark(const SyncEntry& sync) {
    const absl::StatusOr<std::vector<SyncMark>> marks = source_->ReadMarks({sync.sync_no});
    EXPECT_OK(marks);
    return marks.ok() && marks->size() == 1 ? marks->front() : SyncMark();
  }

  std::unique_ptr<write::StreamStateStore> store_;
  std::unique_ptr<write::LedgerWatchSource> source_;
};

TEST_F(WatchSourceTest, PagesAreBoundedByBytes) {
  const SyncEntry sync = Insert("one");
  for (int64_t n = 1; n <= 3; ++n) AddCheckpoint(sync, n, 400 << 10);
  AddCheckpoint(sync, 4, 2 * kMiB);
  AddCheckpoint(sync, 5, 10);
  const CheckpointPage first = Read(sync, 0, kMiB);
  EXPECT_THAT(Contents(first), ElementsAre("1:409600", "2:409600", "+"));
  EXPECT_GT(first.bytes, 800 << 10);
  EXPECT_LE(first.bytes, kMiB);
  EXPECT_EQ(first.checkpoints[0].state, std::string(400 << 10, 'x'));
  EXPECT_THAT(Contents(Read(sync, 2, kMiB)), ElementsAre("3:409600", "+"));
  // A state that is larger than a page is a page of its own, or none.
  EXPECT_THAT(Contents(Read(sync, 3, kMiB)), ElementsAre("4:2097152", "+"));
  EXPECT_THAT(Contents(Read(sync, 3, kMiB, true, false)), ElementsAre("+"));
  EXPECT_THAT(Contents(Read(sync, 4, kMiB, true, false)), ElementsAre("5:10"));
  EXPECT_THAT(Contents(Read(sync, 5, kMiB)), IsEmpty());
  // Without states all fit.
  EXPECT_THAT(Contents(Read(sync, 0, kMiB, false)), ElementsAre("1:0", "2:0", "3:0", "4:0", "5:0"));
}

TEST_F(WatchSourceTest, PagesAreBoundedByCount) {
  const SyncEntry sync = Insert("one");
  Execute(absl::StrCat("INSERT INTO ", schema(),
                       ".checkpoint (sync_no, sequence, stream_no, writer_id, checkpoint_id, "
                       "\"offset\", records_since_last, state) SELECT ",
                       sync.sync_no, ", n, ", sync.streams[0].plan.stream_no,
                       ", '', 'c' || n, n, 1, '' FROM generate_series(1, 1500) n"));
  const CheckpointPage first = Read(sync, 0, kMiB);
  EXPECT_EQ(first.checkpoints.size(), 1000);
  EXPECT_TRUE(first.more);
  const CheckpointPage second = Read(sync, 1000, kMiB);
  EXPECT_EQ(second.checkpoints.size(), 500);
  EXPECT_FALSE(second.more);
}

TEST_F(WatchSourceTest, StatesOfEarlierVersionsAreDropped) {
  const SyncEntry sync = Insert("one");
  AddCheckpoint(sync, 1, 3 * kMiB);
  AddCheckpoint(sync, 2, 3 * kMiB + 1);
  AddCheckpoint(sync, 3, 4 * kMiB);
  const CheckpointPage first = Read(sync, 0, kMiB);
  EXPECT_THAT(Contents(first), ElementsAre("1:3145728", "+"));
  EXPECT_FALSE(first.checkpoints[0].state_dropped);
  const CheckpointPage rest = Read(sync, 1, kMiB);
  ASSERT_THAT(Contents(rest), ElementsAre("2:0", "3:0"));
  EXPECT_TRUE(rest.checkpoints[0].state_dropped);
  EXPECT_TRUE(rest.checkpoints[1].state_dropped);
  EXPECT_FALSE(Read(sync, 1, kMiB, false).checkpoints[0].state_dropped);
}

TEST_F(WatchSourceTest, MarksChangeWithWhatIsReported) {
  const SyncEntry sync = Insert("one");
  const SyncEntry other = Insert("two");
  const SyncMark before = Mark(sync);
  EXPECT_EQ(before.last_sequence, 0);
  AddCheckpoint(sync, 7, 0);
  EXPECT_EQ(Mark(sync).last_sequence, 7);
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter claimed,
                       store_->ClaimWriter(sync.sync_no, sync.streams[0].plan.stream_no, "writer"));
  EXPECT_EQ(Mark(sync).states, before.states);
  const std::string counts = Mark(sync).counts;
  Execute(absl::StrCat("UPDATE ", schema(), ".writer SET durable_offset = 1"));
  EXPECT_NE(Mark(sync).counts, counts);
  EXPECT_EQ(Mark(sync).states, before.states);
  Execute(absl::StrCat("UPDATE ", schema(),
                       ".stream SET state = 'completed' WHERE sync_no = ", sync.sync_no));
  EXPECT_NE(Mark(sync).states, before.states);
  EXPECT_EQ(Mark(other).states, before.states);
  ASSERT_OK_AND_ASSIGN(const std::vector<SyncMark> both,
                       source_->ReadMarks({sync.sync_no, other.sync_no, 999999}));
  EXPECT_EQ(both.size(), 2);
}

TEST_F(WatchSourceTest, FindsSyncsById) {
  const SyncEntry one = Insert("one", "team");
  const SyncEntry two = Insert("two");
  ASSERT_OK_AND_ASSIGN(
      const std::vector<SyncIdentity> found,
      source_->FindSyncs({"one", "two", "three", "", std::string("one\0", 4), "{a,\"b\"}"}));
  std::vector<std::string> texts;
  for (const SyncIdentity& sync : found) {
    texts.push_back(absl::StrCat(sync.sync_no, " ", sync.sync_id, " ", sync.owner));
  }
  EXPECT_THAT(texts, UnorderedElementsAre(absl::StrCat(one.sync_no, " one team"),
                                          absl::StrCat(two.sync_no, " two ")));
}

TEST_F(WatchSourceTest, SummariesHaveNoColumns) {
  const SyncEntry sync = Insert("one");
  ASSERT_OK_AND_ASSIGN(const std::vector<SyncEntry> read,
                       source_->ReadSummaries({sync.sync_no, 999999}));
  ASSERT_EQ(read.size(), 1);
  ASSERT_EQ(read[0].streams.size(), 1);
  EXPECT_EQ(read[0].sync_id, "one");
  EXPECT_EQ(read[0].streams[0].plan.descriptor.name, "one");
  EXPECT_THAT(read[0].streams[0].plan.schema.columns, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const SyncEntry summary, store_->GetSummary("one"));
  EXPECT_THAT(summary.streams[0].plan.schema.columns, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const std::vector<SyncEntry> listed, store_->ListSyncs({.limit = 1}));
  EXPECT_THAT(listed[0].streams[0].plan.schema.columns, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const SyncEntry whole, store_->GetSync("one"));
  EXPECT_EQ(whole.streams[0].plan.schema.columns.size(), 1);
}

}  // namespace
}  // namespace syncline::testing
