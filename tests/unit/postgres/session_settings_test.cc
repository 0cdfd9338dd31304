// Which servers and sessions are refused.
#include "server/postgres/connection/session_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using absl::StatusCode;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using testing::StatusIs;

TEST(SessionSettingsTest, OldServersAreRefusedByName) {
  for (const int version : {150000, 150018, 180004, 190000}) {
    EXPECT_OK(CheckServerVersion(version)) << version;
  }
  const absl::Status refused = CheckServerVersion(140023);
  EXPECT_THAT(refused, StatusIs(StatusCode::kFailedPrecondition, "DB_TOO_OLD"));
  EXPECT_THAT(GetDetail(refused).metadata, Contains(Pair("server_version", "14.23")));
  EXPECT_THAT(GetDetail(refused).metadata, Contains(Pair("minimum_version", "15")));
  EXPECT_FALSE(IsRetryable(refused));
  EXPECT_THAT(CheckServerVersion(90624).message(), HasSubstr("PostgreSQL 9.6.24"));
}

TEST(SessionSettingsTest, ReplicaSessionsAreRefused) {
  const auto session = [](const char* role) {
    return CheckSession(Result({"replication_role"}, {{role}}, 0));
  };
  EXPECT_OK(session("origin"));
  for (const char* role : {"replica", "local"}) {
    EXPECT_THAT(session(role), StatusIs(StatusCode::kFailedPrecondition, "DB_REPLICATION_ROLE"));
  }
}

TEST(SessionSettingsTest, WorkerNodesAreRefused) {
  const auto session = [](std::optional<std::string> group) {
    return CheckSession(Result({"replication_role", "citus_group"}, {{"origin", group}}, 0));
  };
  EXPECT_OK(session("0"));
  EXPECT_THAT(session("1"), StatusIs(StatusCode::kFailedPrecondition, "WRONG_NODE"));
  EXPECT_THAT(session(std::nullopt), StatusIs(StatusCode::kFailedPrecondition, "WRONG_NODE"));
}

TEST(SessionSettingsTest, OnlyCitusSessionsHaveItsSettings) {
  EXPECT_THAT(OpenSessionSql(SessionKind::kPostgres), Not(HasSubstr("citus")));
  EXPECT_THAT(OpenSessionSql(SessionKind::kPostgres), Not(HasSubstr("pg_dist")));
  for (const SessionKind kind : {SessionKind::kCitusData, SessionKind::kCitusControl}) {
    EXPECT_THAT(OpenSessionSql(kind), HasSubstr("multi_shard_modify_mode = 'sequential'"));
    EXPECT_THAT(OpenSessionSql(kind), HasSubstr("pg_dist_local_group"));
  }
  // A data connection sends SET LOCAL together with COPY.
  EXPECT_THAT(OpenSessionSql(SessionKind::kCitusData), Not(HasSubstr("propagate")));
  EXPECT_THAT(OpenSessionSql(SessionKind::kCitusControl), HasSubstr("propagate"));
}

}  // namespace
}  // namespace syncline::postgres
