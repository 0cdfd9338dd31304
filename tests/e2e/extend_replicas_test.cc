// A sync that one replica extends, and of which another one receives the records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/append_call.h"
#include "tests/support/append_requests.h"
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

// The guard of a completion may name a column that the other replica has added.
TEST_F(ExtendReplicasTest, GuardMayNameAnAddedColumn) {
  v1::StartSyncRequest request = Extension("rows");
  request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
  request.mutable_streams(0)->add_primary_key()->add_path("id");
  ASSERT_OK(one_.client->StartSync(request));
  ASSERT_OK(Send(*two_.client, "s", "rows", 0, 2));
  request.mutable_streams(0)->set_json_schema(
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},)"
      R"("more":{"type":"boolean"}}})");
  ASSERT_OK(one_.client->StartSync(request));
  v1::CompleteStreamRequest completion = Completion("s", "rows");
  (*completion.mutable_guard()->mutable_not_null())["elsewhere"] = 0;
  EXPECT_THAT(two_.client->CompleteStream(completion),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  completion.mutable_guard()->clear_not_null();
  (*completion.mutable_guard()->mutable_not_null())["more"] = 0;
  EXPECT_OK(two_.client->CompleteStream(completion));
}

// A replica reads the ledger for a checkpoint of a stream that the other one has added. While the
// ledger is locked, that delays the checkpoint's call and no other.
TEST_F(ExtendReplicasTest, LockedLedgerDelaysOnlyCheckpoints) {
  ASSERT_OK(one_.client->StartSync(Extension("rows")));
  constexpr int kCalls = 20;  // more than gRPC's threads
  std::atomic<int> opened = 0;
  std::vector<std::unique_ptr<client::AppendCall>> calls;
  for (int n = 0; n < kCalls; ++n) {
    calls.push_back(two_.client->AppendRecords([&](const v1::AppendRecordsResponse& answer) {
      if (answer.has_opened()) ++opened;
    }));
    ASSERT_TRUE(calls.back()->Write(ToAppend(Header("s", "rows", absl::StrCat("w", n)))));
  }
  ASSERT_TRUE(Eventually([&] { return opened == kCalls; }));
  ASSERT_OK(one_.client->StartSync(Extension("late")));
  const auto locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(
      absl::StrCat("LOCK TABLE ", LedgerTable("stream"), " IN ACCESS EXCLUSIVE MODE")));
  for (int n = 0; n < kCalls; ++n) {
    v1::StreamRecordsRequest request = CheckpointOf(absl::StrCat("g", n), "state");
    *request.mutable_checkpoint()->add_positions()->mutable_descriptor() = Descriptor("late");
    ASSERT_TRUE(calls[static_cast<size_t>(n)]->Write(ToAppend(request)));
  }
  EXPECT_TRUE(Eventually([&] {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '",
                                 LedgerTable("stream"), "'::regclass")) > 0;
  }));
  absl::SleepFor(absl::Seconds(1));  // all checkpoints have arrived
  auto other = std::async(std::launch::async,
                          [&] { return two_.client->StartSync(v1::StartSyncRequest()).status(); });
  EXPECT_EQ(other.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  ASSERT_OK(locker->Commit());
  EXPECT_THAT(other.get(), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  for (const auto& call : calls) EXPECT_OK(call->Finish());
}

}  // namespace
}  // namespace syncline::testing
