// Checks that docs/errors.md lists every reason that the server can return, and that the files
// named in CONTRIBUTING.md exist.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
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
  const std::string advice = ReadFile(root / "client/advice.cc");
  static const auto* const kReason =
      new std::regex(R"re(char (k\w+)\[\] = "([A-Z][A-Z_0-9]+)";)re");
  std::set<std::string> reasons;
  for (std::sregex_iterator it(header.begin(), header.end(), *kReason), end; it != end; ++it) {
    const std::string reason = (*it)[2].str();
    EXPECT_TRUE(reasons.insert(reason).second) << reason << " is listed twice";
    EXPECT_TRUE(absl::StrContains(manual, absl::StrCat("`", reason, "`")))
        << "docs/errors.md does not describe " << reason;
    EXPECT_TRUE(absl::StrContains(advice, absl::StrCat("{reason::", (*it)[1].str(), ",")))
        << "the command line has no advice for " << reason;
  }
  EXPECT_GT(reasons.size(), 90u) << "the reasons were not found";
}

// Returns the reasons of the rows whose advice is to send the same calls again.
std::set<std::string> ReasonsToRetry(const std::string& manual) {
  static const auto* const kRow = new std::regex(R"re(\| (`[A-Z_0-9`, ]+`) \|.*\| ([^|]+) \|)re");
  static const auto* const kRetry = new std::regex(
      "^(Retry|Send the (same )?calls? again|Call again|Complete again|Wait until).*");
  static const auto* const kReason = new std::regex("[A-Z][A-Z_0-9]+");
  std::set<std::string> reasons;
  std::stringstream lines(manual);
  for (std::string line; std::getline(lines, line);) {
    std::smatch row;
    if (!std::regex_match(line, row, *kRow)) continue;
    const std::string advice = row[2].str();
    if (!std::regex_match(advice, *kRetry)) continue;
    const std::string names = row[1].str();
    for (std::sregex_iterator it(names.begin(), names.end(), *kReason), end; it != end; ++it) {
      reasons.insert(it->str());
    }
  }
  return reasons;
}

// Returns the names of the constants of base/reasons.h by reason.
std::map<std::string, std::string> ReasonConstants(const std::string& header) {
  static const auto* const kReason =
      new std::regex(R"re(char (k\w+)\[\] = "([A-Z][A-Z_0-9]+)";)re");
  std::map<std::string, std::string> constants;
  for (std::sregex_iterator it(header.begin(), header.end(), *kReason), end; it != end; ++it) {
    constants[(*it)[2].str()] = (*it)[1].str();
  }
  return constants;
}

// Returns whether the error that is made at text[at], where `constant` begins, has a RetryInfo, or
// nullopt if no error is made there: it is made by MakeError from a detail, or it is a row of the
// SQLSTATE table.
std::optional<bool> HasRetry(const std::string& text, size_t at, const std::string& constant) {
  static const auto* const kRow = new std::regex(R"re(StatusCode::k\w+,\s+$)re");
  static const auto* const kDelay = new std::regex(R"re(^,\s+[1-9][0-9]*\})re");
  const size_t begin = at - std::min<size_t>(at, 60);
  const std::string before = text.substr(begin, at - begin);
  const size_t end = at + constant.size();
  // A detail that is filled by statements is complete where it is returned.
  const char* const last = absl::EndsWith(before, " detail.reason = ") ? "return" : ";";
  const std::string after = text.substr(end, text.find(last, end) - end);
  if (absl::EndsWith(before, ".reason = ")) return absl::StrContains(after, "retry_after");
  if (std::regex_search(before, *kRow)) return std::regex_search(after, *kDelay);
  return std::nullopt;
}

// A caller that follows the rule of the manual sends a call again only if the error has a
// RetryInfo, so the advice to do so must come with one.
TEST(ErrorDocsTest, ReasonsToRetryHaveRetryInfo) {
  const std::filesystem::path root(SYNCLINE_SOURCE_DIR);
  const std::set<std::string> reasons = ReasonsToRetry(ReadFile(root / "docs/errors.md"));
  EXPECT_GT(reasons.size(), 15U) << "the rows were not found";
  std::map<std::string, std::string> constants = ReasonConstants(ReadFile(root / "base/reasons.h"));
  std::map<std::string, int> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "server")) {
    if (entry.path().extension() != ".cc") continue;
    const std::string text = ReadFile(entry);
    for (const std::string& reason : reasons) {
      const std::string constant = absl::StrCat("reason::", constants[reason]);
      for (size_t at = text.find(constant); at != std::string::npos;
           at = text.find(constant, at + 1)) {
        const std::optional<bool> retry = HasRetry(text, at, constant);
        if (!retry.has_value()) continue;
        ++found[reason];
        EXPECT_TRUE(*retry) << reason << " in " << entry.path();
      }
    }
  }
  for (const std::string& reason : reasons) {
    // Those of Admission are tested with it.
    EXPECT_TRUE(found[reason] > 0 || absl::StartsWith(reason, "TOO_MANY_")) << reason;
  }
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
