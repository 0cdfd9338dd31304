#include "server/write/changed_syncs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace syncline::write {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1);

TEST(ChangedSyncsTest, ChangesAreTakenOnce) {
  ChangedSyncs syncs;
  syncs.Committed(1, /*has_checkpoints=*/true);
  syncs.Committed(1, /*has_checkpoints=*/true);
  syncs.Committed(2, /*has_checkpoints=*/false);
  syncs.Ended(3);
  const ChangedSyncs::Changes changes = syncs.Take();
  EXPECT_THAT(changes.to_number, ElementsAre(1));
  EXPECT_THAT(changes.to_announce, ElementsAre(1, 3));
  EXPECT_TRUE(syncs.Take().empty());
  syncs.PutBack(changes);
  EXPECT_THAT(syncs.Take().to_announce, ElementsAre(1, 3));
}

TEST(ChangedSyncsTest, SyncThatWaitsForOtherWritersIsNumberedAfterEachCommit) {
  ChangedSyncs syncs;
  syncs.Committed(1, /*has_checkpoints=*/true);
  ChangedSyncs::Changes changes = syncs.Take();
  syncs.Settle(changes, {{}, {}, {1}}, kNow);
  // Another writer may have committed before this was known.
  changes = syncs.Take();
  EXPECT_THAT(changes.to_number, ElementsAre(1));
  syncs.Settle(changes, {{}, {}, {1}}, kNow);
  EXPECT_TRUE(syncs.Take().empty());
  syncs.Committed(1, /*has_checkpoints=*/false);
  changes = syncs.Take();
  EXPECT_THAT(changes.to_number, ElementsAre(1));
  EXPECT_THAT(changes.to_announce, IsEmpty());
  syncs.Settle(changes, {{1}, {}, {}}, kNow);
  syncs.Committed(1, /*has_checkpoints=*/false);
  EXPECT_TRUE(syncs.Take().empty());
}

TEST(ChangedSyncsTest, LockedSyncIsTriedAgain) {
  ChangedSyncs syncs;
  syncs.Committed(1, /*has_checkpoints=*/true);
  syncs.Settle(syncs.Take(), {{}, {1}, {}}, kNow);
  EXPECT_THAT(syncs.Take().to_number, ElementsAre(1));
}

TEST(ChangedSyncsTest, NumberedSyncIsForgottenAfterItsStatesCouldBeDropped) {
  ChangedSyncs syncs;
  syncs.Settle({{1, 2}, {}}, {{1}, {}, {}}, kNow);
  syncs.Numbered(2, kNow + absl::Seconds(60));
  EXPECT_THAT(syncs.GetRecentlyNumbered(kNow + absl::Seconds(10)), ElementsAre(1, 2));
  EXPECT_THAT(syncs.GetRecentlyNumbered(kNow + absl::Seconds(80)), ElementsAre(1, 2));
  EXPECT_THAT(syncs.GetRecentlyNumbered(kNow + absl::Seconds(90)), ElementsAre(2));
}

}  // namespace
}  // namespace syncline::write
