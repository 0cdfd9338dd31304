#include "client/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "base/file.h"
#include "base/reasons.h"
#include "client/call_error.h"

namespace syncline::client {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

absl::Status ErrorOf(const std::string& reason) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "the table is in the way",
                   {.reason = reason});
}

// Returns all reasons of base/reasons.h.
std::vector<std::string> ReadReasons() {
  const absl::StatusOr<std::string> header = ReadFile(SYNCLINE_SOURCE_DIR "/base/reasons.h");
  EXPECT_TRUE(header.ok()) << header.status();
  std::vector<std::string> reasons;
  for (const absl::string_view line : absl::StrSplit(header.value_or(""), '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, '"');
    if (parts.size() == 3 && absl::StrContains(parts[0], "constexpr char")) {
      reasons.emplace_back(parts[1]);
    }
  }
  return reasons;
}

TEST(AdviceTest, EveryReasonHasAdviceForBothFrontends) {
  const std::vector<std::string> reasons = ReadReasons();
  ASSERT_GT(reasons.size(), 100U);
  for (const std::string& reason : reasons) {
    EXPECT_THAT(AdviceFor(ErrorOf(reason), Frontend::kCommandLine), Not(IsEmpty())) << reason;
    const std::string advice = absl::StrReplaceAll(AdviceFor(ErrorOf(reason), Frontend::kConnector),
                                                   {{"the server's --", ""}});
    EXPECT_THAT(advice, AllOf(Not(IsEmpty()), Not(HasSubstr("--")))) << reason;
  }
}

TEST(AdviceTest, ConnectorsHaveMembersInsteadOfFlags) {
  EXPECT_THAT(Explain(ErrorOf(reason::kTableOwned), "db7:50051", Frontend::kConnector),
              HasSubstr("[FAILED_PRECONDITION TABLE_OWNED]; another connection loads this table; "
                        "correct \"connection_id\" in the configuration"));
  EXPECT_THAT(Explain(ErrorOf(reason::kTableOwned), "db7:50051"), HasSubstr("--connection_id"));
  const absl::Status away = absl::UnavailableError("connection refused");
  EXPECT_THAT(Explain(away, "db7:50051", Frontend::kConnector),
              HasSubstr("give another address with \"server\" in the configuration"));
  EXPECT_THAT(Explain(away, "db7:50051"), HasSubstr("give another address with --server"));
}

TEST(AdviceTest, ErrorsWithoutAReasonHaveAdviceByTheirCode) {
  for (const Frontend frontend : {Frontend::kCommandLine, Frontend::kConnector}) {
    EXPECT_EQ(AdviceFor(absl::UnavailableError("x"), frontend), "try again later");
    EXPECT_EQ(AdviceFor(absl::InternalError("x"), frontend), "");
  }
  EXPECT_THAT(AdviceFor(absl::UnauthenticatedError("x"), Frontend::kConnector),
              HasSubstr("\"token\""));
  EXPECT_THAT(AdviceFor(absl::UnauthenticatedError("x"), Frontend::kCommandLine),
              HasSubstr("--token_file"));
  EXPECT_EQ(AdviceFor(absl::DeadlineExceededError("x"), Frontend::kConnector), "try again");
}

}  // namespace
}  // namespace syncline::client
