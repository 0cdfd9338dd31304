#include "tests/e2e/citus_fault_fixture.h"

#include <gmock/gmock.h>

#include <cstddef>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace syncline::testing {
namespace {

// Takes seconds to start.
std::unique_ptr<CitusCluster>& Shared() {
  static auto* const cluster = new std::unique_ptr<CitusCluster>();
  return *cluster;
}

std::string AskNode(const std::string& dsn, const std::string& sql) {
  postgres::ConnectionOptions options;
  options.conninfo = dsn;
  const absl::StatusOr<std::unique_ptr<postgres::Connection>> connection =
      postgres::Connection::Open(options);
  if (!connection.ok()) return connection.status().ToString();
  const absl::StatusOr<postgres::Result> result = (*connection)->Query(sql, {});
  if (!result.ok()) return result.status().ToString();
  return result->size() == 0 ? "no row" : std::string(result->Text(0, 0));
}

}  // namespace

LoadInBackground::LoadInBackground(PersistentCallerOptions options, DeliveryHistory* history,
                                   absl::Duration give_up)
    : caller_(std::move(options), history) {
  thread_ = std::make_unique<Thread>("load", [this, give_up] {
    end_ = caller_.Run(give_up);
    over_ = true;
  });
}

absl::Status LoadInBackground::Join() {
  thread_.reset();
  return end_;
}

CitusCluster& CitusFaultTest::cluster() { return *Shared(); }

void CitusFaultTest::TearDownTestSuite() { Shared().reset(); }

void CitusFaultTest::SetUp() {
  if (CitusBinDirectory().empty()) {
    GTEST_SKIP() << "SYNCLINE_CITUS_BINDIR is not set: NOTHING IS TESTED with Citus";
  }
  if (Shared() == nullptr) {
    ASSERT_OK_AND_ASSIGN(Shared(), CitusCluster::Create());
  }
  FaultTest::SetUp();
}

std::unique_ptr<postgres::Connection> CitusFaultTest::Session() {
  postgres::ConnectionOptions options;
  options.conninfo = cluster().coordinator().dsn();
  absl::StatusOr<std::unique_ptr<postgres::Connection>> connection =
      postgres::Connection::Open(options);
  return connection.ok() ? *std::move(connection) : nullptr;
}

std::string CitusFaultTest::Ask(const std::string& sql) {
  return AskNode(cluster().coordinator().dsn(), sql);
}

void CitusFaultTest::Distribute(absl::string_view table, absl::string_view columns) {
  const std::unique_ptr<postgres::Connection> session = Session();
  ASSERT_NE(session, nullptr);
  ASSERT_OK(session->Execute(
      absl::StrCat("CREATE TABLE ", Table(table),
                   " (_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz NOT NULL,"
                   " _airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT NULL, ",
                   columns, ")")));
  ASSERT_OK(session->Execute(
      absl::StrCat("SELECT create_distributed_table('", Table(table), "', 'id')")));
}

void CitusFaultTest::DistributeFor(const DeliveryStream& stream) {
  Distribute(stream.table, "id bigint, version bigint, name varchar");
  if (stream.mode == DeliveryMode::kAppend) return;
  const std::unique_ptr<postgres::Connection> session = Session();
  ASSERT_NE(session, nullptr);
  EXPECT_OK(session->Execute(absl::StrCat(
      "INSERT INTO ", stream.Table(),
      " SELECT 'old ' || o, '2020-01-01', '{}', 0, o, -1, 'old' FROM generate_series(0, ",
      stream.keys / 2, ") AS o")));
}

DeliveryStream CitusFaultTest::DistributedStream(absl::string_view table, DeliveryMode mode,
                                                 int64_t records) {
  DeliveryStream stream = Stream(table, mode, records);
  stream.keys = records / 3;
  DistributeFor(stream);
  return stream;
}

std::vector<std::unique_ptr<LoadInBackground>> CitusFaultTest::LoadAll(
    const std::vector<std::unique_ptr<DeliveryHistory>>& histories,
    const PersistentCallerOptions& options, absl::Duration give_up) {
  std::vector<std::unique_ptr<LoadInBackground>> loads;
  PersistentCallerOptions own = options;
  for (const auto& history : histories) {
    // Both RPCs, and each with every mode as seeds differ.
    own.append = own.seed % 2 == 0;
    loads.push_back(std::make_unique<LoadInBackground>(own, history.get(), give_up));
    ++own.seed;
  }
  return loads;
}

absl::Status CitusFaultTest::Recover() {
  const std::unique_ptr<postgres::Connection> session = Session();
  if (session == nullptr) return absl::UnavailableError("the coordinator is away");
  return session->Execute("SELECT recover_prepared_transactions()");
}

CitusFaultTest::Difference CitusFaultTest::Compare(const DeliveryStream& stream) {
  const std::string rows = absl::StrCat("SELECT id, version, name FROM ", stream.Table());
  const auto count = [&](const std::string& left, const std::string& right) {
    const std::string text = Ask(
        absl::StrCat("SELECT count(*) FROM ((", left, ") EXCEPT ALL (", right, ")) AS difference"));
    int64_t number = 0;
    EXPECT_TRUE(absl::SimpleAtoi(text, &number)) << text;
    return number;
  };
  return {.lost = count(stream.ExpectedRowsSql(), rows),
          .doubled = count(rows, stream.ExpectedRowsSql())};
}

CitusFaultTest::Difference CitusFaultTest::ExpectLoaded(
    const std::vector<std::unique_ptr<DeliveryHistory>>& histories) {
  EXPECT_TRUE(Eventually([&] { return Recover().ok(); }));
  for (size_t node = 0; node < 3; ++node) {
    const std::string& dsn =
        node == 0 ? cluster().coordinator().dsn() : cluster().worker(node).dsn();
    EXPECT_TRUE(Eventually([&] {
      return AskNode(dsn, "SELECT count(*) FROM pg_prepared_xacts") == "0";
    })) << "transactions stay prepared on node "
        << node;
  }
  Difference sum;
  for (const auto& history : histories) {
    EXPECT_TRUE(history->completed());
    const Difference difference = Compare(history->stream());
    sum.lost += difference.lost;
    sum.doubled += difference.doubled;
    EXPECT_THAT(history->faults(), ::testing::IsEmpty());
    ExpectKept({history.get()});
    EXPECT_EQ(
        Ask(absl::StrCat("SELECT partmethod::text || ' ' || column_to_column_name(logicalrelid,"
                         " partkey) FROM pg_dist_partition WHERE logicalrelid = '",
                         history->stream().Table(), "'::regclass")),
        "h id");
  }
  EXPECT_EQ(Ask(absl::StrCat("SELECT count(*) FROM pg_tables WHERE schemaname = '", ledger(),
                             "' AND tablename IN (SELECT temp_table_name FROM ",
                             LedgerTable("stream"), ")")),
            "0");
  EXPECT_EQ(sum.lost, 0);
  EXPECT_EQ(sum.doubled, 0);
  return sum;
}

}  // namespace syncline::testing
