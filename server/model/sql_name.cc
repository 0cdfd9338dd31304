#include "server/model/sql_name.h"

#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/model/names.h"

namespace syncline {
namespace {

// As in PostgreSQL's scanner, an unquoted name consists of letters, underscores and non-ASCII
// bytes, and of digits and dollar signs except at its start.
bool BeginsName(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalpha(byte) || c == '_' || byte >= 0x80;
}

bool ContinuesName(char c) {
  return BeginsName(c) || absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '$';
}

// Removes a quoted part from the front of `text`, which starts after the opening quote.
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
  return MakeError(
      absl::StatusCode::kInvalidArgument, absl::StrCat("invalid name: table_name ", fault),
      {.reason = reason::kInvalidName, .violations = {{"table_name", std::string(fault)}}});
}

}  // namespace

absl::StatusOr<TableName> ParseTableName(absl::string_view text, absl::string_view default_schema) {
  std::vector<std::string> parts;
  do {
    text = absl::StripLeadingAsciiWhitespace(text);
    std::optional<std::string> part = TakePart(&text);
    if (!part.has_value()) return InvalidTableName("must be name or schema.name in SQL notation");
    if (part->empty() || part->size() > kMaxIdentifierBytes || absl::StrContains(*part, '\0')) {
      return InvalidTableName("must have parts of 1-63 bytes without NUL");
    }
    parts.push_back(*std::move(part));
    text = absl::StripLeadingAsciiWhitespace(text);
  } while (absl::ConsumePrefix(&text, "."));
  if (!text.empty() || parts.size() > 2) {
    return InvalidTableName("must be name or schema.name in SQL notation");
  }
  TableName table{parts.size() == 2 ? parts.front() : std::string(default_schema), parts.back()};
  if (absl::StartsWith(table.name, kStagingTablePrefix)) {
    return InvalidTableName(absl::StrCat("must not begin with ", kStagingTablePrefix));
  }
  return table;
}

}  // namespace syncline
