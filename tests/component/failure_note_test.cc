// How the latest call or completion of a stream failed, as any server reports it later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/error.h"
#include "client/call_error.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

class FailureNoteTest : public AppTest {
 protected:
  // Returns the reason of the last error of the sync's only stream, or an empty string.
  std::string LastReason(absl::string_view sync_id) {
    const absl::StatusOr<v1::SyncSummary> sync = client().GetSync(std::string(sync_id));
    EXPECT_OK(sync);
    if (!sync.ok() || !sync->streams(0).has_last_error()) return "";
    EXPECT_GT(sync->streams(0).last_error_at().seconds(), 1'700'000'000);
    return GetReason(client::FromRpc(sync->streams(0).last_error()));
  }
};

TEST_F(FailureNoteTest, FailedCallIsReportedUntilTheNextCall) {
  ASSERT_OK(Start("s", Append(0)));
  ASSERT_OK(Send("s", Record(0, "a")));
  EXPECT_EQ(LastReason("s"), "");
  EXPECT_FALSE(Send("s", Record(9, "z"), 7).ok());
  EXPECT_EQ(LastReason("s"), "OFFSET_GAP");
  RestartServer();
  EXPECT_EQ(LastReason("s"), "OFFSET_GAP");
  const absl::StatusOr<v1::ListSyncsResponse> listed = client().ListSyncs({});
  ASSERT_OK(listed);
  EXPECT_THAT(listed->syncs(0).streams(0).last_error().message(), HasSubstr("7"));
  ASSERT_OK(Send("s", Record(1, "b"), 1));
  EXPECT_EQ(LastReason("s"), "");
  EXPECT_FALSE(Send("s", Record(9, "z"), 7).ok());
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(LastReason("s"), "");
}

TEST_F(FailureNoteTest, FailedCompletionIsReportedUntilStreamEnds) {
  ASSERT_OK(Start("s", Append(0)));
  ASSERT_OK(Send("s", Record(0, "a")));
  v1::CompleteStreamRequest request;
  request.set_sync_id("s");
  *request.mutable_descriptor() = Stream(Append(0)).descriptor();
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  request.set_expected_records(2);
  EXPECT_FALSE(client().CompleteStream(request).ok());
  EXPECT_EQ(LastReason("s"), "COUNT_MISMATCH");
  RestartServer();
  EXPECT_EQ(LastReason("s"), "COUNT_MISMATCH");
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(LastReason("s"), "");
}

}  // namespace
}  // namespace syncline::testing
