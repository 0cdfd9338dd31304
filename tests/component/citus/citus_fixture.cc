#include "tests/component/citus/citus_fixture.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/statement_split.h"

namespace syncline::testing {
namespace {

// Shared by the tests of a program, because it takes seconds to start.
std::unique_ptr<CitusCluster>& Shared() {
  static auto* const cluster = new std::unique_ptr<CitusCluster>();
  return *cluster;
}

}  // namespace

CitusCluster& CitusTest::cluster() { return *Shared(); }

void CitusTest::TearDownTestSuite() { Shared().reset(); }

void CitusTest::SetUp() {
  if (CitusBinDirectory().empty()) {
    GTEST_SKIP() << "SYNCLINE_CITUS_BINDIR is not set: NOTHING IS TESTED with Citus";
  }
  if (Shared() == nullptr) {
    ASSERT_OK_AND_ASSIGN(Shared(), CitusCluster::Create());
  }
  AppTest::SetUp();
}

void CitusTest::TearDown() {
  if (Shared() != nullptr && !schema().empty()) AppTest::TearDown();
}

void CitusTest::Run(absl::string_view sql) {
  const std::string text = absl::StrReplaceAll(sql, {{"$S", schema()}});
  for (const absl::string_view statement : postgres::SplitStatements(text)) Execute(statement);
}

std::string CitusTest::Value(absl::string_view sql) {
  return QueryValue(absl::StrReplaceAll(sql, {{"$S", schema()}}));
}

std::string CitusTest::OnWorker(size_t number, absl::string_view sql) {
  postgres::ConnectionOptions options;
  options.conninfo = cluster().worker(number).dsn();
  const absl::StatusOr<std::unique_ptr<postgres::Connection>> connection =
      postgres::Connection::Open(options);
  if (!connection.ok()) return connection.status().ToString();
  const absl::StatusOr<postgres::Result> result =
      (*connection)->Query(absl::StrReplaceAll(sql, {{"$S", schema()}}), {});
  return result.ok() ? result->Text(0, 0) : result.status().ToString();
}

void CitusTest::Distribute(absl::string_view column, absl::string_view table) {
  Run(absl::StrCat("CREATE TABLE ", Table(table),
                   " (_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz NOT NULL,"
                   " _airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT NULL,"
                   " id bigint, name varchar, at bigint); SELECT create_distributed_table('",
                   Table(table), "', '", column, "')"));
}

std::string CitusTest::Placement(const std::string& table) {
  return QueryValue(absl::StrCat(
      "SELECT coalesce((SELECT CASE WHEN partmethod = 'h' THEN 'hash ' ||"
      " column_to_column_name(logicalrelid, partkey) WHEN repmodel = 't' THEN 'reference'"
      " WHEN colocationid = 0 THEN 'local' ELSE 'single shard' END"
      " FROM pg_dist_partition WHERE logicalrelid = to_regclass('",
      table, "')), 'ordinary')"));
}

std::string CitusTest::PlacedStaging() {
  return QueryValue(absl::StrCat(
      "SELECT coalesce(string_agg(c.relname, ' '), '') FROM pg_dist_partition p JOIN pg_class c"
      " ON c.oid = p.logicalrelid WHERE c.relnamespace = '",
      ledger(), "'::regnamespace"));
}

}  // namespace syncline::testing
