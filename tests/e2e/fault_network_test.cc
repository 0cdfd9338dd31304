// Callers with broken or slow connections: F31, F32 and F35 to F37 of docs/faults.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/thread.h"
#include "tests/e2e/fault_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/loopback_address.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

// A plain TCP connection to a port of loopback.
class RawConnection {
 public:
  explicit RawConnection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = LoopbackAddress(port);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawConnection() { close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  bool connected() const { return connected_; }
  // Closes the connection as an exiting program does, and waits until the peer has closed it, too.
  void End() {
    shutdown(fd_, SHUT_WR);
    std::array<char, 1024> buffer = {};
    while (recv(fd_, buffer.data(), buffer.size(), 0) > 0) continue;
  }
  bool Send(absl::string_view bytes) {
    return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

 private:
  const int fd_;
  bool connected_ = false;
};

class NetworkFaultTest : public FaultTest {
 protected:
  void SetUp() override {
    FaultTest::SetUp();
    if (schema().empty()) return;
    // Records stay in memory until a checkpoint or the end of the call flushes them.
    server_ = StartFaultServer({"--flush_interval=1h"});
    ASSERT_NE(server_, nullptr);
    ASSERT_OK_AND_ASSIGN(proxy_, FaultProxy::Start(server_->grpc_port()));
    direct_ = server_->Client();
    client::ConnectionOptions options;
    options.server = proxy_->address();
    ASSERT_OK_AND_ASSIGN(client_, client::SyncClient::Create(options));
  }

  // Returns whether any series of the metric has this value.
  bool HasMetric(absl::string_view name, int64_t value) const {
    for (const absl::string_view line : absl::StrSplit(server_->Metrics(), '\n')) {
      if (absl::StartsWith(line, name) && absl::EndsWith(line, absl::StrCat(" ", value))) {
        return true;
      }
    }
    return false;
  }
  // I6: counts the server's open descriptors, threads and database sessions.
  std::vector<int64_t> Resources() {
    const auto entries = [&](absl::string_view directory) {
      const std::filesystem::directory_iterator all(
          absl::StrCat("/proc/", server_->pid(), "/", directory));
      return static_cast<int64_t>(std::distance(begin(all), end(all)));
    };
    return {entries("fd"), entries("task"),
            QueryInt(absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                  "current_database() AND application_name = '",
                                  kFaultApplication, "'"))};
  }
  bool Within(absl::Duration time, absl::FunctionRef<bool()> done) {
    const absl::Time asked = absl::Now();
    return Eventually(done) && absl::Now() - asked < time;
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<FaultProxy> proxy_;
  std::unique_ptr<client::SyncClient> client_;  // through the proxy
  std::unique_ptr<client::SyncClient> direct_;
};

TEST_F(NetworkFaultTest, F31_DisconnectedCallerLeavesNothingOpen) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, 1000));
  ASSERT_OK(Start(*client_, history));
  const auto call = client_->StreamRecords();
  history.Sent(500);
  ASSERT_TRUE(call->Write(history.stream().Header()));
  ASSERT_TRUE(call->Write(history.stream().Batch(0, 500)));
  ASSERT_TRUE(Eventually([&] { return HasMetric("syncline_records_received_total", 500); }));
  EXPECT_GT(proxy_->Cut(), 0);
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kUnavailable));
  EXPECT_TRUE(Within(absl::Seconds(5), [&] { return HasMetric("syncline_open_streams", 0); }));
  EXPECT_THAT(server_->Log(), ::testing::HasSubstr("CALLER_GONE"));
  // The records are committed entirely or not at all, depending on when the call ended.
  const int64_t durable = DurableRecords(history.stream().sync_id);
  EXPECT_TRUE(durable == 0 || durable == 500) << durable;
  EXPECT_EQ(CountRows("rows"), durable);
  // The broken call does not block the completion by another call. Only its records are missing.
  EXPECT_TRUE(Within(absl::Seconds(5), [&] {
    return GetReason(direct_->CompleteStream(history.stream().Completion()).status()) ==
           "COUNT_MISMATCH";
  }));
  Resume(&history, {proxy_->address()});
  ExpectKept({&history});
}

// One-way loss: all requests arrive, but the answer does not.
TEST_F(NetworkFaultTest, F32_CommitWithLostAnswerRemains) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, 1000));
  ASSERT_OK(Start(*client_, history));
  server_->Arm(failpoint::kCommitted, FailpointAction::kPause);
  absl::Status lost;
  {
    const Thread sender("sender", [&] { lost = Deliver(*client_, &history, 0, 1000).status(); });
    EXPECT_TRUE(server_->WaitForFailpoint(kPatience));
    proxy_->Set(ProxyWay::kToClient, {.silent = true});
    server_->Disarm();
    EXPECT_TRUE(Eventually([&] { return HasMetric("syncline_open_streams", 0); }));
    EXPECT_EQ(DurableRecords(history.stream().sync_id), 1000);
    proxy_->Cut();
    proxy_->Heal();
  }
  EXPECT_THAT(lost, StatusIs(StatusCode::kUnavailable));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse again, Deliver(*client_, &history, 0, 1000));
  EXPECT_EQ(again.records_skipped(), 1000);
  EXPECT_EQ(again.records_written(), 0);
  Resume(&history, {proxy_->address()});
  ExpectKept({&history});
}

TEST_F(NetworkFaultTest, F36_SegmentsOfOneByteAreAccepted) {
  proxy_->Set(ProxyWay::kToServer, {.slice_bytes = 1});
  proxy_->Set(ProxyWay::kToClient, {.slice_bytes = 1});
  DeliveryHistory history(Stream("rows", DeliveryMode::kDedup, 400));
  PersistentCaller caller({.servers = {proxy_->address()}}, &history);
  EXPECT_OK(caller.Run(kPatience));
  EXPECT_THAT(caller.errors_seen(), ::testing::IsEmpty());
  ExpectKept({&history});
}

// Sends every prefix, up to 4 KiB, of a recorded call, as from a caller that disconnects.
TEST_F(NetworkFaultTest, F36_CallMayEndAtAnyByte) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, 60));
  ASSERT_OK(Start(*direct_, history));
  ASSERT_OK(Deliver(*client_, &history, 0, 60));
  const std::string sent = proxy_->captured();
  ASSERT_GT(sent.size(), size_t{4096}) << "must contain the complete call";
  const std::vector<int64_t> before = Resources();
  for (size_t length = 0; length <= 4096; ++length) {
    RawConnection connection(server_->grpc_port());
    ASSERT_TRUE(connection.connected()) << length;
    ASSERT_TRUE(connection.Send(absl::string_view(sent).substr(0, length))) << length;
    connection.End();
  }
  EXPECT_TRUE(Within(absl::Seconds(10), [&] { return HasMetric("syncline_open_streams", 0); }));
  // Pools may have grown by a few connections. Leaks of every call would be in the thousands.
  constexpr int64_t kPooled = 16;
  EXPECT_TRUE(Eventually([&] {
    const std::vector<int64_t> now = Resources();
    return std::equal(now.begin(), now.end(), before.begin(), [](int64_t left, int64_t right) {
      return left <= right + right / 10 + kPooled;
    });
  })) << ::testing::PrintToString(before)
      << " before, now " << ::testing::PrintToString(Resources());
  EXPECT_FALSE(absl::StrContains(server_->Log(), "INTERNAL")) << server_->Log();
  EXPECT_FALSE(absl::StrContains(server_->Log(), "UNKNOWN")) << server_->Log();
  Resume(&history, {server_->address()});
  ExpectKept({&history});
  ExpectDiscreet(*server_);
}

// 200 callers send one byte per second: half of them from the start of their connection, half
// inside a batch of an open call.
TEST_F(NetworkFaultTest, F35_SlowCallersDoNotSlowDownOthers) {
  const auto load = [&](absl::string_view table) {
    DeliveryHistory history(Stream(table, DeliveryMode::kAppend, 20'000));
    const absl::Time begun = absl::Now();
    Resume(&history, {server_->address()});
    ExpectKept({&history});
    return absl::Now() - begun;
  };
  const absl::Duration alone = load("alone");
  // Records the bytes that the slow callers send later, each with its own writer id.
  const DeliveryStream slow = Stream("slow", DeliveryMode::kAppend, 60);
  ASSERT_OK(direct_->StartSync(slow.Start()));
  const auto call = client_->StreamRecords();
  v1::StreamRecordsRequest header = slow.Header();
  header.mutable_header()->set_writer_id("writer 000");
  ASSERT_TRUE(call->Write(header));
  ASSERT_TRUE(call->Write(slow.Batch(0, 60)));
  ASSERT_OK(call->Finish());
  std::vector<std::string> sent(200, proxy_->captured());
  for (size_t i = 0; i < sent.size(); ++i) {
    absl::StrReplaceAll({{"writer 000", absl::StrFormat("writer %03d", i + 1)}}, &sent[i]);
  }
  const size_t inside = sent.front().size() - 1000;
  std::vector<std::unique_ptr<RawConnection>> crowd;
  for (size_t i = 0; i < sent.size(); ++i) {
    crowd.push_back(std::make_unique<RawConnection>(server_->grpc_port()));
    ASSERT_TRUE(crowd.back()->connected());
    ASSERT_TRUE(crowd.back()->Send(absl::string_view(sent[i]).substr(0, i % 2 == 0 ? inside : 0)));
  }
  EXPECT_TRUE(Eventually([&] { return HasMetric("syncline_open_streams", 100); }));
  std::atomic<bool> stop = false;
  std::unique_ptr<Thread> bytes = std::make_unique<Thread>("bytes", [&] {
    for (size_t second = 0; !stop; ++second) {
      for (size_t i = 0; i < crowd.size(); ++i) {
        crowd[i]->Send(absl::string_view(sent[i]).substr(second + (i % 2 == 0 ? inside : 0), 1));
      }
      for (int i = 0; !stop && i < 10; ++i) absl::SleepFor(absl::Milliseconds(100));
    }
  });
  const absl::Duration beside = load("beside");
  stop = true;
  bytes.reset();
  RecordProperty("alone_ms", static_cast<int>(absl::ToInt64Milliseconds(alone)));
  RecordProperty("beside_ms", static_cast<int>(absl::ToInt64Milliseconds(beside)));
  EXPECT_LT(beside, 2 * alone + absl::Seconds(1)) << "I9";
  crowd.clear();
  EXPECT_TRUE(Within(absl::Seconds(10), [&] { return HasMetric("syncline_open_streams", 0); }));
  EXPECT_EQ(CountRows("slow"), 60) << "none of their batches was complete";
}

TEST_F(NetworkFaultTest, F37_OnlyOneCallerOfAWriterWins) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, 4000));
  std::vector<std::unique_ptr<PersistentCaller>> callers;
  std::vector<absl::Status> ended(2);
  for (const uint64_t seed : {1U, 2U}) {
    callers.push_back(std::make_unique<PersistentCaller>(
        PersistentCallerOptions{.servers = {server_->address()}, .seed = seed}, &history));
  }
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (size_t i = 0; i < callers.size(); ++i) {
      threads.push_back(
          std::make_unique<Thread>("caller", [&, i] { ended[i] = callers[i]->Run(kPatience); }));
    }
  }
  for (const absl::Status& end : ended) EXPECT_OK(end);
  ExpectKept({&history});
}

TEST_F(NetworkFaultTest, F37_CallsBeyondTheLimitAreRefused) {
  server_ = StartFaultServer({"--max_open_streams=4"});
  ASSERT_NE(server_, nullptr);
  direct_ = server_->Client();
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, 1000));
  ASSERT_OK(Start(*direct_, history));
  std::vector<std::unique_ptr<client::RecordsCall>> open;
  for (int i = 0; i < 4; ++i) {
    open.push_back(direct_->StreamRecords());
    v1::StreamRecordsRequest header = history.stream().Header();
    header.mutable_header()->set_writer_id(absl::StrCat(i));
    ASSERT_TRUE(open.back()->Write(header));
  }
  ASSERT_TRUE(Eventually([&] { return HasMetric("syncline_open_streams", 4); }));
  for (int i = 0; i < 36; ++i) {
    const auto refused = direct_->StreamRecords();
    refused->Write(history.stream().Header());
    const absl::Status status = refused->Finish().status();
    ASSERT_THAT(status, StatusIs(StatusCode::kResourceExhausted, "TOO_MANY_STREAMS"));
    EXPECT_TRUE(GetDetail(status).retry_after.has_value());
  }
  for (const auto& call : open) EXPECT_OK(call->Finish());
  Resume(&history, {server_->address()});
  ExpectKept({&history});
}

}  // namespace
}  // namespace syncline::testing
