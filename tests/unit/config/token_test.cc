// The token file, and the callers that its tokens authenticate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/sha256.h"
#include "server/config/token_file.h"
#include "server/rpc/auth.h"

namespace syncline::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TokenTest : public ::testing::Test {
 protected:
  static std::string WriteFile(const std::string& name, const std::string& content) {
    const std::string path = absl::StrCat(::testing::TempDir(), "token_test.", getpid(), ".", name);
    std::ofstream(path) << content;
    return path;
  }

  static absl::StatusOr<Tokens> Read(const std::string& content) {
    return ReadTokens(WriteFile("read", content));
  }
};

TEST_F(TokenTest, LineHasNameSchemasAndOwner) {
  const std::string digest = Sha256Hex("saltopen-barley");
  const absl::StatusOr<Tokens> read =
      Read(absl::StrCat("# of the nightly syncs\n\nteam_a salt ", digest,
                        " sales,public team_a 2031-05-01\nall\tsalt2 ", digest, " * - never\r\n"));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->tokens.size(), 2);
  EXPECT_EQ(read->plain, 0);
  const AccessToken& first = read->tokens[0];
  EXPECT_EQ(first.identity.name, "team_a");
  EXPECT_EQ(first.identity.owner, "team_a");
  EXPECT_THAT(first.identity.schemas, ElementsAre("sales", "public"));
  EXPECT_EQ(first.expires, absl::FromCivil(absl::CivilDay(2031, 5, 1), absl::UTCTimeZone()));
  EXPECT_THAT(read->tokens[1].identity.schemas, IsEmpty());
  EXPECT_EQ(read->tokens[1].identity.owner, "");
  EXPECT_EQ(read->tokens[1].expires, absl::InfiniteFuture());
}

TEST_F(TokenTest, FaultyLineIsNamedByNumberOnly) {
  const auto fault = [](const std::string& content) {
    return std::string(Read(content).status().message());
  };
  EXPECT_THAT(fault("plain\nsecret one\n"), HasSubstr("line 2: has 2 words"));
  EXPECT_EQ(fault("plain\nsecret one\n").find("secret"), std::string::npos);
  EXPECT_THAT(fault("a salt 1234 * - never"), HasSubstr("not a SHA-256"));
  const std::string digest(64, '0');
  EXPECT_THAT(fault(absl::StrCat("a s ", digest, " , - never")), HasSubstr("names no schema"));
  EXPECT_THAT(fault(absl::StrCat("a s ", digest, " * - tomorrow")), HasSubstr("expiry"));
  EXPECT_THAT(fault("# nothing\n"), HasSubstr("holds no token"));
}

TEST_F(TokenTest, DetectsAChangedFile) {
  const std::string path = WriteFile("tokens", "barley\n");
  TokenFileWatch watch(path, ReadTokens(path)->tokens);
  const auto look = [&] {
    const absl::StatusOr<std::optional<Tokens>> read = watch.Look();
    if (!read.ok()) return GetReason(read.status());
    return read->has_value() ? absl::StrCat((*read)->tokens.size()) : std::string("as before");
  };
  EXPECT_EQ(look(), "as before");
  WriteFile("tokens", "\n\tbarley  \r\n");
  EXPECT_EQ(look(), "as before");
  WriteFile("tokens", "barley\nwheat\n");
  EXPECT_EQ(look(), "2");
  // If the file is empty or missing, that is logged once and the existing tokens stay valid.
  WriteFile("tokens", "\n");
  EXPECT_EQ(look(), "TOKEN_FILE");
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_EQ(look(), "as before");
  WriteFile("tokens", "barley\nwheat\n");
  EXPECT_EQ(look(), "as before");
  // Another file replaces it under the same name.
  ASSERT_EQ(rename(WriteFile("new", "rye\n").c_str(), path.c_str()), 0);
  EXPECT_EQ(look(), "1");
}

TEST_F(TokenTest, MadeTokenHasTheRightsOfItsLine) {
  const absl::StatusOr<NewToken> made = MakeToken("nightly", "sales", "team_a", "never");
  ASSERT_TRUE(made.ok()) << made.status();
  const absl::StatusOr<NewToken> over = MakeToken("former", "*", "team_b", "2001-01-01");
  ASSERT_TRUE(over.ok()) << over.status();
  const absl::StatusOr<Tokens> read = Read(absl::StrCat(made->line, "\n", over->line, "\nplain\n"));
  ASSERT_TRUE(read.ok()) << read.status();
  const rpc::Authenticator authenticator(read->tokens);
  const absl::StatusOr<Identity> caller = authenticator.Check(absl::StrCat("Bearer ", made->token));
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->name, "nightly");
  EXPECT_EQ(caller->owner, "team_a");
  EXPECT_THAT(caller->schemas, ElementsAre("sales"));
  const auto refusal = [&](const std::string& authorization) {
    return GetReason(authenticator.Check(authorization).status());
  };
  EXPECT_EQ(refusal(absl::StrCat("Bearer ", over->token)), "CREDENTIALS_EXPIRED");
  EXPECT_EQ(refusal(absl::StrCat("Bearer ", made->line)), "BAD_CREDENTIALS");
  EXPECT_EQ(refusal("Bearer "), "BAD_CREDENTIALS");
  EXPECT_EQ(refusal(""), "NO_CREDENTIALS");
  EXPECT_EQ(refusal("bearer plain"), "");
  EXPECT_TRUE(rpc::Authenticator({}).Check("").ok()) << "without tokens every caller is accepted";
}

TEST_F(TokenTest, OwnerSeesItsSyncsAndThoseWithoutOwner) {
  const Identity team{"token", "team_a", {}};
  EXPECT_TRUE(MayAccess(team, "team_a"));
  EXPECT_TRUE(MayAccess(team, ""));
  EXPECT_FALSE(MayAccess(team, "team_b"));
  EXPECT_TRUE(MayAccess(Identity(), "team_b"));
}

}  // namespace
}  // namespace syncline::config
