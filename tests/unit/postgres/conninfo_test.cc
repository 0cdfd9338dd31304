// The defaults that a connection string gets.
#include "server/postgres/connection/conninfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Complete(absl::string_view conninfo) {
  const absl::StatusOr<std::string> complete = CompleteConninfo(conninfo, absl::Seconds(5));
  EXPECT_OK(complete);
  return complete.ok() ? *complete : "";
}

TEST(ConninfoTest, SeveralHostsMeanTheOneThatAcceptsWrites) {
  const std::string wanted = "target_session_attrs='read-write'";
  EXPECT_THAT(Complete("host=a,b dbname=d"), HasSubstr(wanted));
  EXPECT_THAT(Complete("hostaddr=10.0.0.1,10.0.0.2"), HasSubstr(wanted));
  EXPECT_THAT(Complete("postgresql://a:5432,b:5433/d"), HasSubstr(wanted));
  EXPECT_THAT(Complete("host=a"), Not(HasSubstr("target_session_attrs")));
  EXPECT_THAT(Complete("host=a,b target_session_attrs=any"),
              HasSubstr("target_session_attrs='any'"));
}

TEST(ConninfoTest, TextIsAlwaysUtf8) {
  EXPECT_THAT(Complete("host=a client_encoding=LATIN1"), HasSubstr("client_encoding='UTF8'"));
  EXPECT_THAT(Complete("host=a client_encoding=LATIN1"), Not(HasSubstr("LATIN1")));
}

}  // namespace
}  // namespace syncline::postgres
