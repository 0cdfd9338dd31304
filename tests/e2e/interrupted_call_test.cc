// Calls whose caller gives up, whose sync is cancelled, or whose server has to stop while another
// session's lock blocks them. They end at once, and other calls are not delayed.
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/thread.h"
#include "client/call_error.h"
#include "syncline/v1/sync_service.grpc.pb.h"
#include "tests/e2e/blocked_fixture.h"

namespace syncline::testing {
namespace {

class InterruptedCallTest : public BlockedDatabaseTest {
 protected:
  // Calls StartSync or CompleteStream with a deadline, after which the caller is gone.
  static absl::Status CallStartSync(const ServerProcess& server,
                                    const v1::StartSyncRequest& request, absl::Duration deadline) {
    v1::StartSyncResponse response;
    return Call(server, deadline, [&](v1::SyncService::Stub& stub, grpc::ClientContext* context) {
      return stub.StartSync(context, request, &response);
    });
  }
  static absl::Status CallCompleteStream(const ServerProcess& server,
                                         const v1::CompleteStreamRequest& request,
                                         absl::Duration deadline) {
    v1::CompleteStreamResponse response;
    return Call(server, deadline, [&](v1::SyncService::Stub& stub, grpc::ClientContext* context) {
      return stub.CompleteStream(context, request, &response);
    });
  }

  // Starts a sync and sends 100 records, so that its completion merges them into `table`, which
  // exists.
  void StartMerge(client::SyncClient& client, const std::string& sync_id,
                  const std::string& table) {
    const std::string before = absl::StrCat("before_", sync_id);
    auto request = OneStream(before, table);
    request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
    request.mutable_streams(0)->add_primary_key()->add_path("id");
    ASSERT_OK(client.StartSync(request));
    ASSERT_OK(client.CompleteStream(Completion(before, table)));
    request.set_sync_id(sync_id);
    ASSERT_OK(client.StartSync(request));
    ASSERT_OK(Send(client, sync_id, table, 0, 100));
  }

  // Calls CompleteStream of the sync "merge" on a thread of its own, and waits until the call waits
  // for the table "rows", which is locked. `merged` receives the result.
  std::unique_ptr<Thread> StartWaitingMerge(const ServerProcess& server, absl::Status* merged) {
    auto merge = std::make_unique<Thread>("merge", [this, &server, merged] {
      *merged = server.Client()->CompleteStream(Completion("merge", "rows")).status();
    });
    EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() == 1; }));
    return merge;
  }

 private:
  static absl::Status Call(
      const ServerProcess& server, absl::Duration deadline,
      absl::FunctionRef<grpc::Status(v1::SyncService::Stub&, grpc::ClientContext*)> call) {
    const std::shared_ptr<grpc::Channel> channel =
        grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials());
    const std::unique_ptr<v1::SyncService::Stub> stub = v1::SyncService::NewStub(channel);
    // The first call of a connection may arrive so late that it ends as CALLER_GONE instead of by
    // its deadline. This one has no id, so it is refused without the database.
    grpc::ClientContext first;
    v1::GetSyncResponse none;
    EXPECT_EQ(stub->GetSync(&first, v1::GetSyncRequest(), &none).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
    return client::FromGrpc(call(*stub, &context));
  }
};

// Finding A2: callers that give up and try again used to take all connections of the server.
TEST_F(InterruptedCallTest, AbandonedStartsLeaveRoomForOthers) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("before", "rows")));
  const auto locker = Lock("rows");
  std::atomic<bool> over = false;
  std::atomic<int> not_serving = 0;
  auto health = std::make_unique<Thread>("health", [&] {
    const auto prober = server->Client();
    while (!over) {
      if (!prober->CheckHealth().ok()) ++not_serving;
      absl::SleepFor(absl::Milliseconds(50));
    }
  });
  for (int i = 0; i < 8; ++i) {
    // START_IN_PROGRESS if the server has not yet ended the previous one.
    EXPECT_FALSE(CallStartSync(*server, OneStream("abandoned", "rows"), absl::Seconds(1)).ok());
  }
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() == 0; }));
  const absl::Time began = absl::Now();
  EXPECT_OK(client->StartSync(OneStream("other", "others")));
  EXPECT_OK(Send(*client, "other", "others", 0, 100));
  EXPECT_OK(client->CompleteStream(Completion("other", "others")));
  std::fprintf(stderr, "start, load and completion took %s\n",
               absl::FormatDuration(absl::Now() - began).c_str());
  EXPECT_LT(absl::Now() - began, absl::Seconds(10));
  over = true;
  health.reset();
  EXPECT_EQ(not_serving, 0);
  ASSERT_OK(locker->Commit());
  // Between two attempts to lock the table the last of these calls does not wait for it.
  EXPECT_TRUE(Eventually([&] { return client->StartSync(OneStream("abandoned", "rows")).ok(); }));
}

// The same with many callers at once, each of a sync of its own.
TEST_F(InterruptedCallTest, WaitingStartsLeaveConnectionsToOthers) {
  const auto server = StartServer({"--control_connections=2"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("before", "rows")));
  ASSERT_OK(client->StartSync(OneStream("other", "others")));
  ASSERT_OK(Send(*client, "other", "others", 0, 1));
  const auto locker = Lock("rows");
  std::vector<std::unique_ptr<Thread>> starts;
  for (int i = 0; i < 16; ++i) {
    starts.push_back(std::make_unique<Thread>("start", [&, i] {
      CallStartSync(*server, OneStream(absl::StrCat("locked", i), "rows"), absl::Seconds(4))
          .IgnoreError();
    }));
  }
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() >= 1; }));
  for (int i = 0; i < 10; ++i) {
    const absl::Time began = absl::Now();
    EXPECT_OK(client->GetSync("before"));
    EXPECT_LT(absl::Now() - began, absl::Seconds(2));
  }
  EXPECT_OK(client->CompleteStream(Completion("other", "others")));
  starts.clear();
  ASSERT_OK(locker->Commit());
}

// Finding A3: merges that wait for a lock used to hold up the completions of appends.
TEST_F(InterruptedCallTest, WaitingMergesDoNotDelayAppends) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  for (const char* const table : {"merged0", "merged1", "merged2"}) {
    ASSERT_NO_FATAL_FAILURE(StartMerge(*client, table, table));
  }
  ASSERT_OK(client->StartSync(OneStream("append", "rows")));
  ASSERT_OK(Send(*client, "append", "rows", 0, 10));
  const auto locker = Lock("merged0");
  ASSERT_OK(locker->Execute(LockSql("merged1")));
  std::vector<std::unique_ptr<Thread>> merges;
  for (const char* const table : {"merged0", "merged1"}) {
    merges.push_back(std::make_unique<Thread>("merge", [&, table] {
      EXPECT_OK(server->Client()->CompleteStream(Completion(table, table)));
    }));
    EXPECT_TRUE(Eventually([&] { return WaitingForTheLock(table) == 1; }));
  }
  // Both threads for merges are taken. The caller of a third merge gives up in the queue.
  EXPECT_THAT(CallCompleteStream(*server, Completion("merged2", "merged2"), absl::Seconds(1)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  auto append = std::async(std::launch::async,
                           [&] { return client->CompleteStream(Completion("append", "rows")); });
  EXPECT_EQ(append.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  ASSERT_OK(locker->Commit());
  EXPECT_OK(append.get());
  merges.clear();
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(server->Log(), "CALL_DEADLINE"); }));
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT state FROM ", LedgerTable("stream"),
                              " WHERE table_name = 'merged2' ORDER BY stream_no DESC LIMIT 1")),
      "open")
      << "a call was carried out after its caller had gone";
}

// The merge holds a lock on the stream's table for as long as it runs. CancelSync ends it.
TEST_F(InterruptedCallTest, CancelSyncEndsAMerge) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_NO_FATAL_FAILURE(StartMerge(*client, "merge", "rows"));
  const auto locker = Lock("rows");
  absl::Status merged;
  auto merge = StartWaitingMerge(*server, &merged);
  EXPECT_OK(client->CancelSync("merge"));
  merge.reset();
  EXPECT_THAT(merged, StatusIs(absl::StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() == 0; }));
  ASSERT_OK(locker->Commit());
}

TEST_F(InterruptedCallTest, MergeOfACallerThatGaveUpEndsAndIsRepeated) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_NO_FATAL_FAILURE(StartMerge(*client, "merge", "rows"));
  const auto locker = Lock("rows");
  EXPECT_THAT(CallCompleteStream(*server, Completion("merge", "rows"), absl::Seconds(1)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() == 0; }));
  ASSERT_OK(locker->Commit());
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(server->Log(), "CALL_DEADLINE"); }));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed,
                       client->CompleteStream(Completion("merge", "rows")));
  EXPECT_EQ(completed.rows(), 100);
}

// The merge may go on until shortly before the deadline of the drain.
TEST_F(InterruptedCallTest, DrainCancelsAMerge) {
  const auto server = StartServer({"--drain_deadline=3s"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_NO_FATAL_FAILURE(StartMerge(*client, "merge", "rows"));
  const auto locker = Lock("rows");
  absl::Status merged;
  auto merge = StartWaitingMerge(*server, &merged);
  const absl::Time began = absl::Now();
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(absl::Seconds(20)), 0);
  EXPECT_LT(absl::Now() - began, absl::Seconds(6));
  merge.reset();
  EXPECT_THAT(merged, StatusIs(absl::StatusCode::kUnavailable, "DRAINING"));
  ASSERT_OK(locker->Commit());
}

}  // namespace
}  // namespace syncline::testing
