// Base of every test that needs a PostgreSQL: one schema per test in a database of the test
// program, and a Database to access it.
//
// SYNCLINE_TEST_DSN names the PostgreSQL. If it is not set, the test is skipped with a message, and
// fails if CI=true, because a CI run that tests nothing must not pass.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/database.h"

namespace syncline::testing {

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override;
  // Drops the schema and everything in it.
  void TearDown() override;

  // Returns the connection string of the database in which the test runs, or "" if there is none.
  // Called once, by SetUp. Errors: those of CREATE DATABASE.
  virtual absl::StatusOr<std::string> ChooseDatabase();

  const std::string& dsn() const { return dsn_; }
  // A new schema, unique on this server, without characters that need quoting.
  const std::string& schema() const { return schema_; }
  // schema()."table"
  std::string Table(absl::string_view table) const;
  postgres::Database& database() { return *database_; }

  // Opens another libpq connection.
  std::unique_ptr<postgres::Connection> Connect() const;

  // Runs statements outside the code under test, on a connection of the fixture. A failure fails
  // the test.
  void Execute(absl::string_view sql);
  // Returns the rows of one statement as text, NULL as "NULL". A failure fails the test and returns
  // no rows.
  std::vector<std::vector<std::string>> QueryText(absl::string_view sql);
  // Returns the single value of the single row.
  std::string QueryValue(absl::string_view sql);
  int64_t QueryInt(absl::string_view sql);

 private:
  std::string dsn_;
  std::string schema_;
  std::unique_ptr<postgres::Database> database_;
  std::unique_ptr<postgres::Connection> connection_;
};

}  // namespace syncline::testing
