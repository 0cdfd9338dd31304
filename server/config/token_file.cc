#include "server/config/token_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random_bytes.h"
#include "base/reasons.h"
#include "base/sha256.h"
#include "base/status_macros.h"

namespace syncline::config {
namespace {

constexpr size_t kTokenBytes = 32;
constexpr size_t kSaltBytes = 8;
constexpr size_t kDigestDigits = 64;
constexpr char kAllSchemas[] = "*";
constexpr char kNoOwner[] = "-";
constexpr char kNever[] = "never";

absl::Status Faulty(absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, what, {.reason = reason::kTokenFile});
}

bool IsDigest(absl::string_view word) {
  return word.size() == kDigestDigits && std::all_of(word.begin(), word.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

absl::StatusOr<absl::Time> ParseExpiry(absl::string_view word) {
  if (word == kNever) return absl::InfiniteFuture();
  absl::Time time;
  std::string why;
  if (absl::ParseTime("%Y-%m-%d", word, &time, &why) ||
      absl::ParseTime(absl::RFC3339_full, word, &time, &why)) {
    return time;
  }
  return Faulty(absl::StrCat("the expiry \"", word, "\" is not a date, an RFC 3339 time or never"));
}

absl::StatusOr<AccessToken> ParseLine(const std::vector<absl::string_view>& words) {
  AccessToken token;
  if (words.size() == 1) {
    token.digest = Sha256Hex(words[0]);
    token.identity.name = absl::StrCat("plain-", token.digest.substr(0, 6));
    return token;
  }
  if (words.size() != 6) {
    return Faulty(absl::StrCat("has ", words.size(),
                               " words: must be `name salt sha256 schemas owner expiry`"));
  }
  if (!IsDigest(words[2]))
    return Faulty("the third word is not a SHA-256 of 64 hexadecimal digits");
  token.identity.name = std::string(words[0]);
  token.salt = std::string(words[1]);
  token.digest = absl::AsciiStrToLower(words[2]);
  if (words[3] != kAllSchemas) {
    token.identity.schemas = absl::StrSplit(words[3], ',', absl::SkipEmpty());
    if (token.identity.schemas.empty()) return Faulty("names no schema: write `*` for all");
  }
  if (words[4] != kNoOwner) token.identity.owner = std::string(words[4]);
  SYNCLINE_ASSIGN_OR_RETURN(token.expires, ParseExpiry(words[5]));
  return token;
}

}  // namespace

absl::StatusOr<Tokens> ReadTokens(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadFile(path);
  if (!content.ok()) return Faulty(absl::StrCat(path, " cannot be read"));
  Tokens read;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(*content, '\n')) {
    ++number;
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty() || text.front() == '#') continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    absl::StatusOr<AccessToken> token = ParseLine(words);
    if (!token.ok()) {
      return Faulty(absl::StrCat(path, ", line ", number, ": ", token.status().message()));
    }
    if (words.size() == 1) ++read.plain;
    read.tokens.push_back(*std::move(token));
  }
  if (read.tokens.empty()) return Faulty(absl::StrCat(path, " holds no token"));
  return read;
}

absl::StatusOr<NewToken> MakeToken(absl::string_view name, absl::string_view schemas,
                                   absl::string_view owner, absl::string_view expiry) {
  NewToken made;
  made.token = absl::WebSafeBase64Escape(RandomBytes(kTokenBytes));
  const std::string salt = absl::BytesToHexString(RandomBytes(kSaltBytes));
  made.line = absl::StrCat(name, " ", salt, " ", Sha256Hex(absl::StrCat(salt, made.token)), " ",
                           schemas, " ", owner, " ", expiry);
  // Parsed again, so that no line is created that the server would refuse.
  const std::vector<absl::string_view> words =
      absl::StrSplit(made.line, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  const absl::StatusOr<AccessToken> token = ParseLine(words);
  if (!token.ok() || words[0].front() == '#') {
    return absl::InvalidArgumentError(token.ok() ? "a name must not begin with #"
                                                 : std::string(token.status().message()));
  }
  return made;
}

TokenFileWatch::TokenFileWatch(std::string path, std::vector<AccessToken> tokens)
    : path_(std::move(path)), tokens_(std::move(tokens)) {}

absl::StatusOr<std::optional<Tokens>> TokenFileWatch::Look() {
  absl::StatusOr<Tokens> read = ReadTokens(path_);
  if (!read.ok()) {
    if (std::exchange(failing_, true)) return std::nullopt;
    return read.status();
  }
  failing_ = false;
  if (read->tokens == tokens_) return std::nullopt;
  tokens_ = read->tokens;
  return *std::move(read);
}

}  // namespace syncline::config
