#include "server/sync/watch_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace syncline::sync {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

EncodedEvent Text(const std::string& text) { return std::make_shared<const std::string>(text); }

std::vector<std::string> Texts(const std::vector<EncodedEvent>& events) {
  std::vector<std::string> texts;
  for (const EncodedEvent& event : events) texts.push_back(*event);
  return texts;
}

class WatchStateTest : public ::testing::Test {
 protected:
  std::shared_ptr<EventPage> Page(std::vector<std::string> events, int64_t last, bool more,
                                  int64_t round) const {
    const auto page = std::make_shared<EventPage>(budget_);
    page->events = std::move(events);
    page->last_sequence = last;
    page->more = more;
    page->round = round;
    return page;
  }
  static SyncSnapshot Snapshot(int64_t round, int64_t progress_no) {
    SyncSnapshot snapshot;
    snapshot.round = round;
    snapshot.progress_no = progress_no;
    snapshot.progress = Text("progress");
    snapshot.finished.resize(2);
    return snapshot;
  }
  std::vector<std::string> TakePage(const std::shared_ptr<const EventPage>& page) {
    std::vector<EncodedEvent> events;
    state_.TakePage(page, &events);
    return Texts(events);
  }
  std::vector<std::string> TakeSnapshot(const SyncSnapshot& snapshot, double seconds = 0) {
    std::vector<EncodedEvent> events;
    state_.TakeSnapshot(snapshot, absl::Seconds(seconds), &events);
    return Texts(events);
  }

  const std::shared_ptr<MemoryBudget> budget_ = std::make_shared<MemoryBudget>(100);
  WatchState state_{3};
};

TEST_F(WatchStateTest, ReadsUntilNothingFollows) {
  EXPECT_TRUE(state_.NeedsPage(0, 1));
  EXPECT_THAT(TakePage(Page({"c4", "c5"}, 5, true, 1)), ElementsAre("c4", "c5"));
  EXPECT_EQ(state_.sequence(), 5);
  EXPECT_TRUE(state_.NeedsPage(0, 1));
  EXPECT_THAT(TakePage(Page({"c7"}, 7, false, 2)), ElementsAre("c7"));
  EXPECT_FALSE(state_.NeedsPage(7, 2));
  EXPECT_TRUE(state_.NeedsPage(8, 2));
  EXPECT_TRUE(state_.NeedsPage(7, 3));
}

TEST_F(WatchStateTest, SnapshotFollowsTheCheckpointsBeforeIt) {
  SyncSnapshot snapshot = Snapshot(2, 1);
  snapshot.finished[1] = Text("stream");
  snapshot.end = Text("end");
  TakePage(Page({"c4"}, 4, false, 1));
  EXPECT_THAT(TakeSnapshot(snapshot), IsEmpty()) << "checkpoints may have come since round 1";
  TakePage(Page({"c5"}, 5, true, 3));
  EXPECT_THAT(TakeSnapshot(snapshot), IsEmpty()) << "more checkpoints follow";
  TakePage(Page({}, 5, false, 4));
  EXPECT_THAT(TakeSnapshot(snapshot), ElementsAre("progress", "stream", "end"));
  EXPECT_TRUE(state_.ended());
  EXPECT_THAT(TakeSnapshot(snapshot, 10), IsEmpty());
}

TEST_F(WatchStateTest, ProgressComesOncePerSecondIfItChanged) {
  TakePage(Page({}, 3, false, 9));
  EXPECT_THAT(TakeSnapshot(Snapshot(1, 1), 10), ElementsAre("progress"));
  EXPECT_THAT(TakeSnapshot(Snapshot(2, 1), 12), IsEmpty());
  EXPECT_THAT(TakeSnapshot(Snapshot(3, 2), 12.1), ElementsAre("progress"));
  EXPECT_THAT(TakeSnapshot(Snapshot(4, 3), 13), IsEmpty());
  EXPECT_THAT(TakeSnapshot(Snapshot(4, 3), 13.1), ElementsAre("progress"));
}

TEST_F(WatchStateTest, StreamsFinishOnce) {
  TakePage(Page({}, 3, false, 9));
  SyncSnapshot snapshot = Snapshot(1, 0);
  snapshot.finished[1] = Text("second");
  EXPECT_THAT(TakeSnapshot(snapshot), ElementsAre("second"));
  snapshot.finished[0] = Text("first");
  snapshot.finished.push_back(Text("added"));
  EXPECT_THAT(TakeSnapshot(snapshot), ElementsAre("first", "added"));
}

TEST_F(WatchStateTest, PageIsHeldUntilItsLastEventIsReleased) {
  std::vector<EncodedEvent> events;
  {
    const auto page = Page({"c4", "c5"}, 5, false, 1);
    budget_->ForceAcquire(60);
    page->bytes = 60;
    state_.TakePage(page, &events);
  }
  events.erase(events.begin());
  EXPECT_EQ(budget_->held_bytes(), 60);
  events.clear();
  EXPECT_EQ(budget_->held_bytes(), 0);
}

}  // namespace
}  // namespace syncline::sync
