#include "server/config/token_file.h"

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"

namespace syncline::config {

absl::StatusOr<std::vector<std::string>> ReadTokens(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> tokens;
  for (std::string line; std::getline(file, line);) {
    absl::StripAsciiWhitespace(&line);
    if (!line.empty()) tokens.push_back(std::move(line));
  }
  if (tokens.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat(path, file.eof() ? " holds no token" : " cannot be read"),
                     {.reason = "TOKEN_FILE"});
  }
  return tokens;
}

TokenFileWatch::TokenFileWatch(std::string path, std::vector<std::string> tokens)
    : path_(std::move(path)), tokens_(std::move(tokens)) {}

absl::StatusOr<std::optional<std::vector<std::string>>> TokenFileWatch::Look() {
  absl::StatusOr<std::vector<std::string>> tokens = ReadTokens(path_);
  if (!tokens.ok()) {
    if (std::exchange(failing_, true)) return std::nullopt;
    return tokens.status();
  }
  failing_ = false;
  if (*tokens == tokens_) return std::nullopt;
  tokens_ = *std::move(tokens);
  return tokens_;
}

}  // namespace syncline::config
