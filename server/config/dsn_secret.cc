#include "server/config/dsn_secret.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/hex.h"

namespace syncline::config {
namespace {

bool IsSecretKeyword(absl::string_view keyword) {
  return absl::EqualsIgnoreCase(keyword, "password") ||
         absl::EqualsIgnoreCase(keyword, "sslpassword");
}

// libpq decodes percent signs in the keywords of a URI, too, so %70assword is a password.
std::string PercentDecoded(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool complete = text[i] == '%' && i + 2 < text.size();
    const int high = complete ? GetHexValue(text[i + 1]) : -1;
    const int low = complete ? GetHexValue(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool UriHoldsSecret(absl::string_view rest) {
  // Credentials end at an '@' before the first '/'. libpq would refuse a password with an unencoded
  // '/', but the string contains it nevertheless, so an '@' anywhere before the query counts, too.
  for (const char end : {'/', '?'}) {
    const absl::string_view head = rest.substr(0, rest.find(end));
    const size_t at = head.rfind('@');
    if (at == absl::string_view::npos) continue;
    const size_t colon = head.substr(0, at).find(':');
    if (colon != absl::string_view::npos && colon + 1 < at) return true;
  }
  const size_t question = rest.find('?');
  if (question == absl::string_view::npos) return false;
  for (const absl::string_view parameter : absl::StrSplit(rest.substr(question + 1), '&')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(parameter, absl::MaxSplits('=', 1));
    if (IsSecretKeyword(PercentDecoded(pair.first)) && !pair.second.empty()) return true;
  }
  return false;
}

// Removes the value at the start of `rest`, with libpq's quoting, and returns it.
std::string TakeValue(absl::string_view& rest) {
  std::string value;
  const bool quoted = absl::ConsumePrefix(&rest, "'");
  while (!rest.empty()) {
    const char c = rest.front();
    if (quoted ? c == '\'' : absl::ascii_isspace(static_cast<unsigned char>(c))) break;
    if (c == '\\' && rest.size() > 1) rest.remove_prefix(1);
    value += rest.front();
    rest.remove_prefix(1);
  }
  if (quoted && !rest.empty()) rest.remove_prefix(1);
  return value;
}

bool KeywordsHoldSecret(absl::string_view rest) {
  for (rest = absl::StripLeadingAsciiWhitespace(rest); !rest.empty();
       rest = absl::StripLeadingAsciiWhitespace(rest)) {
    const size_t equals = rest.find('=');
    if (equals == absl::string_view::npos)
      return absl::StrContains(absl::AsciiStrToLower(rest), "password");
    const absl::string_view keyword = absl::StripAsciiWhitespace(rest.substr(0, equals));
    rest = absl::StripLeadingAsciiWhitespace(rest.substr(equals + 1));
    const bool has_value = !TakeValue(rest).empty();
    // libpq refuses a keyword of several words; the words may be a misplaced secret.
    const bool malformed = keyword.find_first_of(" \t\n") != absl::string_view::npos;
    if (malformed ? absl::StrContains(absl::AsciiStrToLower(keyword), "password")
                  : has_value && IsSecretKeyword(keyword)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool HoldsSecret(absl::string_view dsn) {
  if (absl::ConsumePrefix(&dsn, "postgresql://") || absl::ConsumePrefix(&dsn, "postgres://")) {
    return UriHoldsSecret(dsn);
  }
  return KeywordsHoldSecret(dsn);
}

}  // namespace syncline::config
