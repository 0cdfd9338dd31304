// A ledger in the test's own schema, with which it goes, and data connections.
#pragma once

#include <memory>

#include "server/postgres/connection_pool.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_schema.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

class LedgerFixture : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_OK(postgres::MigrateLedger(database(), schema()));
    ledger_ = std::make_unique<postgres::Ledger>(schema());
    committer_ = std::make_unique<postgres::DataCommitter>(*ledger_);
    postgres::ConnectionOptions options;
    options.conninfo = dsn();
    connections_ = std::make_unique<postgres::ConnectionPool>(options);
  }

  std::unique_ptr<postgres::Ledger> ledger_;
  std::unique_ptr<postgres::DataCommitter> committer_;
  std::unique_ptr<postgres::ConnectionPool> connections_;
};

}  // namespace syncline::testing
