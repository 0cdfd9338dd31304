// The primary is lost in the middle of a load and of a replace, and its standby is promoted. The
// connection string names both, so the same calls finish on the new primary.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/postgres_cluster.h"

namespace syncline::testing {
namespace {

class FailoverTest : public ServerTest {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(primary_, PostgresCluster::Create());
    ASSERT_OK_AND_ASSIGN(standby_, PostgresCluster::CreateStandby(*primary_));
    ServerTest::SetUp();
    if (server_ == nullptr) return;
    // Not in the standby's configuration, which has no standby of its own after the promotion.
    Execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    Execute("SELECT pg_reload_conf()");
    ASSERT_TRUE(Eventually([&] {
      return QueryInt("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1;
    }));
  }
  void TearDown() override {
    client_.reset();
    server_.reset();  // before the clusters, which are removed with all of their data
  }
  // The standby comes first, so that a server that takes the first host fails.
  absl::StatusOr<std::string> ChooseDatabase() override {
    return absl::StrCat("host=", standby_->socket_directory(), ",", primary_->socket_directory(),
                        " port=", standby_->port(), ",", primary_->port(),
                        " user=postgres dbname=postgres");
  }

  absl::Status FailOver() {
    primary_->Stop(PostgresCluster::StopMode::kImmediate);
    return standby_->Promote();
  }

  // Returns the single value of a query on the server that is the primary now.
  std::string OnPrimary(absl::string_view sql) {
    const std::unique_ptr<postgres::Connection> connection = Connect();
    if (connection == nullptr) return "";
    const absl::StatusOr<postgres::Result> rows = connection->Query(sql, {});
    EXPECT_OK(rows);
    return rows.ok() && rows->size() == 1 ? rows->Text(0, 0) : "";
  }

  // Repeats the call until it succeeds, as a caller does.
  absl::Status RepeatComplete(const v1::CompleteStreamRequest& request) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (true) {
      const absl::Status status = server_->Client()->CompleteStream(request).status();
      if (status.ok() || absl::Now() > deadline) return status;
      absl::SleepFor(absl::Milliseconds(200));
    }
  }

  std::unique_ptr<PostgresCluster> primary_;
  std::unique_ptr<PostgresCluster> standby_;
};

TEST_F(FailoverTest, LoadContinuesOnTheNewPrimary) {
  ASSERT_OK(client_->StartSync(OneStream("load", "rows")));
  const std::unique_ptr<client::RecordsCall> call = client_->StreamRecords();
  ASSERT_TRUE(call->Write(Header("load", "rows")));
  ASSERT_TRUE(call->Write(Batch(0, 1000)));
  ASSERT_TRUE(call->Write(CheckpointOf("first", "state")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("load") == 1000; }));
  ASSERT_TRUE(call->Write(Batch(1000, 2000)));
  ASSERT_OK(FailOver());
  ASSERT_TRUE(call->Write(Batch(2000, 3000)));
  const absl::StatusOr<v1::StreamRecordsResponse> loaded = call->Finish();
  ASSERT_OK(loaded);
  EXPECT_EQ(loaded->durable_offset(), 3000);
  ASSERT_OK(RepeatComplete(Completion("load", "rows")));
  EXPECT_EQ(OnPrimary(absl::StrCat("SELECT concat_ws(' ', count(*), count(DISTINCT id), min(id),"
                                   " max(id)) FROM ",
                                   Table("rows"))),
            "3000 3000 0 2999");
}

TEST_F(FailoverTest, ReplaceFinishesOnTheNewPrimary) {
  ASSERT_OK(client_->StartSync(Generation("one", 1, 1)));
  ASSERT_OK(Send(*client_, "one", "rows", 0, 100));
  ASSERT_OK(client_->CompleteStream(Completion("one", "rows")));
  ASSERT_OK(client_->StartSync(Generation("two", 2, 2)));
  ASSERT_OK(Send(*client_, "two", "rows", 0, 500));
  // A transaction of a user that keeps the replace waiting.
  const std::unique_ptr<postgres::Connection> user = Connect();
  ASSERT_OK(user->Execute(absl::StrCat("BEGIN; LOCK TABLE ", Table("rows"), " IN SHARE MODE")));
  auto completed = std::async(std::launch::async, [&] {
    return server_->Client()->CompleteStream(Completion("two", "rows")).status();
  });
  ASSERT_TRUE(Eventually([&] {
    return QueryInt("SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted") >
           0;
  }));
  ASSERT_OK(FailOver());
  completed.wait();
  ASSERT_OK(RepeatComplete(Completion("two", "rows")));
  EXPECT_EQ(OnPrimary(absl::StrCat("SELECT concat_ws(' ', count(*), count(DISTINCT id),"
                                   " min(_airbyte_generation_id), max(_airbyte_generation_id))"
                                   " FROM ",
                                   Table("rows"))),
            "500 500 2 2");
}

}  // namespace
}  // namespace syncline::testing
