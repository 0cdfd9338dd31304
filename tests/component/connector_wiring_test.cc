// ConnectorWiringSuite: the parts of the composed application load one record manually, in the
// order in which the RPCs use them.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/app.h"
#include "server/metrics/metrics.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/writer_claims.h"
#include "server/postgres/table/table_operations.h"
#include "tests/component/app_fixture.h"
#include "tests/component/flush_all.h"

namespace syncline::testing {
namespace {

// 2024-01-01T00:00:00Z after 2000-01-01T00:00:00Z.
constexpr int64_t kExtractedAtUs = int64_t{8766} * kMicrosPerDay;

class ConnectorWiringSuite : public AppTest {
 protected:
  void SetUp() override {
    AppTest::SetUp();
    if (schema().empty()) return;
    ledger_ = std::make_unique<postgres::Ledger>(ledger());
    plan_.descriptor = {new_schema(), "people"};
    plan_.table = {new_schema(), "people"};
    plan_.temp_table = {new_schema(), "people_temp"};
    plan_.schema.columns = {{"id", "id", ColumnType::kBigint, false},
                            {"name", "name", ColumnType::kVarchar, true}};
    plan_.airbyte_sync_id = 42;
  }
  void TearDown() override {
    if (!schema().empty())
      Execute(absl::StrCat("DROP SCHEMA IF EXISTS ", new_schema(), " CASCADE"));
    AppTest::TearDown();
  }

  // A schema that does not exist before the writer's setup.
  std::string new_schema() const { return schema() + "_new"; }

  absl::Status InTransaction(absl::FunctionRef<absl::Status(postgres::Transaction&)> body) {
    return app().database()->Transact(body);
  }

  bool NamespaceExists() {
    bool exists = false;
    EXPECT_OK(InTransaction([&](postgres::Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(exists, postgres::NamespaceExists(transaction, new_schema()));
      return absl::OkStatus();
    }));
    return exists;
  }
  bool TableExists() {
    bool exists = false;
    EXPECT_OK(InTransaction([&](postgres::Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(exists, postgres::TableExists(transaction, plan_.table));
      return absl::OkStatus();
    }));
    return exists;
  }

  // Sets up the writer, and inserts the sync into the ledger as Writer::Start would.
  void SetUpWriter() {
    ASSERT_OK(app().writer()->CreateNamespaces({plan_}));
    SyncEntry sync;
    sync.sync_id = "42";
    sync.streams.emplace_back();
    sync.streams[0].plan = plan_;
    ASSERT_OK(InTransaction([&](postgres::Transaction& transaction) -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(ledger_->InsertSync(transaction, &sync));
      return ledger_->MarkRunning(transaction, sync.sync_no);
    }));
    sync_no_ = sync.sync_no;
    stream_ = sync.streams[0];
    plan_ = stream_.plan;
  }

  std::unique_ptr<postgres::Ledger> ledger_;
  StreamPlan plan_;
  StreamEntry stream_;
  int64_t sync_no_ = 0;
};

TEST_F(ConnectorWiringSuite, AllBeansAreInjectable) {
  EXPECT_NE(app().writer(), nullptr);
  EXPECT_NE(app().aggregates(), nullptr);
  ASSERT_NE(app().database(), nullptr);
  EXPECT_OK(app().database()->Ping());
}

TEST_F(ConnectorWiringSuite, WriterSetupCompletes) {
  EXPECT_FALSE(NamespaceExists());
  ASSERT_OK(app().writer()->CreateNamespaces({plan_}));
  EXPECT_TRUE(NamespaceExists());
  EXPECT_OK(app().writer()->CreateNamespaces({plan_}));
}

TEST_F(ConnectorWiringSuite, CanCreateAppendStreamLoader) {
  SetUpWriter();
  const std::unique_ptr<write::StreamLoader> loader = app().writer()->LoaderFor(plan_);
  ASSERT_NE(loader, nullptr);
  EXPECT_EQ(loader->kind(), LoaderKind::kAppend);
}

TEST_F(ConnectorWiringSuite, StreamLoaderStartCreatesTable) {
  SetUpWriter();
  EXPECT_FALSE(TableExists());
  ASSERT_OK(app().writer()->LoaderFor(plan_)->Start(&stream_));
  EXPECT_TRUE(TableExists());
}

TEST_F(ConnectorWiringSuite, CanWriteOneRecord) {
  SetUpWriter();
  const std::unique_ptr<write::StreamLoader> loader = app().writer()->LoaderFor(plan_);
  ASSERT_OK(loader->Start(&stream_));
  postgres::ConnectionPool connections({.conninfo = dsn()});
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter claimed,
                       postgres::WriterClaims(*ledger_, &connections, "test")
                           .Claim(sync_no_, plan_.stream_no, "", std::nullopt));

  const std::unique_ptr<dataflow::Aggregate> aggregate =
      app().aggregates()->Create(plan_, "42", claimed.claim, claimed.committed);
  aggregate->Accept({.offset = 0, .extracted_at_us = kExtractedAtUs, .meta_json = "{}"},
                    {Value::Scalar(1), Value::Text("Alice")});
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, FlushAll(*aggregate));
  EXPECT_EQ(flushed.rows, 1);
  const std::string table = absl::StrCat(new_schema(), ".people");
  EXPECT_EQ(QueryInt("SELECT count(*) FROM " + table), 1);
  EXPECT_EQ(
      QueryText("SELECT id, name, _airbyte_extracted_at AT TIME ZONE 'UTC', _airbyte_meta, "
                "_airbyte_generation_id FROM " +
                table),
      (std::vector<std::vector<std::string>>{{"1", "Alice", "2024-01-01 00:00:00", "{}", "0"}}));

  StreamEntry stream;
  ASSERT_OK(InTransaction([&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(ledger_->BeginFinalize(transaction, plan_.stream_no).status());
    SYNCLINE_ASSIGN_OR_RETURN(stream, ledger_->LockStream(transaction, plan_.stream_no));
    return absl::OkStatus();
  }));
  const auto metrics = metrics::Metrics::Create({});
  ASSERT_OK_AND_ASSIGN(
      const StreamResult result,
      loader->Complete(stream, {.complete = true}, *metrics->ForStream("", "people", 0)));
  EXPECT_EQ(result.outcome, StreamOutcome::kAppended);
  EXPECT_EQ(QueryInt("SELECT count(*) FROM " + table), 1);
}

}  // namespace
}  // namespace syncline::testing
