// Checkpoints that cover several writers of a sync, through the real RPCs: when they are committed,
// what is refused, and which rows a later sync keeps.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

struct At {
  std::string table;
  int64_t offset = 0;
};

class GlobalCheckpointTest : public AppTest {
 protected:
  // Starts a sync that replaces the tables "a" and "b".
  absl::Status StartBoth(const std::string& sync_id, v1::Replay replay) {
    v1::StartSyncRequest request;
    request.set_sync_id(sync_id);
    for (const char* const table : {"a", "b"}) {
      Ask ask = Replace(1);
      ask.replay = replay;
      *request.add_streams() = Stream(ask, table);
    }
    return client().StartSync(request).status();
  }

  // Makes one call for `table`: records from `first` to `last` and, with `positions`, a checkpoint.
  absl::Status Call(const std::string& sync_id, const std::string& table, int64_t first,
                    int64_t last, const std::string& checkpoint_id = "",
                    const std::vector<At>& positions = {}) {
    const std::unique_ptr<client::RecordsCall> call = client().StreamRecords();
    v1::StreamRecordsRequest header;
    header.mutable_header()->set_sync_id(sync_id);
    header.mutable_header()->mutable_descriptor()->set_name(table);
    call->Write(header);
    v1::StreamRecordsRequest batch;
    batch.mutable_batch()->set_first_offset(first);
    for (int64_t id = first; id < last; ++id) {
      batch.mutable_batch()->mutable_jsonl()->append(Record(id, table));
    }
    if (first < last) call->Write(batch);
    if (!checkpoint_id.empty()) {
      v1::StreamRecordsRequest request;
      v1::Checkpoint* const checkpoint = request.mutable_checkpoint();
      checkpoint->set_checkpoint_id(checkpoint_id);
      checkpoint->set_state("state of " + checkpoint_id);
      for (const At& at : positions) {
        v1::Position* const position = checkpoint->add_positions();
        position->mutable_descriptor()->set_name(at.table);
        position->set_offset(at.offset);
      }
      call->Write(request);
    }
    return call->Finish().status();
  }

  // Returns "1:g1:state of g1:5": the checkpoints that a watch that starts now receives first.
  std::string Announced(const std::string& sync_id) {
    const std::unique_ptr<client::WatchCall> watch = client().WatchSync(sync_id, 0);
    std::string announced;
    v1::WatchSyncResponse event;
    while (watch->Read(&event)) {
      if (event.has_checkpoint_committed()) {
        const v1::CheckpointCommitted& committed = event.checkpoint_committed();
        absl::StrAppend(&announced, committed.sequence(), ":", committed.checkpoint_id(), ":",
                        committed.state(), ":", committed.records_since_last(), " ");
      } else if (event.has_progress()) {
        break;  // follows the existing checkpoints
      }
    }
    watch->Cancel();
    return announced;
  }
};

TEST_F(GlobalCheckpointTest, IsCommittedWhenEveryPositionIsDurable) {
  ASSERT_OK(StartBoth("s1", v1::REPLAY_NOTHING));
  ASSERT_OK(Call("s1", "a", 0, 2, "g1", {{"a", 2}, {"b", 3}}));
  EXPECT_EQ(Announced("s1"), "");
  ASSERT_OK(Call("s1", "b", 0, 2));
  EXPECT_EQ(Announced("s1"), "");
  ASSERT_OK(Call("s1", "b", 2, 5));
  EXPECT_EQ(Announced("s1"), "1:g1:state of g1:5 ");
  // Sending it again is the same checkpoint. The next one counts from it.
  ASSERT_OK(Call("s1", "a", 2, 2, "g1", {{"a", 2}, {"b", 3}}));
  ASSERT_OK(Call("s1", "a", 2, 4, "g2", {{"a", 4}, {"b", 4}}));
  EXPECT_EQ(Announced("s1"), "1:g1:state of g1:5 2:g2:state of g2:3 ");
}

TEST_F(GlobalCheckpointTest, FewerPositionsCountNoRecords) {
  ASSERT_OK(StartBoth("s1", v1::REPLAY_NOTHING));
  ASSERT_OK(Call("s1", "b", 0, 5));
  ASSERT_OK(Call("s1", "a", 0, 2, "g1", {{"a", 2}, {"b", 5}}));
  EXPECT_EQ(Announced("s1"), "1:g1:state of g1:7 ");
  ASSERT_OK(Call("s1", "a", 2, 4, "g2", {{"a", 4}}));
  ASSERT_OK(Call("s1", "a", 4, 5, "g3", {{"a", 5}}));
  EXPECT_EQ(Announced("s1"), "1:g1:state of g1:7 2:g2:state of g2:0 3:g3:state of g3:1 ");
}

TEST_F(GlobalCheckpointTest, PositionsAreChecked) {
  ASSERT_OK(StartBoth("s1", v1::REPLAY_NOTHING));
  for (const std::vector<At>& positions :
       {std::vector<At>{{"a", -1}}, {{"a", 1}, {"elsewhere", 1}}, {{"a", 1}, {"a", 2}}}) {
    const absl::Status refused = Call("s1", "a", 0, 0, "g", positions);
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(GetReason(refused), "INVALID_REQUEST");
  }
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(), ".global_checkpoint")), 0);
}

TEST_F(GlobalCheckpointTest, LaterSyncKeepsRowsOfNewestCommittedOne) {
  ASSERT_OK(StartBoth("s1", v1::REPLAY_FROM_CHECKPOINT));
  ASSERT_OK(Call("s1", "a", 0, 2, "g1", {{"a", 2}, {"b", 3}}));
  ASSERT_OK(Call("s1", "b", 0, 5));
  ASSERT_OK(Call("s1", "a", 2, 4, "g2", {{"a", 4}, {"b", 6}}));
  for (const char* const table : {"a", "b"}) {
    ASSERT_OK(Complete("s1", v1::STREAM_STATUS_INCOMPLETE, table));
  }
  ASSERT_OK(StartBoth("s2", v1::REPLAY_FROM_CHECKPOINT));
  EXPECT_EQ(StagedRows("a"), "0:a@1 1:a@1");
  EXPECT_EQ(StagedRows("b"), "0:b@1 1:b@1 2:b@1");
}

// Two calls may store their checkpoints in another order than that of the source.
TEST_F(GlobalCheckpointTest, LaterSyncKeepsRowsOfTheFurthestOneInAnyOrder) {
  ASSERT_OK(StartBoth("s1", v1::REPLAY_FROM_CHECKPOINT));
  ASSERT_OK(Call("s1", "b", 0, 5, "g2", {{"a", 4}, {"b", 4}}));
  ASSERT_OK(Call("s1", "a", 0, 5, "g1", {{"a", 2}, {"b", 3}}));
  for (const char* const table : {"a", "b"}) {
    ASSERT_OK(Complete("s1", v1::STREAM_STATUS_INCOMPLETE, table));
  }
  ASSERT_OK(StartBoth("s2", v1::REPLAY_FROM_CHECKPOINT));
  EXPECT_EQ(StagedRows("a"), "0:a@1 1:a@1 2:a@1 3:a@1");
  EXPECT_EQ(StagedRows("b"), "0:b@1 1:b@1 2:b@1 3:b@1");
}

}  // namespace
}  // namespace syncline::testing
