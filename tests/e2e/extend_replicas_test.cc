// A sync that one replica extends, and of which another one receives the records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

class ExtendReplicasTest : public EndToEndTest {
 protected:
  void SetUp() override {
    EndToEndTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (Replica* const replica : {&one_, &two_}) {
      replica->server = StartServer();
      ASSERT_NE(replica->server, nullptr);
      client::ConnectionOptions options;
      options.server = replica->server->address();
      ASSERT_OK_AND_ASSIGN(replica->client, client::SyncClient::Create(options));
    }
  }

  v1::StartSyncRequest Extension(absl::string_view table) const {
    v1::StartSyncRequest request = OneStream("s", table);
    request.set_extend(true);
    return request;
  }

  // Sends one line through the second replica.
  absl::Status SendLine(const std::string& line, int64_t offset, int64_t plan_version) {
    const auto call = two_.client->StreamRecords();
    v1::StreamRecordsRequest header = Header("s", "rows");
    header.mutable_header()->set_plan_version(plan_version);
    v1::StreamRecordsRequest batch;
    batch.mutable_batch()->set_first_offset(offset);
    batch.mutable_batch()->set_jsonl(line);
    if (call->Write(header)) call->Write(batch);
    return call->Finish().status();
  }

  struct Replica {
    std::unique_ptr<ServerProcess> server;
    std::unique_ptr<client::SyncClient> client;
  };
  Replica one_;
  Replica two_;
};

TEST_F(ExtendReplicasTest, EveryReplicaUsesTheNewestPlan) {
  v1::StartSyncRequest request = Extension("rows");
  ASSERT_OK(one_.client->StartSync(request));
  ASSERT_OK(Send(*two_.client, "s", "rows", 0, 2));
  request.mutable_streams(0)->set_json_schema(
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},)"
      R"("more":{"type":"boolean"}}})");
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse extended, one_.client->StartSync(request));
  ASSERT_EQ(extended.streams(0).plan_version(), 2);
  ASSERT_OK(SendLine("{\"id\":2,\"more\":true}\n", 2, /*plan_version=*/0));
  ASSERT_OK(SendLine("{\"id\":3,\"more\":true}\n", 3, /*plan_version=*/2));
  EXPECT_THAT(SendLine("{\"id\":4}\n", 4, /*plan_version=*/3),
              StatusIs(absl::StatusCode::kFailedPrecondition, "PLAN_VERSION_UNKNOWN"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"), " WHERE more")), 2);
  // A stream that the other replica has added.
  ASSERT_OK(one_.client->StartSync(Extension("late")));
  ASSERT_OK(Send(*two_.client, "s", "late", 0, 1));
  ASSERT_OK(two_.client->CompleteStream(Completion("s", "rows")));
  ASSERT_OK(two_.client->CompleteStream(Completion("s", "late")));
  v1::StartSyncRequest end;
  end.set_sync_id("s");
  end.set_extend(true);
  ASSERT_OK(one_.client->StartSync(end));
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary sync, two_.client->GetSync("s"));
  EXPECT_EQ(sync.state(), v1::SYNC_STATE_FINISHED);
}

}  // namespace
}  // namespace syncline::testing
