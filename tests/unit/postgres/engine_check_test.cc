// Which engines are refused by the text of version().
#include "server/postgres/connection/engine_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

TEST(EngineCheckTest, OtherEnginesAreRefusedByName) {
  const std::pair<const char*, const char*> engines[] = {
      {"CockroachDB CCL v24.3.1 (x86_64-pc-linux-gnu, built 2024/12/05)", "CockroachDB"},
      {"PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang", "YugabyteDB"},
      {"PostgreSQL 12.12 (Greenplum Database 7.1.0 build commit:0a) on x86_64", "Greenplum"},
      {"PostgreSQL 14.4 (Apache Cloudberry 2.0.0 build 1) on x86_64", "Cloudberry"},
  };
  for (const auto& [version, name] : engines) {
    const absl::Status refused = CheckEngineName(version);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, "DB_ENGINE"));
    EXPECT_THAT(refused.message(), HasSubstr(name));
    EXPECT_FALSE(IsRetryable(refused));
  }
}

TEST(EngineCheckTest, PostgresIsServed) {
  for (const char* const version :
       {"PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc",
        "PostgreSQL 18.1 on aarch64-unknown-linux-gnu"}) {
    EXPECT_OK(CheckEngineName(version));
  }
}

}  // namespace
}  // namespace syncline::postgres
