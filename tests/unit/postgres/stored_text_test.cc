// Characters that the encoding of a database lacks: how they are found, and how names with them are
// stored.
#include "server/postgres/connection/stored_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/postgres/connection/repertoire.h"
#include "server/postgres/connection/sqlstate.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kSun[] = "\u65E5";
constexpr char kTree[] = "\u6728";
constexpr char kFace[] = "\U0001F600";
constexpr char kAccent[] = "\u00E9";

// A database that has é and no other character outside of ASCII.
class FakeDatabase {
 public:
  absl::Status Convert(const std::vector<std::string>& characters) {
    ++asked_;
    for (const std::string& character : characters) {
      if (character != kAccent) return StatusFromSqlState("22P05", "no equivalent");
    }
    return absl::OkStatus();
  }

  void Learn(absl::string_view text) {
    Repertoire::Characters unknown;
    repertoire_.CollectUnknown(text, &unknown);
    EXPECT_OK(repertoire_.Learn(
        unknown, [this](const std::vector<std::string>& each) { return Convert(each); }));
  }

  Repertoire repertoire_;
  int asked_ = 0;
};

TEST(RepertoireTest, FindsWhatTheEncodingLacks) {
  FakeDatabase database;
  database.Learn(absl::StrCat("a", kAccent, kSun, kFace));
  EXPECT_FALSE(database.repertoire_.Lacks(kAccent));
  EXPECT_TRUE(database.repertoire_.Lacks(kSun));
  EXPECT_TRUE(database.repertoire_.Lacks(kFace));
  EXPECT_FALSE(database.repertoire_.Lacks("a"));
}

TEST(RepertoireTest, AsksForEachCharacterOnce) {
  FakeDatabase database;
  database.Learn(absl::StrCat(kAccent, kSun));
  const int asked = database.asked_;
  Repertoire::Characters unknown;
  database.repertoire_.CollectUnknown(absl::StrCat(kSun, kAccent, "plain"), &unknown);
  EXPECT_THAT(unknown, IsEmpty());
  database.repertoire_.CollectUnknown(kTree, &unknown);
  EXPECT_THAT(unknown, ElementsAre(kTree));
  database.Learn(kSun);
  EXPECT_EQ(database.asked_, asked);
}

TEST(RepertoireTest, OtherErrorsAreReturned) {
  Repertoire repertoire;
  const auto fail = [](const std::vector<std::string>&) { return DatabaseUnreachable("gone"); };
  EXPECT_THAT(repertoire.Learn({kSun}, fail), testing::StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(repertoire.Lacks(kSun));
}

TEST(StoredTextTest, LackingCharactersAreReadBack) {
  FakeDatabase database;
  database.Learn(absl::StrCat(kAccent, kSun, kTree, kFace));
  const std::string text = absl::StrCat("run ", kAccent, kSun, "/", kFace);
  EXPECT_EQ(ToStoredText(text, database.repertoire_),
            absl::StrCat("run ", kAccent, "%U+65E5;/%U+1F600;"));
  EXPECT_EQ(FromStoredText(ToStoredText(text, database.repertoire_)), text);
  EXPECT_NE(ToStoredText(kSun, database.repertoire_), ToStoredText(kTree, database.repertoire_));
}

TEST(StoredTextTest, TextThatLooksLikeTheStoredFormStaysDistinct) {
  FakeDatabase database;
  database.Learn(kSun);
  for (const std::string text : {"%U+65E5;", "%U+", "100 %", "%U+25;U+65E5;", "%%U+22;", ""}) {
    const std::string stored = ToStoredText(text, database.repertoire_);
    EXPECT_EQ(FromStoredText(stored), text);
    EXPECT_NE(stored, ToStoredText(kSun, database.repertoire_));
  }
  // What another program wrote stays as it is.
  for (const std::string text : {"%U+22;", "%U+ZZ;", "%U+1234567;", "%U+;", "a %U+"}) {
    EXPECT_EQ(FromStoredText(text), text);
  }
}

TEST(StoredTextTest, ParametersAreAskedForUnderASavepoint) {
  Repertoire repertoire;
  std::vector<std::string> ran;
  const auto run = [&](const char* sql, const Params& params) -> absl::Status {
    ran.emplace_back(params.values().empty() ? sql : "convert");
    return params.values().empty() ? absl::OkStatus() : StatusFromSqlState("22P05", "");
  };
  ASSERT_OK_AND_ASSIGN(const Params stored,
                       ToStoredParams(Params().Text(kSun).Null().Int(7), repertoire,
                                      /*in_transaction=*/true, run));
  EXPECT_THAT(stored.values(), ElementsAre("%U+65E5;", std::nullopt, "7"));
  EXPECT_THAT(ran, ElementsAre("SAVEPOINT syncline_characters", "convert",
                               "ROLLBACK TO SAVEPOINT syncline_characters",
                               "RELEASE SAVEPOINT syncline_characters"));
}

}  // namespace
}  // namespace syncline::postgres
