// What the server decides from the catalog of Citus, with a PostgreSQL that has tables like those
// of the extension and not the extension itself: the node, the placement of a table, and that its
// statements are messages of their own. tests/component/citus/ has the tests with a cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/destination.h"
#include "tests/component/app_fixture.h"
#include "tests/support/own_cluster.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

// The parts of Citus' catalog that are read. A column is stored as its name.
constexpr char kCatalogSql[] = R"sql(
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_local_group (groupid integer);
INSERT INTO pg_catalog.pg_dist_local_group VALUES (0);
CREATE TABLE pg_catalog.pg_dist_partition
  (logicalrelid regclass, partmethod "char", partkey text, colocationid integer, repmodel "char");
CREATE TABLE pg_catalog.pg_dist_colocation (colocationid integer, shardcount integer);
INSERT INTO pg_catalog.pg_dist_colocation VALUES (1, 8), (2, 1);
CREATE TABLE pg_catalog.pg_dist_schema (schemaid oid, colocationid integer);
CREATE FUNCTION pg_catalog.column_to_column_name(regclass, text) RETURNS text
  LANGUAGE sql AS 'SELECT $2';
CREATE FUNCTION pg_catalog.citus_table_size(regclass) RETURNS bigint
  LANGUAGE sql AS 'SELECT 8192::bigint';
RESET allow_system_table_mods;
)sql";

class CitusCatalogTest : public WithOwnCluster<AppTest> {
 protected:
  absl::StatusOr<std::string> ChooseDatabase() override {
    postgres::ConnectionOptions options;
    options.conninfo = cluster_->dsn();
    SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<postgres::Connection> connection,
                              postgres::Connection::Open(options));
    SYNCLINE_RETURN_IF_ERROR(connection->Execute(kCatalogSql));
    return cluster_->dsn();
  }

  // Lets the catalog place the table. `column`: by which it is distributed, or empty.
  void Place(absl::string_view method, absl::string_view column, absl::string_view model,
             int colocation) {
    Execute("DELETE FROM pg_catalog.pg_dist_partition");
    Execute(absl::StrCat("INSERT INTO pg_catalog.pg_dist_partition VALUES ('", Table(kTable),
                         "', '", method, "', nullif('", column, "', ''), ", colocation, ", '",
                         model, "')"));
  }

  absl::Status Refusal(const Ask& ask) { return Start("refused", ask).status(); }
};

TEST_F(CitusCatalogTest, OtherNodesThanTheCoordinatorAreRefused) {
  const auto reach = [&] {
    postgres::Destination destination;
    postgres::DatabaseOptions options;
    options.conninfo = dsn();
    options.destination = &destination;
    const auto server = postgres::Database::Create(options);
    if (!server.ok()) return server.status();
    const absl::Status reached = (*server)->Ping();
    postgres::ConnectionOptions data;
    data.conninfo = dsn();
    data.destination = &destination;
    EXPECT_EQ(GetReason(postgres::Connection::Open(data).status()), GetReason(reached));
    return reached;
  };
  EXPECT_OK(reach());
  Execute("UPDATE pg_catalog.pg_dist_local_group SET groupid = 3");
  const absl::Status refused = reach();
  EXPECT_THAT(refused, StatusIs(kRefused, "WRONG_NODE"));
  EXPECT_FALSE(IsRetryable(refused));
  RestartServer();
  EXPECT_THAT(Refusal(Append(0)), Not(IsOk()));
}

TEST_F(CitusCatalogTest, StatementsAreMessagesOfTheirOwn) {
  postgres::Destination destination;
  postgres::DatabaseOptions options;
  options.conninfo = dsn();
  options.destination = &destination;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<postgres::Database> server,
                       postgres::Database::Create(options));
  std::string seen;
  EXPECT_OK(server->Transact([&](postgres::Transaction& transaction) -> absl::Status {
    EXPECT_TRUE(transaction.on_citus());
    SYNCLINE_RETURN_IF_ERROR(
        transaction.Execute("CREATE TEMPORARY TABLE messages AS SELECT pg_catalog.current_query()"
                            " AS text; INSERT INTO pg_temp.messages SELECT"
                            " pg_catalog.current_query()"));
    SYNCLINE_ASSIGN_OR_RETURN(
        const postgres::Result rows,
        transaction.Query("SELECT pg_catalog.string_agg(pg_catalog.left(text, 6), ' ') FROM"
                          " pg_temp.messages WHERE pg_catalog.strpos(text, ';') = 0"));
    seen = rows.Text(0, 0);
    return absl::OkStatus();
  }));
  EXPECT_EQ(seen, "CREATE INSERT");
}

TEST_F(CitusCatalogTest, PlacedTablesAreRefusedAtTheStart) {
  Load("s1", Append(0), Record(1, "a"));
  // A reference table, a local one, one of a distributed schema, one with appended shards.
  Place("n", "", "t", 1);
  EXPECT_THAT(Refusal(Dedup(0)), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  const struct {
    const char* method;
    const char* model;
    int colocation;
  } others[] = {{"n", "s", 0}, {"n", "s", 2}, {"a", "s", 3}};
  for (const auto& other : others) {
    Place(other.method, "", other.model, other.colocation);
    for (const Ask& ask : {Dedup(0), Replace(1), DedupReplace(1)}) {
      const absl::Status refused = Refusal(ask);
      EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_DISTRIBUTED"));
      EXPECT_THAT(refused.message(), HasSubstr("undistribute_table"));
    }
  }
  EXPECT_EQ(Rows(), "1:a@0");
  // Nothing is left of the refused syncs.
  EXPECT_EQ(StagedRows(), "missing");
}

TEST_F(CitusCatalogTest, TheDistributionColumnIsChecked) {
  Load("s1", Append(0), Record(1, "a"));
  Place("h", "name", "s", 1);
  EXPECT_THAT(Refusal(Dedup(0)), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  Ask other = Append(0);
  other.distribute_by = "id";
  EXPECT_THAT(Refusal(other), StatusIs(kRefused, "DISTRIBUTION_DIFFERS"));
  Ask without = Append(0);
  without.json_schema = R"({"properties":{"id":{"type":"integer"}}})";
  EXPECT_THAT(Refusal(without), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  Place("h", "id", "s", 1);
  Ask retyped = Append(0);
  retyped.json_schema = R"({"properties":{"id":{"type":"string"}}})";
  EXPECT_THAT(Refusal(retyped), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  Ask in_place = Replace(1);
  in_place.replace_strategy = v1::REPLACE_STRATEGY_IN_PLACE;
  EXPECT_THAT(Refusal(in_place), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
}

TEST_F(CitusCatalogTest, PlansSayWhereTheTableIs) {
  Ask distributed = Append(0);
  distributed.distribute_by = "id";
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_ORDINARY  0 ");
  EXPECT_EQ(PlannedPlacement(distributed), "KIND_HASH id 0 ") << "the table does not exist yet";
  Load("s1", Append(0), Record(1, "a"));
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_ORDINARY  0 heap");
  Place("h", "id", "s", 1);
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_HASH id 8 heap");
  Place("n", "", "t", 2);
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_REFERENCE  0 heap");
  Place("n", "", "s", 0);
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_MANAGED_LOCAL  0 heap");
  Place("n", "", "s", 2);
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_SINGLE_SHARD  0 heap");
  Place("a", "", "s", 3);
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_OTHER  0 heap");
}

TEST_F(CitusCatalogTest, TablesPlacedMeanwhileAreLeftAlone) {
  Load("s1", Append(0), Record(1, "a"));
  for (const Ask& ask : {Replace(1), Dedup(1)}) {
    const std::string sync_id = absl::StrCat("s", ask.minimum, "-2");
    Execute("DELETE FROM pg_catalog.pg_dist_partition");
    ASSERT_OK(Start(sync_id, ask).status());
    ASSERT_OK(Send(sync_id, Record(2, "b")).status());
    Place("h", "id", "s", 1);
    EXPECT_THAT(Complete(sync_id).status(), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
    EXPECT_EQ(Rows(), "1:a@0");
  }
}

}  // namespace
}  // namespace syncline::testing
