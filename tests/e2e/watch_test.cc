// Many watches, large states and slow callers: what WatchSync costs the server.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/thread.h"
#include "syncline/v1/sync_service.grpc.pb.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/sanitized.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMiB = int64_t{1} << 20;

// Returns a figure of the server's /proc/PID/status: "Threads", or "VmHWM" in KiB.
int64_t GetFigure(const ServerProcess& server, absl::string_view name) {
  std::ifstream status(absl::StrCat("/proc/", server.pid(), "/status"));
  for (std::string line; std::getline(status, line);) {
    int64_t value = 0;
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t:"), absl::SkipEmpty());
    if (words[0] == name && absl::SimpleAtoi(words[1], &value)) return value;
  }
  ADD_FAILURE() << "no " << name;
  return 0;
}

// What a watch received.
struct Received {
  std::vector<std::string> checkpoints;
  int64_t state_bytes = 0;
  int64_t states_dropped = 0;
  bool sync_finished = false;
};

class WatchTest : public ServerTest {
 protected:
  // Starts the sync and sends `checkpoints` checkpoints with states of `state_bytes`, one record
  // before each.
  void Load(const std::string& sync_id, int64_t checkpoints, int64_t state_bytes) {
    ASSERT_OK(client_->StartSync(OneStream(sync_id, "rows")));
    const auto call = client_->StreamRecords();
    ASSERT_TRUE(call->Write(Header(sync_id, "rows")));
    const std::string state(static_cast<size_t>(state_bytes), 's');
    for (int64_t n = 0; n < checkpoints; ++n) {
      ASSERT_TRUE(call->Write(Batch(n, n + 1)));
      ASSERT_TRUE(call->Write(CheckpointOf(absl::StrCat("c", n), state)));
    }
    ASSERT_OK(call->Finish());
  }

  // Reads until the call ends, or until `events` events were received.
  static Received ReadAll(client::WatchCall* watch, int64_t events = 1 << 20) {
    Received received;
    v1::WatchSyncResponse event;
    while (events-- > 0 && watch->Read(&event)) {
      received.sync_finished = received.sync_finished || event.has_sync_finished();
      if (!event.has_checkpoint_committed()) continue;
      const v1::CheckpointCommitted& committed = event.checkpoint_committed();
      received.checkpoints.push_back(committed.checkpoint_id());
      received.state_bytes += static_cast<int64_t>(committed.state().size());
      received.states_dropped += committed.state_dropped() ? 1 : 0;
    }
    return received;
  }

  // Returns the error of a checkpoint with a state of `bytes`.
  absl::Status SendState(const std::string& sync_id, const std::string& checkpoint_id,
                         int64_t bytes) {
    const auto call = client_->StreamRecords();
    if (call->Write(Header(sync_id, "rows"))) {
      call->Write(CheckpointOf(checkpoint_id, std::string(static_cast<size_t>(bytes), 's')));
    }
    return call->Finish().status();
  }
};

TEST_F(WatchTest, ManyWatchesOfASyncNeedNoThreads) {
  constexpr int kWatches = kSanitized ? 300 : 3000;
  constexpr int64_t kMaxThreads = 64;
  constexpr int kCheckpoints = 20;
  ASSERT_OK(client_->StartSync(OneStream("watched", "rows")));
  const int64_t threads = GetFigure(*server_, "Threads");
  std::vector<std::unique_ptr<client::WatchCall>> watches;
  v1::WatchSyncResponse event;
  for (int n = 0; n < kWatches; ++n) {
    watches.push_back(client_->WatchSync("watched", 0));
    ASSERT_TRUE(watches.back()->Read(&event));
    EXPECT_TRUE(event.has_progress());
  }
  // gRPC starts a few threads of its own with the load.
  EXPECT_LE(GetFigure(*server_, "Threads"), threads + 16);
  EXPECT_LT(GetFigure(*server_, "Threads"), kMaxThreads);
  Load("watched", kCheckpoints, 100);
  ASSERT_OK(client_->CompleteStream(Completion("watched", "rows")));
  for (const auto& watch : watches) {
    const Received received = ReadAll(watch.get());
    EXPECT_OK(watch->Finish());
    EXPECT_THAT(received.checkpoints, SizeIs(kCheckpoints));
    EXPECT_EQ(received.state_bytes, 100 * kCheckpoints);
    EXPECT_TRUE(received.sync_finished);
  }
  EXPECT_LE(GetFigure(*server_, "Threads"), threads + 16);
  EXPECT_LT(GetFigure(*server_, "Threads"), kMaxThreads);
}

TEST_F(WatchTest, LargeStatesAreReadAPageAtATime) {
  constexpr int64_t kCheckpoints = kSanitized ? 24 : 64;
  constexpr int64_t kStateBytes = 3 * kMiB;
  constexpr int kWatches = kSanitized ? 4 : 8;
  Load("large", kCheckpoints, kStateBytes);
  // A server whose peak does not have the upload.
  ASSERT_OK(server_->Restart());
  client_ = server_->Client();
  ASSERT_OK(client_->GetSync("large"));
  const int64_t before_kib = GetFigure(*server_, "VmHWM");
  std::vector<std::unique_ptr<client::WatchCall>> watches;
  for (int n = 0; n < kWatches; ++n) {
    // Each starts at another checkpoint, so that they cannot share pages.
    watches.push_back(client_->WatchSync("large", 5 * n));
  }
  // They do not read, for longer than reading everything would take.
  absl::SleepFor(absl::Seconds(3));
  // Other watches are not delayed.
  Load("small", 1, 10);
  ASSERT_OK(client_->CompleteStream(Completion("small", "rows")));
  EXPECT_THAT(ReadAll(client_->WatchSync("small", 0).get()).checkpoints, ElementsAre("c0"));
  ASSERT_OK(client_->CompleteStream(Completion("large", "rows")));
  for (int n = 0; n < kWatches; ++n) {
    const Received received = ReadAll(watches[static_cast<size_t>(n)].get());
    EXPECT_OK(watches[static_cast<size_t>(n)]->Finish());
    EXPECT_THAT(received.checkpoints, SizeIs(kCheckpoints - 5 * n));
    EXPECT_EQ(received.state_bytes, (kCheckpoints - 5 * n) * kStateBytes);
  }
  if (!kSanitized) {
    EXPECT_LT(GetFigure(*server_, "VmHWM") - before_kib, 64 << 10);
  }
}

TEST_F(WatchTest, StatesFitIntoAClientsDefaultLimit) {
  ASSERT_OK(client_->StartSync(OneStream("states", "rows")));
  EXPECT_THAT(SendState("states", "too large", 3 * kMiB + 1),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  ASSERT_OK(SendState("states", "largest", 3 * kMiB));
  // An earlier version accepted 4 MiB.
  Execute(absl::StrCat("INSERT INTO ", LedgerTable("checkpoint"),
                       " (sync_no, sequence, stream_no, writer_id, checkpoint_id, \"offset\", "
                       "records_since_last, state) SELECT sync_no, sequence + 1, stream_no, "
                       "writer_id, 'older', \"offset\", 0, convert_to(repeat('x', 4 << 20), "
                       "'UTF8') FROM ",
                       LedgerTable("checkpoint")));
  ASSERT_OK(client_->CompleteStream(Completion("states", "rows")));
  const auto stub = v1::SyncService::NewStub(
      grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  v1::WatchSyncRequest request;
  request.set_sync_id("states");
  grpc::ClientContext context;
  const auto reader = stub->WatchSync(&context, request);
  std::vector<std::string> events;
  v1::WatchSyncResponse event;
  while (reader->Read(&event)) {
    if (!event.has_checkpoint_committed()) continue;
    const v1::CheckpointCommitted& committed = event.checkpoint_committed();
    events.push_back(absl::StrCat(committed.checkpoint_id(), " ", committed.state().size(), " ",
                                  committed.state_dropped()));
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(events, ElementsAre("largest 3145728 0", "older 0 1"));
}

TEST_F(WatchTest, StatesAreOptional) {
  Load("states", 3, 1000);
  ASSERT_OK(client_->CompleteStream(Completion("states", "rows")));
  const Received with = ReadAll(client_->WatchSync("states", 0).get());
  const Received without = ReadAll(client_->WatchSync("states", 0, /*without_state=*/true).get());
  EXPECT_EQ(with.state_bytes, 3000);
  EXPECT_EQ(without.state_bytes, 0);
  EXPECT_EQ(without.states_dropped, 0);
  EXPECT_EQ(with.checkpoints, without.checkpoints);
}

TEST_F(WatchTest, LostConnectionToTheDatabaseIsNotSeen) {
  ASSERT_OK(client_->StartSync(OneStream("watched", "rows")));
  const auto watch = client_->WatchSync("watched", 0);
  EXPECT_THAT(ReadAll(watch.get(), 1).checkpoints, IsEmpty());
  const std::string listeners = absl::StrCat(
      "FROM pg_stat_activity WHERE application_name = 'syncline' AND datname = current_database() "
      "AND query LIKE '%",
      ledger(), "%' AND pid <> pg_backend_pid()");
  EXPECT_GT(QueryInt(absl::StrCat("SELECT count(pg_terminate_backend(pid)) ", listeners)), 0);
  Load("watched", 2, 10);
  ASSERT_OK(client_->CompleteStream(Completion("watched", "rows")));
  const Received received = ReadAll(watch.get());
  EXPECT_OK(watch->Finish());
  EXPECT_THAT(received.checkpoints, ElementsAre("c0", "c1"));
  EXPECT_TRUE(received.sync_finished);
}

TEST_F(WatchTest, DrainSendsWhatIsCommitted) {
  ASSERT_OK(client_->StartSync(OneStream("watched", "rows")));
  const auto watch = client_->WatchSync("watched", 0);
  EXPECT_THAT(ReadAll(watch.get(), 1).checkpoints, IsEmpty());
  Load("watched", 5, 10);
  server_->Signal(SIGTERM);
  EXPECT_THAT(ReadAll(watch.get()).checkpoints, SizeIs(5));
  EXPECT_THAT(watch->Finish(), StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_EQ(server_->Wait(kPatience), 0);
}

TEST_F(WatchTest, DrainSendsTheEndThatACompletionInProgressMakes) {
  ASSERT_OK(client_->StartSync(OneStream("watched", "rows")));
  const auto watch = client_->WatchSync("watched", 0);
  EXPECT_THAT(ReadAll(watch.get(), 1).checkpoints, IsEmpty());
  const auto locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("SELECT FROM ", LedgerTable("stream"), " FOR UPDATE")));
  ASSERT_OK_AND_ASSIGN(const postgres::Result pid, locker->Query("SELECT pg_backend_pid()", {}));
  const std::string waiting = absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE ",
                                           pid.Int(0, 0), " = ANY(pg_blocking_pids(pid))");
  absl::Status completed;
  {
    const Thread completing("completing", [&] {
      completed = client_->CompleteStream(Completion("watched", "rows")).status();
    });
    EXPECT_TRUE(Eventually([&] { return QueryInt(waiting) > 0; }));
    server_->Signal(SIGTERM);
    absl::SleepFor(absl::Seconds(1));
    ASSERT_OK(locker->Commit());
  }
  EXPECT_OK(completed);
  EXPECT_TRUE(ReadAll(watch.get()).sync_finished);
  EXPECT_OK(watch->Finish());
  EXPECT_EQ(server_->Wait(kPatience), 0);
}

}  // namespace
}  // namespace syncline::testing
