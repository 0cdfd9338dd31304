// The database becomes unavailable and returns while the server keeps running; and the embedded
// database, which the server starts itself. Each test has a PostgreSQL of its own.
#include <gtest/gtest.h>
#include <signal.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/thread.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/own_cluster.h"
#include "tests/support/postgres_cluster.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

class DatabaseAwayTest : public WithOwnCluster<ServerTest> {};

TEST_F(DatabaseAwayTest, FailsFastAndTheNextSyncSucceeds) {
  ASSERT_OK(client_->StartSync(OneStream("before", "rows")));
  cluster_->Stop(PostgresCluster::StopMode::kImmediate);

  const absl::Time asked = absl::Now();
  EXPECT_THAT(client_->StartSync(OneStream("away", "away")), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(Send(*client_, "unheard of", "away", 0, 5), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(client_->GetSync("before"), StatusIs(StatusCode::kUnavailable));
  EXPECT_LT(absl::Now() - asked, absl::Seconds(30));
  ASSERT_TRUE(Eventually([&] { return GetReason(client_->CheckHealth()) == "NOT_SERVING"; }));
  EXPECT_TRUE(server_->running());

  ASSERT_OK(cluster_->Start());
  ASSERT_OK(server_->WaitUntilServing(kPatience));
  ASSERT_OK(client_->StartSync(OneStream("away", "away")));
  ASSERT_OK(Send(*client_, "away", "away", 0, 5));
  ASSERT_OK(client_->CompleteStream(Completion("away", "away")));
  ASSERT_OK(Send(*client_, "before", "rows", 0, 5));
  ASSERT_OK(client_->CompleteStream(Completion("before", "rows")));
}

// The kernel of a frozen database still acknowledges packets, so no network timeout applies, and
// none of these calls has a deadline.
TEST_F(DatabaseAwayTest, FrozenIsUnavailableAndCallsResumeAfterwards) {
  ASSERT_OK(client_->StartSync(OneStream("loads", "rows")));
  ASSERT_OK(Send(*client_, "loads", "rows", 0, 5));
  ASSERT_OK(client_->StartSync(OneStream("ends", "others")));
  ASSERT_OK(Send(*client_, "ends", "others", 0, 5));
  cluster_->Freeze();

  const absl::Time asked = absl::Now();
  absl::Status started, sent, completed, got;
  {
    const Thread start("start",
                       [&] { started = client_->StartSync(OneStream("new", "new")).status(); });
    const Thread send("send", [&] { sent = Send(*client_, "loads", "rows", 5, 10).status(); });
    const Thread complete("complete", [&] {
      completed = client_->CompleteStream(Completion("ends", "others")).status();
    });
    got = client_->GetSync("loads").status();
  }
  EXPECT_THAT(started, StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(sent, StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(completed, StatusIs(StatusCode::kUnavailable));
  EXPECT_FALSE(got.ok());
  RecordProperty("answered_after_s", static_cast<int>(absl::ToInt64Seconds(absl::Now() - asked)));
  EXPECT_TRUE(Eventually([&] { return GetReason(client_->CheckHealth()) == "NOT_SERVING"; }));

  cluster_->Thaw();
  ASSERT_OK(server_->WaitUntilServing(kPatience));
  ASSERT_OK(client_->StartSync(OneStream("new", "new")));
  ASSERT_OK(Send(*client_, "loads", "rows", 5, 10));
  ASSERT_OK(client_->CompleteStream(Completion("loads", "rows")));
  ASSERT_OK(client_->CompleteStream(Completion("ends", "others")));
  ASSERT_OK(Send(*client_, "new", "new", 0, 5));
  ASSERT_OK(client_->CompleteStream(Completion("new", "new")));
}

// A server that is stopped while the database is frozen still exits.
TEST_F(DatabaseAwayTest, ServerDrainsWhileItIsFrozen) {
  ASSERT_OK(client_->StartSync(OneStream("before", "rows")));
  cluster_->Freeze();
  server_->Signal(SIGTERM);
  EXPECT_TRUE(server_->Wait(2 * kPatience).has_value());
  cluster_->Thaw();
}

TEST_F(DatabaseAwayTest, ServerStartsWithoutItAndServesLater) {
  ASSERT_EQ(server_->Wait(absl::ZeroDuration()), std::nullopt);
  cluster_->Stop(PostgresCluster::StopMode::kFast);
  ServerProcessOptions options;
  options.dsn = cluster_->dsn();
  options.ledger_schema = "other_ledger";
  options.wait_until_serving = false;
  ASSERT_OK_AND_ASSIGN(const auto late, ServerProcess::Start(options));
  const auto client = late->Client();
  EXPECT_THAT(client->CheckHealth(), StatusIs(StatusCode::kUnavailable, "NOT_SERVING"));
  EXPECT_THAT(client->StartSync(OneStream("early", "rows")), StatusIs(StatusCode::kUnavailable));
  ASSERT_OK(cluster_->Start());
  ASSERT_OK(late->WaitUntilServing(kPatience));
  ASSERT_OK(client->StartSync(OneStream("early", "rows")));
  ASSERT_OK(Send(*client, "early", "rows", 0, 5));
  EXPECT_OK(client->CompleteStream(Completion("early", "rows")));
}

// The embedded database, which the server starts itself.
TEST(EmbeddedTest, DataSurvivesRestarts) {
  const TemporaryDirectory directory("embedded");
  ServerProcessOptions options;
  options.flags = {absl::StrCat("--embedded_postgres=", directory.Path("data"))};
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start(options));
  v1::StartSyncRequest request;
  request.set_sync_id("embedded");
  v1::StreamConfig* const stream = request.add_streams();
  stream->mutable_descriptor()->set_name("rows");
  stream->set_json_schema(R"({"type":"object","properties":{"id":{"type":"integer"}}})");
  stream->set_write_mode(v1::WRITE_MODE_APPEND);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(request));
  v1::StreamRecordsRequest header;
  header.mutable_header()->set_sync_id("embedded");
  header.mutable_header()->mutable_descriptor()->set_name("rows");
  v1::StreamRecordsRequest batch;
  batch.mutable_batch()->set_jsonl("{\"id\":1}\n{\"id\":2}\n");
  auto call = client->StreamRecords();
  ASSERT_TRUE(call->Write(header));
  ASSERT_TRUE(call->Write(batch));
  ASSERT_OK(call->Finish());

  server->Signal(SIGTERM);
  ASSERT_EQ(server->Wait(kPatience), 0);
  ASSERT_OK(server->Restart());
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse resumed, client->StartSync(request));
  ASSERT_EQ(resumed.streams(0).writers_size(), 1);
  EXPECT_EQ(resumed.streams(0).writers(0).durable_offset(), 2);

  // A killed server leaves its database running, and the next server takes it over.
  server->Kill9();
  ASSERT_OK(server->Restart());
  v1::CompleteStreamRequest completion;
  completion.set_sync_id("embedded");
  completion.mutable_descriptor()->set_name("rows");
  completion.set_status(v1::STREAM_STATUS_COMPLETE);
  completion.set_expected_records(2);
  EXPECT_OK(client->CompleteStream(completion));
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(kPatience), 0);
}

}  // namespace
}  // namespace syncline::testing
