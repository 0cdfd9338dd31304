#include "server/model/sql_name.h"

#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "server/model/names.h"

namespace syncline {
namespace {

// PostgreSQL's scanner: letters, underscores and bytes of other characters; digits and dollars not
// in front.
bool BeginsName(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalpha(byte) || c == '_' || byte >= 0x80;
}

bool ContinuesName(char c) {
  return BeginsName(c) || absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '$';
}

// Takes a quoted part from the front of `text`, behind its first quote.
std::optional<std::string> TakeQuoted(absl::string_view* text) {
  std::string name;
  while (true) {
    const size_t quote = text->find('"');
    if (quote == absl::string_view::npos) return std::nullopt;
    absl::StrAppend(&name, text->substr(0, quote));
    text->remove_prefix(quote + 1);
    if (!absl::ConsumePrefix(text, "\"")) return name;
    name += '"';
  }
}

std::optional<std::string> TakePart(absl::string_view* text) {
  if (absl::ConsumePrefix(text, "\"")) return TakeQuoted(text);
  size_t length = 0;
  while (length < text->size() && ContinuesName((*text)[length])) ++length;
  if (length == 0 || !BeginsName(text->front())) return std::nullopt;
  std::string name = absl::AsciiStrToLower(text->substr(0, length));
  text->remove_prefix(length);
  return name;
}

absl::Status InvalidTableName(absl::string_view fault) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("a name cannot be used: table_name ", fault),
                   {.reason = "INVALID_NAME", .violations = {{"table_name", std::string(fault)}}});
}

}  // namespace

absl::StatusOr<TableName> ParseTableName(absl::string_view text, absl::string_view default_schema) {
  std::vector<std::string> parts;
  do {
    text = absl::StripLeadingAsciiWhitespace(text);
    std::optional<std::string> part = TakePart(&text);
    if (!part.has_value()) return InvalidTableName("must be name or schema.name, as SQL writes it");
    if (part->empty() || part->size() > kMaxIdentifierBytes || absl::StrContains(*part, '\0')) {
      return InvalidTableName("must have parts of 1-63 bytes without NUL");
    }
    parts.push_back(*std::move(part));
    text = absl::StripLeadingAsciiWhitespace(text);
  } while (absl::ConsumePrefix(&text, "."));
  if (!text.empty() || parts.size() > 2) {
    return InvalidTableName("must be name or schema.name, as SQL writes it");
  }
  TableName table{parts.size() == 2 ? parts.front() : std::string(default_schema), parts.back()};
  if (absl::StartsWith(table.name, kTempTablePrefix)) {
    return InvalidTableName(absl::StrCat("must not begin with ", kTempTablePrefix));
  }
  return table;
}

}  // namespace syncline
