// The SQLSTATE table of the contract, row by row.
#include "server/postgres/connection/sqlstate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "absl/strings/match.h"
#include "base/error.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using absl::StatusCode;
using ::testing::Contains;
using ::testing::Pair;
using testing::StatusIs;

struct Case {
  const char* sqlstate;
  StatusCode code;
  const char* reason;
  bool retryable;
};

class SqlStateTest : public ::testing::TestWithParam<Case> {};

TEST_P(SqlStateTest, HasCodeReasonAndRetry) {
  const Case& expected = GetParam();
  const absl::Status status = StatusFromSqlState(expected.sqlstate, "a message");
  EXPECT_THAT(status, StatusIs(expected.code, expected.reason));
  EXPECT_EQ(IsRetryable(status), expected.retryable);
  EXPECT_EQ(GetSqlState(status), expected.sqlstate);
  const bool raised = absl::StartsWith(expected.sqlstate, "P0");
  EXPECT_EQ(std::string(status.message()), raised ? kRaisedMessage : "a message");
  EXPECT_TRUE(std::regex_match(GetReason(status), std::regex("[A-Z][A-Z0-9_]*")));
}

INSTANTIATE_TEST_SUITE_P(
    Contract, SqlStateTest,
    ::testing::Values(Case{"08006", StatusCode::kUnavailable, "DB_UNREACHABLE", true},
                      Case{"0A000", StatusCode::kFailedPrecondition, "FEATURE_NOT_SUPPORTED",
                           false},
                      Case{"22003", StatusCode::kInvalidArgument, "INVALID_VALUE", false},
                      Case{"22P03", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED", false},
                      Case{"23502", StatusCode::kInvalidArgument, "NULL_VALUE", false},
                      Case{"23505", StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED", false},
                      Case{"25006", StatusCode::kUnavailable, "DB_READ_ONLY", true},
                      Case{"25P02", StatusCode::kInternal, "DB_ERROR", false},
                      Case{"25P04", StatusCode::kDeadlineExceeded, "TRANSACTION_TIMEOUT", true},
                      Case{"28P01", StatusCode::kFailedPrecondition, "DB_AUTH", false},
                      Case{"28000", StatusCode::kFailedPrecondition, "DB_AUTH", false},
                      Case{"2BP01", StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS", false},
                      Case{"40001", StatusCode::kAborted, "CONFLICT", true},
                      Case{"40003", StatusCode::kUnavailable, "COMMIT_UNKNOWN", true},
                      Case{"40P01", StatusCode::kAborted, "CONFLICT", true},
                      Case{"42501", StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED", false},
                      Case{"42601", StatusCode::kInternal, "DB_ERROR", false},
                      Case{"42703", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED", false},
                      Case{"42809", StatusCode::kFailedPrecondition, "WRONG_OBJECT_TYPE", false},
                      Case{"42P01", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED", false},
                      Case{"42P07", StatusCode::kAlreadyExists, "OBJECT_EXISTS", false},
                      Case{"53100", StatusCode::kResourceExhausted, "DISK_FULL", true},
                      Case{"53200", StatusCode::kResourceExhausted, "OUT_OF_MEMORY", true},
                      Case{"53300", StatusCode::kUnavailable, "TOO_MANY_CONNECTIONS", true},
                      Case{"53400", StatusCode::kResourceExhausted, "DB_LIMIT_EXCEEDED", true},
                      Case{"54001", StatusCode::kInvalidArgument, "LIMIT_EXCEEDED", false},
                      Case{"55P03", StatusCode::kAborted, "LOCK_NOT_AVAILABLE", true},
                      Case{"57014", StatusCode::kDeadlineExceeded, "STATEMENT_TIMEOUT", true},
                      Case{"57P01", StatusCode::kUnavailable, "DB_SHUTDOWN", true},
                      Case{"57P02", StatusCode::kUnavailable, "DB_CRASHED", true},
                      Case{"57P03", StatusCode::kUnavailable, "DB_STARTING", true},
                      Case{"58030", StatusCode::kUnavailable, "DB_SYSTEM_ERROR", true},
                      Case{"P0001", StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE", false},
                      Case{"XX000", StatusCode::kInternal, "DB_ERROR", false},
                      Case{"XX001", StatusCode::kDataLoss, "DATA_CORRUPTED", false},
                      Case{"XX002", StatusCode::kDataLoss, "INDEX_CORRUPTED", false}),
    [](const ::testing::TestParamInfo<Case>& row) { return std::string(row.param.sqlstate); });

TEST(SqlStateMessageTest, CancelIsNotATimeout) {
  const absl::Status cancelled =
      StatusFromSqlState("57014", "canceling statement due to user request");
  EXPECT_THAT(cancelled, StatusIs(StatusCode::kCancelled, "STATEMENT_CANCELLED"));
  EXPECT_TRUE(IsRetryable(cancelled));
}

TEST(SqlStateMessageTest, OmitsValuesOfRecords) {
  EXPECT_EQ(StatusFromSqlState("22P02", "invalid input syntax for type json: \"a\"b\"").message(),
            "invalid input syntax for type json: (value)");
  EXPECT_EQ(StatusFromSqlState("P0001", "no value 42 here").message(), kRaisedMessage);
  EXPECT_EQ(StatusFromSqlState("42P01", "relation \"t\" does not exist").message(),
            "relation \"t\" does not exist");
}

TEST(SqlStateSessionTest, ErrorsThatEndASession) {
  for (const char* sqlstate : {"08006", "57P01", "57P02", "57P05", "25P03", "25P04"}) {
    EXPECT_TRUE(EndsSession(sqlstate)) << sqlstate;
  }
  for (const char* sqlstate : {"57014", "25P02", "53100", ""}) {
    EXPECT_FALSE(EndsSession(sqlstate)) << sqlstate;
  }
}

TEST(SqlStateConflictTest, OnlySerializationAndDeadlock) {
  EXPECT_TRUE(IsConflict(StatusFromSqlState("40001", "m")));
  EXPECT_TRUE(IsConflict(StatusFromSqlState("40P01", "m")));
  EXPECT_FALSE(IsConflict(StatusFromSqlState("55P03", "m")));
  EXPECT_FALSE(IsConflict(absl::OkStatus()));
  EXPECT_EQ(GetSqlState(DatabaseUnreachable("m")), "");
}

TEST(SqlStateRetryTest, ObjectLostDuringACatalogQueryIsAConflict) {
  const auto retried = [](const char* sqlstate, const char* message) {
    return RetryIfVanished(StatusFromSqlState(sqlstate, message));
  };
  for (const absl::Status& status :
       {retried("XX000", "could not open relation with OID 26062"),
        retried("XX000", "cache lookup failed for relation 4711"),
        retried("42P01", "relation \"t\" does not exist"), retried("42704", "no such object")}) {
    EXPECT_TRUE(IsConflict(status)) << status;
    EXPECT_THAT(status, StatusIs(StatusCode::kAborted, "CONFLICT"));
  }
  EXPECT_THAT(retried("XX000", "unexpected state"), StatusIs(StatusCode::kInternal, "DB_ERROR"));
  EXPECT_THAT(retried("42703", "no such column"),
              StatusIs(StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"));
  EXPECT_OK(RetryIfVanished(absl::OkStatus()));
}

TEST(SqlStateTest, ErrorsOfOtherNodesAreTheirs) {
  const auto status = [](const char* message) { return StatusFromSqlState("XX000", message); };
  for (const char* const lost :
       {"failure on connection marked as essential: worker1:5432",
        "connection to the remote node worker1:5432 failed with the following error: timeout",
        "server closed the connection unexpectedly"}) {
    EXPECT_THAT(status(lost), StatusIs(StatusCode::kUnavailable, "DB_UNREACHABLE"));
    EXPECT_TRUE(IsRetryable(status(lost)));
    EXPECT_EQ(std::string(status(lost).message()), lost);
  }
  EXPECT_THAT(status("could not acquire the lock required to colocate distributed table ns.t"),
              StatusIs(StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  const absl::Status refused =
      status("new row for relation \"t_102010\" violates check constraint \"total_1_102010\"");
  EXPECT_THAT(refused, StatusIs(StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"));
  EXPECT_EQ(GetSqlState(refused), "23514");
  EXPECT_THAT(GetDetail(refused).metadata, Contains(Pair("constraint", "total_1")));
  EXPECT_EQ(GetSqlState(status("duplicate key value violates unique constraint \"t_pkey_102010\"")),
            "23505");
}

}  // namespace
}  // namespace syncline::postgres
