#include "tests/support/postgres_fixture.h"

#include <unistd.h>

#include <cstdlib>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_database.h"

namespace syncline::testing {
namespace {

std::string UniqueSchema() {
  std::random_device random;
  return absl::StrCat("syncline_test_", getpid(), "_", absl::Hex(random()));
}

}  // namespace

absl::StatusOr<std::string> PostgresTest::ChooseDatabase() {
  const char* const dsn = std::getenv("SYNCLINE_TEST_DSN");
  return dsn == nullptr || *dsn == '\0' ? std::string() : OwnDatabase(dsn);
}

void PostgresTest::SetUp() {
  ASSERT_OK_AND_ASSIGN(dsn_, ChooseDatabase());
  if (dsn_.empty()) {
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && absl::string_view(ci) == "true") {
      FAIL() << "SYNCLINE_TEST_DSN is not set, and CI runs every test";
    }
    GTEST_SKIP() << "SYNCLINE_TEST_DSN is not set: NOTHING IS TESTED against a database";
  }
  postgres::ConnectionOptions connection_options;
  connection_options.conninfo = dsn_;
  ASSERT_OK_AND_ASSIGN(connection_, postgres::Connection::Open(connection_options));
  postgres::DatabaseOptions options;
  options.conninfo = dsn_;
  ASSERT_OK_AND_ASSIGN(database_, postgres::Database::Create(options));
  std::string schema = UniqueSchema();
  ASSERT_OK(connection_->Execute(absl::StrCat("CREATE SCHEMA ", schema)));
  schema_ = std::move(schema);
}

void PostgresTest::TearDown() {
  database_.reset();
  if (schema_.empty()) return;
  connection_->Rollback();
  EXPECT_OK(connection_->Execute(
      absl::StrCat("SET lock_timeout = '20s'; DROP SCHEMA ", schema_, " CASCADE")));
}

std::string PostgresTest::Table(absl::string_view table) const {
  return absl::StrCat(schema_, ".\"", table, "\"");
}

std::unique_ptr<postgres::Connection> PostgresTest::Connect() const {
  postgres::ConnectionOptions options;
  options.conninfo = dsn_;
  absl::StatusOr<std::unique_ptr<postgres::Connection>> connection =
      postgres::Connection::Open(options);
  EXPECT_OK(connection);
  return connection.ok() ? std::move(*connection) : nullptr;
}

void PostgresTest::Execute(absl::string_view sql) { EXPECT_OK(connection_->Execute(sql)) << sql; }

std::vector<std::vector<std::string>> PostgresTest::QueryText(absl::string_view sql) {
  const absl::StatusOr<postgres::Result> result = connection_->Query(sql, {});
  EXPECT_OK(result) << sql;
  std::vector<std::vector<std::string>> rows;
  if (!result.ok()) return rows;
  for (size_t row = 0; row < result->size(); ++row) {
    std::vector<std::string>& texts = rows.emplace_back();
    for (size_t column = 0; column < result->columns().size(); ++column) {
      texts.push_back(result->IsNull(row, column) ? "NULL" : result->Text(row, column));
    }
  }
  return rows;
}

std::string PostgresTest::QueryValue(absl::string_view sql) {
  const std::vector<std::vector<std::string>> rows = QueryText(sql);
  if (rows.size() == 1 && rows[0].size() == 1) return rows[0][0];
  ADD_FAILURE() << "not exactly one value: " << sql;
  return "";
}

int64_t PostgresTest::QueryInt(absl::string_view sql) {
  const std::string value = QueryValue(sql);
  int64_t number = 0;
  if (!absl::SimpleAtoi(value, &number)) ADD_FAILURE() << "no integer: " << value << ": " << sql;
  return number;
}

}  // namespace syncline::testing
