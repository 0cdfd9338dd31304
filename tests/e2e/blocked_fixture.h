// A running database in which another session's lock blocks the server's statements.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {

class BlockedDatabaseTest : public EndToEndTest {
 protected:
  // Locks the table until the connection is closed.
  std::unique_ptr<postgres::Connection> Lock(absl::string_view table) {
    auto locker = Connect();
    EXPECT_OK(locker->Begin());
    EXPECT_OK(locker->Execute(
        absl::StrCat("SET idle_in_transaction_session_timeout = 0; ", LockSql(table))));
    return locker;
  }
  std::string LockSql(absl::string_view table) const {
    return absl::StrCat("LOCK TABLE ", Table(table), " IN ACCESS EXCLUSIVE MODE");
  }

  int64_t WaitingForTheLock(absl::string_view table = "rows") {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '",
                                 Table(table), "'::regclass"));
  }
};

}  // namespace syncline::testing
