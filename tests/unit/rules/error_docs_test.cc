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

TEST(ErrorDocsTest, ManualListsEveryReason) {
  const std::filesystem::path root(SYNCLINE_SOURCE_DIR);
  const std::string manual = ReadFile(root / "docs/errors.md");
  const std::string header = ReadFile(root / "base/reasons.h");
  static const auto* const kReason =
      new std::regex(R"re(char (k\w+)\[\] = "([A-Z][A-Z_0-9]+)";)re");
  std::set<std::string> reasons;
  for (std::sregex_iterator it(header.begin(), header.end(), *kReason), end; it != end; ++it) {
    const std::string reason = (*it)[2].str();
    EXPECT_TRUE(reasons.insert(reason).second) << reason << " is listed twice";
    EXPECT_TRUE(absl::StrContains(manual, absl::StrCat("`", reason, "`")))
        << "docs/errors.md does not describe " << reason;
  }
  EXPECT_GT(reasons.size(), 90u) << "the reasons were not found";
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
