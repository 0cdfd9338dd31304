// Base of every test that needs a PostgreSQL: a schema of its own per test and a Database to reach
// it.
//
// The DSN comes from SYNCLINE_TEST_DSN. Without it a test is skipped, loudly, and fails when
// CI=true: a run in CI that tests nothing must not be green.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/database.h"

namespace syncline::testing {

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override;
  // Drops the schema with all that it holds.
  void TearDown() override;

  const std::string& dsn() const { return dsn_; }
  // A fresh schema, unique on this server, without characters that need quoting.
  const std::string& schema() const { return schema_; }
  // schema()."table"
  std::string Table(absl::string_view table) const;
  postgres::Database& database() { return *database_; }

  // One more libpq connection.
  std::unique_ptr<postgres::Connection> Connect() const;

  // Runs statements outside the code under test, on a connection of the fixture; a failure fails
  // the test.
  void Execute(absl::string_view sql);
  // The rows of one statement as text, NULL as "NULL". A failure fails the test and gives no rows.
  std::vector<std::vector<std::string>> QueryText(absl::string_view sql);
  // The single value of the single row.
  std::string QueryValue(absl::string_view sql);
  int64_t QueryInt(absl::string_view sql);

 private:
  std::string dsn_;
  std::string schema_;
  std::unique_ptr<postgres::Database> database_;
  std::unique_ptr<postgres::Connection> connection_;
};

}  // namespace syncline::testing
