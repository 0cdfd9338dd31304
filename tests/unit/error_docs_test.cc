// Checks that docs/errors.md lists every reason that the server can return, and that the files
// named in CONTRIBUTING.md exist.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace syncline {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

// Returns the reasons that follow ".reason =", or follow a code in a table of errors.
std::set<std::string> ReasonsIn(const std::string& source) {
  static const auto* const kReason =
      new std::regex(R"re((?:\breason = |StatusCode::k[A-Za-z]+,\s*)"([A-Z][A-Z_0-9]+)")re");
  std::set<std::string> reasons;
  for (std::sregex_iterator it(source.begin(), source.end(), *kReason), end; it != end; ++it) {
    reasons.insert((*it)[1].str());
  }
  return reasons;
}

TEST(ErrorDocsTest, EveryReasonIsInTheManual) {
  const std::filesystem::path root(SYNCLINE_SOURCE_DIR);
  const std::string manual = ReadFile(root / "docs/errors.md");
  size_t found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "server")) {
    if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
    for (const std::string& reason : ReasonsIn(ReadFile(entry.path()))) {
      ++found;
      EXPECT_TRUE(absl::StrContains(manual, absl::StrCat("`", reason, "`")))
          << entry.path() << " has reason " << reason << ", which is not in docs/errors.md";
    }
  }
  EXPECT_GT(found, 40u) << "the reasons were not found";
}

TEST(ErrorDocsTest, FindsReasonsInBothForms) {
  EXPECT_THAT(
      ReasonsIn("{.reason = \"A_B\"}; detail.reason = \"CC\"; {\"08\", StatusCode::kAborted,\n"
                "  \"DEF\", 100}; Other(\"GHI\");"),
      ::testing::ElementsAre("A_B", "CC", "DEF"));
}

TEST(ContributingTest, NamesFilesThatExist) {
  const std::filesystem::path root(SYNCLINE_SOURCE_DIR);
  const std::string page = ReadFile(root / "CONTRIBUTING.md");
  static const auto* const kPath = new std::regex(R"re([`(]([a-z_0-9]+/[A-Za-z_0-9./-]+)[`)])re");
  size_t found = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), *kPath), end; it != end; ++it) {
    ++found;
    EXPECT_TRUE(std::filesystem::exists(root / (*it)[1].str())) << (*it)[1].str();
  }
  EXPECT_GT(found, 40u) << "the paths were not found";
}

}  // namespace
}  // namespace syncline
