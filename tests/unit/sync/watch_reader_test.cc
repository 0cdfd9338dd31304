#include "server/sync/watch_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/sync/fake_watch_source.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

constexpr int64_t kMiB = int64_t{1} << 20;

absl::Status Unreachable() {
  return MakeError(StatusCode::kUnavailable, "the database is away", {.reason = "DB_UNREACHABLE"});
}

// Waits until `done` returns true. Returns false after a minute.
bool Eventually(absl::FunctionRef<bool()> done) {
  for (int tries = 0; tries < 6000; ++tries) {
    if (done()) return true;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return false;
}

class WatchReaderTest : public ::testing::Test {
 protected:
  WatchReaderTest() {
    options_.encode = EncodeAsText;
    options_.drained = [this] { return drained_.load(); };
  }

  void Start() { reader_ = std::make_unique<sync::WatchReader>(&source_, options_); }
  std::shared_ptr<RecordingCall> Open(const std::string& sync_id, bool taking = true,
                                      int64_t after_sequence = 0, const std::string& owner = "") {
    auto call = std::make_shared<RecordingCall>(reader_.get(), taking);
    sync::WatchRequest request;
    request.sync_id = sync_id;
    request.after_sequence = after_sequence;
    request.caller.owner = owner;
    reader_->Open(call->id(), std::move(request), call);
    return call;
  }
  static bool Receives(const RecordingCall& call, const std::string& events) {
    const bool received = Eventually([&] { return call.received() == events; });
    EXPECT_EQ(call.received(), events);
    return received;
  }
  static absl::Status EndOf(const RecordingCall& call) {
    EXPECT_TRUE(Eventually([&] { return call.ended(); }));
    return call.end();
  }

  FakeWatchSource source_;
  sync::WatchReaderOptions options_;
  std::atomic<bool> drained_ = false;
  std::unique_ptr<sync::WatchReader> reader_;  // last: uses the others
};

TEST_F(WatchReaderTest, SendsEverythingToTheEnd) {
  const int64_t sync = source_.AddSync("one");
  source_.AddCheckpoint(sync);
  source_.AddCheckpoint(sync);
  Start();
  EXPECT_TRUE(source_.closed());
  const auto call = Open("one");
  ASSERT_TRUE(Receives(*call, "c1 c2 progress"));
  source_.AddCheckpoint(sync);
  source_.Notify(sync);
  ASSERT_TRUE(Receives(*call, "c1 c2 progress c3"));
  const auto later = Open("one", true, 2);
  ASSERT_TRUE(Receives(*later, "c3 progress"));
  // The last checkpoint has no number when the sync ends.
  source_.AddCheckpoint(sync, 0, false);
  source_.Finish(sync);
  source_.Notify(sync);
  EXPECT_OK(EndOf(*call));
  EXPECT_THAT(call->received(),
              ::testing::MatchesRegex("c1 c2 progress c3 c4( progress)? stream-one end"));
  EXPECT_OK(EndOf(*later));
  EXPECT_TRUE(Eventually([&] { return source_.closed(); }));
}

TEST_F(WatchReaderTest, LockedSyncDelaysOnlyItsOwnWatches) {
  const int64_t locked = source_.AddSync("locked");
  const int64_t other = source_.AddSync("other");
  source_.SetLocked(locked, true);
  source_.AddCheckpoint(locked, 0, false);
  source_.Finish(locked);
  Start();
  const auto waiting = Open("locked");
  const auto call = Open("other");
  source_.AddCheckpoint(other, 0, false);
  source_.Finish(other);
  EXPECT_OK(EndOf(*call));
  EXPECT_EQ(waiting->received(), "") << "the end must not precede the checkpoint";
  source_.SetLocked(locked, false);
  EXPECT_OK(EndOf(*waiting));
  EXPECT_EQ(waiting->received(), "c1 progress stream-locked end");
}

TEST_F(WatchReaderTest, UnknownSyncsAndThoseOfOthersAreNotFound) {
  source_.AddSync("one", "team");
  Start();
  EXPECT_THAT(EndOf(*Open("other")), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  EXPECT_THAT(EndOf(*Open("one", true, 0, "other team")),
              StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  EXPECT_TRUE(Receives(*Open("one", true, 0, "team"), "progress"));
}

TEST_F(WatchReaderTest, WatchesShareWhatIsRead) {
  constexpr int kWatches = 300;
  const int64_t sync = source_.AddSync("one");
  Start();
  std::vector<std::shared_ptr<RecordingCall>> calls;
  for (int n = 0; n < kWatches; ++n) calls.push_back(Open("one"));
  for (const auto& call : calls) ASSERT_TRUE(Receives(*call, "progress"));
  const int64_t pages = source_.page_reads();
  const int64_t summaries = source_.summary_reads();
  source_.AddCheckpoint(sync);
  source_.Notify(sync);
  for (const auto& call : calls) ASSERT_TRUE(Receives(*call, "progress c1"));
  EXPECT_EQ(source_.page_reads(), pages + 1);
  EXPECT_EQ(source_.summary_reads(), summaries);
}

TEST_F(WatchReaderTest, LostNotificationsAndNumbersAreFoundWithinASecond) {
  const int64_t sync = source_.AddSync("one");
  Start();
  const auto call = Open("one");
  ASSERT_TRUE(Receives(*call, "progress"));
  const absl::Time committed = absl::Now();
  source_.AddCheckpoint(sync, 0, false);
  ASSERT_TRUE(Receives(*call, "progress c1"));
  EXPECT_LT(absl::Now() - committed, absl::Seconds(2));
  source_.Change(sync, [](SyncEntry* entry) { entry->streams[0].records_written = 5; });
  ASSERT_TRUE(Receives(*call, "progress c1 progress"));
}

TEST_F(WatchReaderTest, SlowCallerGetsAPageAtATimeAndDelaysNoOther) {
  const int64_t sync = source_.AddSync("one");
  for (int n = 0; n < 3; ++n) source_.AddCheckpoint(sync, kMiB);
  Start();
  const auto slow = Open("one", false);
  ASSERT_TRUE(Receives(*slow, "c1"));
  const auto fast = Open("one");
  ASSERT_TRUE(Receives(*fast, "c1 c2 c3 progress"));
  EXPECT_EQ(slow->received(), "c1");
  slow->Take();
  ASSERT_TRUE(Receives(*slow, "c1 c2"));
  slow->Take();
  ASSERT_TRUE(Receives(*slow, "c1 c2 c3 progress"));
  // A closed call receives nothing more.
  reader_->Close(slow->id());
  source_.Finish(sync);
  source_.Notify(sync);
  EXPECT_OK(EndOf(*fast));
  EXPECT_FALSE(slow->ended());
}

TEST_F(WatchReaderTest, StuckCallersCannotHoldAllMemory) {
  options_.page_budget_bytes = 4 * kMiB;
  options_.stuck = absl::Milliseconds(300);
  const int64_t sync = source_.AddSync("large");
  for (int n = 0; n < 10; ++n) source_.AddCheckpoint(sync, 2 * kMiB);
  const int64_t small = source_.AddSync("small");
  source_.AddCheckpoint(small);
  Start();
  const absl::Time start = absl::Now();
  // Each starts at another checkpoint, so they cannot share pages; two of these fill the budget,
  // and one more may exceed it each second.
  std::vector<std::shared_ptr<RecordingCall>> stuck;
  for (int n = 0; n < 5; ++n) stuck.push_back(Open("large", false, n));
  const auto sending = [&] {
    int64_t count = 0;
    for (const auto& call : stuck) count += call->received().empty() ? 0 : 1;
    return count;
  };
  const auto aborted = [&] {
    return std::any_of(stuck.begin(), stuck.end(),
                       [](const auto& call) { return call->aborted(); });
  };
  ASSERT_TRUE(Eventually([&] { return sending() >= 3; }));
  const int64_t served = sending();
  if (!aborted() && absl::Now() - start < absl::Seconds(1)) {
    EXPECT_EQ(served, 3);
  }
  // Small pages do not wait.
  ASSERT_TRUE(Receives(*Open("small"), "c1 progress"));
  // Those that wait for memory receive it when a stuck call has been aborted.
  ASSERT_TRUE(Receives(*Open("large", true, 8), "c9 c10 progress"));
  EXPECT_TRUE(Eventually(aborted));
  ASSERT_TRUE(Eventually([&] { return sending() == 5; }));
}

TEST_F(WatchReaderTest, ShortOutageIsNotSeen) {
  const int64_t sync = source_.AddSync("one");
  Start();
  const auto call = Open("one");
  ASSERT_TRUE(Receives(*call, "progress"));
  source_.SetError(Unreachable());
  // A watch that is opened now is refused.
  EXPECT_THAT(EndOf(*Open("one")), StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
  source_.AddCheckpoint(sync);
  source_.SetError(absl::OkStatus());
  ASSERT_TRUE(Receives(*call, "progress c1"));
  EXPECT_FALSE(call->ended());
}

TEST_F(WatchReaderTest, LongOutageEndsWatches) {
  options_.outage = absl::Milliseconds(700);
  source_.AddSync("one");
  Start();
  const auto call = Open("one");
  ASSERT_TRUE(Receives(*call, "progress"));
  source_.SetError(Unreachable());
  EXPECT_THAT(EndOf(*call), StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
}

TEST_F(WatchReaderTest, LastingErrorEndsWatchesAtOnce) {
  source_.AddSync("one");
  Start();
  const auto call = Open("one");
  ASSERT_TRUE(Receives(*call, "progress"));
  source_.SetError(MakeError(StatusCode::kPermissionDenied, "no", {.reason = "DB_PERMISSION"}));
  EXPECT_THAT(EndOf(*call), StatusIs(StatusCode::kPermissionDenied, "DB_PERMISSION"));
}

TEST_F(WatchReaderTest, RemovedSyncEndsItsWatches) {
  const int64_t sync = source_.AddSync("one");
  Start();
  const auto call = Open("one");
  ASSERT_TRUE(Receives(*call, "progress"));
  source_.RemoveSync(sync);
  EXPECT_THAT(EndOf(*call), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
}

TEST_F(WatchReaderTest, DrainSendsWhatIsCommittedFirst) {
  const int64_t sync = source_.AddSync("one");
  Start();
  const auto call = Open("one");
  const auto slow = Open("one", false);
  ASSERT_TRUE(Receives(*call, "progress"));
  ASSERT_TRUE(Receives(*slow, "progress"));
  source_.AddCheckpoint(sync, 0, false);
  drained_ = true;
  EXPECT_THAT(EndOf(*call), StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_EQ(call->received(), "progress c1");
  EXPECT_FALSE(slow->ended());
  slow->Take();
  ASSERT_TRUE(Receives(*slow, "progress c1"));
  slow->Take();
  EXPECT_THAT(EndOf(*slow), StatusIs(StatusCode::kUnavailable, "DRAINING"));
}

TEST_F(WatchReaderTest, DrainDoesNotWaitForCallersThatTakeNothing) {
  options_.drain_patience = absl::Milliseconds(300);
  source_.AddSync("one");
  Start();
  const auto call = Open("one");
  const auto stuck = Open("one", false);
  ASSERT_TRUE(Receives(*call, "progress"));
  ASSERT_TRUE(Receives(*stuck, "progress"));
  drained_ = true;
  EXPECT_THAT(EndOf(*call), StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_TRUE(Eventually([&] { return stuck->aborted(); }));
  EXPECT_TRUE(Eventually([&] { return source_.closed(); }));
}

TEST_F(WatchReaderTest, StopEndsAllWatches) {
  source_.AddSync("one");
  Start();
  const auto call = Open("one");
  ASSERT_TRUE(Receives(*call, "progress"));
  reader_->Stop();
  EXPECT_THAT(call->end(), StatusIs(StatusCode::kUnavailable, "DRAINING"));
  reader_->Stop();
}

}  // namespace
}  // namespace syncline::testing
