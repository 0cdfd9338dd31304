// Links without traffic, which only timeouts detect: F30, F31 and F33 of docs/faults.md. They run
// at the same time, because each takes about a minute.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "tests/e2e/fault_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/own_cluster.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

constexpr absl::Duration kMaxSilence = absl::Seconds(80);

// A call on its own thread, with its status and duration.
class PendingCall {
 public:
  explicit PendingCall(std::function<absl::Status()> call)
      : call_(std::move(call)), thread_("pending-call", [this] {
          const absl::Status status = call_();
          MutexLock lock(&mutex_);
          status_ = status;
          ended_ = absl::Now();
          over_ = true;
        }) {}

  bool over() const {
    MutexLock lock(&mutex_);
    return over_;
  }
  absl::Status status() const {
    MutexLock lock(&mutex_);
    return status_;
  }
  absl::Duration After(absl::Time begun) const {
    MutexLock lock(&mutex_);
    return ended_ - begun;
  }

 private:
  const std::function<absl::Status()> call_;
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  absl::Time ended_ ABSL_GUARDED_BY(mutex_);
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;  // last: it uses all members above
};

class SilenceTest : public WithOwnCluster<FaultTest> {
 protected:
  // Starts a server that reaches the database through `proxy`.
  std::unique_ptr<ServerProcess> ServerBehind(const FaultProxy& proxy) {
    ServerProcessOptions options = FaultServerOptions();
    options.dsn = absl::StrCat(cluster_->tcp_dsn(), " host=127.0.0.1 port=", proxy.port());
    return Started(options);
  }
  std::unique_ptr<client::SyncClient> ClientBehind(const FaultProxy& proxy) {
    client::ConnectionOptions options;
    options.server = proxy.address();
    absl::StatusOr<std::unique_ptr<client::SyncClient>> made = client::SyncClient::Create(options);
    EXPECT_OK(made);
    return made.ok() ? *std::move(made) : nullptr;
  }
  bool EventuallyWithin(absl::Duration most, absl::FunctionRef<bool()> done) {
    const absl::Time until = absl::Now() + most;
    while (!done() && absl::Now() < until) absl::SleepFor(absl::Milliseconds(20));
    return done();
  }
  std::unique_ptr<FaultProxy> ProxyTo(int port) {
    absl::StatusOr<std::unique_ptr<FaultProxy>> proxy = FaultProxy::Start(port);
    EXPECT_OK(proxy);
    return *std::move(proxy);
  }
};

// F30: the link between caller and server fails and recovers later.
// F31: a caller vanishes and its link never recovers.
TEST_F(SilenceTest, F30_And31_CallerBehindASilentLink) {
  const auto server = StartFaultServer();
  ASSERT_NE(server, nullptr);
  const auto link = ProxyTo(server->grpc_port());
  const auto lost_link = ProxyTo(server->grpc_port());
  const auto client = ClientBehind(*link);
  const auto vanishing = ClientBehind(*lost_link);
  DeliveryHistory history(Stream("down", DeliveryMode::kAppend, 1000));
  DeliveryHistory lost(Stream("vanished", DeliveryMode::kAppend, 1000));
  DeliveryHistory healthy(Stream("healthy", DeliveryMode::kReplace, 1000));
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Start(*vanishing, lost));
  ASSERT_OK(Deliver(*client, &history, 0, 500));
  const auto open = vanishing->StreamRecords();
  lost.Sent(500);
  lost.SentCheckpoint(500);
  ASSERT_TRUE(open->Write(lost.stream().Header()));
  ASSERT_TRUE(open->Write(lost.stream().Batch(0, 500)));
  ASSERT_TRUE(open->Write(lost.stream().Checkpoint(500)));
  ASSERT_TRUE(Eventually([&] { return DurableRecords(lost.stream().sync_id) == 500; }));

  link->Silence();
  lost_link->Silence();
  const absl::Time begun = absl::Now();
  const PendingCall call([&] { return Deliver(*client, &history, 500, 1000).status(); });
  Resume(&healthy, {server->address()});
  EXPECT_LT(absl::Now() - begun, absl::Seconds(20)) << "I9";
  EXPECT_TRUE(EventuallyWithin(kMaxSilence, [&] { return call.over(); }));
  EXPECT_THAT(call.status(), StatusIs(StatusCode::kUnavailable));
  EXPECT_TRUE(EventuallyWithin(kMaxSilence - (absl::Now() - begun), [&] {
    return absl::StrContains(server->Metrics(), "syncline_open_streams 0\n");
  })) << "the call of the vanished caller is still open";
  link->Heal();
  Resume(&history, {link->address()});
  Resume(&lost, {server->address()});
  ExpectKept({&history, &lost, &healthy});
}

// F33: the link between server and database fails, during COPY and for the answer to COMMIT.
TEST_F(SilenceTest, F33_DatabaseBehindASilentLink) {
  const auto copy_link = ProxyTo(cluster_->port());
  const auto commit_link = ProxyTo(cluster_->port());
  const auto copying = ServerBehind(*copy_link);
  const auto committing = ServerBehind(*commit_link);
  ASSERT_NE(copying, nullptr);
  ASSERT_NE(committing, nullptr);
  const auto copy_client = copying->Client();
  const auto commit_client = committing->Client();
  DeliveryHistory copied(Stream("copied", DeliveryMode::kAppend, 1000));
  DeliveryHistory committed(Stream("committed", DeliveryMode::kAppend, 1000));
  ASSERT_OK(Start(*copy_client, copied));
  ASSERT_OK(Start(*commit_client, committed));
  copying->Arm(failpoint::kCopySent, FailpointAction::kPause);
  committing->Arm(failpoint::kBeforeCommit, FailpointAction::kPause);
  const PendingCall copy([&] { return Deliver(*copy_client, &copied, 0, 500).status(); });
  const PendingCall commit([&] { return Deliver(*commit_client, &committed, 0, 500).status(); });
  ASSERT_TRUE(copying->WaitForFailpoint(kPatience));
  ASSERT_TRUE(committing->WaitForFailpoint(kPatience));
  copy_link->Silence();
  commit_link->Set(ProxyWay::kToClient, {.silent = true});
  copying->Disarm();
  committing->Disarm();
  const absl::Time begun = absl::Now();
  ASSERT_TRUE(Eventually([&] { return DurableRecords(committed.stream().sync_id) == 500; }))
      << "the COMMIT arrived";
  EXPECT_EQ(CountRows("copied"), 0);
  for (const PendingCall* const call : {&copy, &commit}) {
    EXPECT_TRUE(EventuallyWithin(kMaxSilence, [&] { return call->over(); }));
    EXPECT_THAT(call->status(), StatusIs(StatusCode::kUnavailable));
    RecordProperty("answered_after_s", static_cast<int>(absl::ToInt64Seconds(call->After(begun))));
  }
  EXPECT_EQ(GetReason(copying->Client()->CheckHealth()), "NOT_SERVING");
  copy_link->Heal();
  commit_link->Heal();
  ASSERT_OK(copying->WaitUntilServing(kPatience));
  ASSERT_OK(committing->WaitUntilServing(kPatience));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse again,
                       Deliver(*commit_client, &committed, 0, 500));
  EXPECT_EQ(again.records_skipped(), 500);
  Resume(&copied, {copying->address()});
  Resume(&committed, {committing->address()});
  ExpectKept({&copied, &committed});
}

}  // namespace
}  // namespace syncline::testing
