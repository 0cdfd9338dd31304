#include "client/sql_table_name.h"

#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

bool BeginsName(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalpha(byte) || c == '_' || byte >= 0x80;
}

bool ContinuesName(char c) {
  return BeginsName(c) || absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '$';
}

// Removes the first part from `*text`. Returns nullopt if it is not an SQL identifier. `fold`:
// unquoted parts become lower case.
std::optional<std::string> TakePart(absl::string_view* text, bool fold) {
  std::string part;
  if (!absl::ConsumePrefix(text, "\"")) {
    size_t length = 0;
    while (length < text->size() && ContinuesName((*text)[length])) ++length;
    if (length == 0 || !BeginsName(text->front())) return std::nullopt;
    part = std::string(text->substr(0, length));
    text->remove_prefix(length);
    return fold ? absl::AsciiStrToLower(part) : part;
  }
  while (true) {
    const size_t quote = text->find('"');
    if (quote == absl::string_view::npos) return std::nullopt;
    absl::StrAppend(&part, text->substr(0, quote));
    text->remove_prefix(quote + 1);
    if (absl::ConsumePrefix(text, "\"")) {
      part.push_back('"');
    } else if (part.empty()) {
      return std::nullopt;
    } else {
      return part;
    }
  }
}

}  // namespace

absl::StatusOr<SqlTableName> ParseSqlTableName(absl::string_view text, bool fold) {
  std::vector<std::string> parts;
  absl::string_view rest = text;
  std::optional<std::string> part = TakePart(&rest, fold);
  while (part.has_value()) {
    parts.push_back(*part);
    if (!absl::ConsumePrefix(&rest, ".")) break;
    part = TakePart(&rest, fold);
  }
  if (!part.has_value() || !rest.empty()) {
    return UsageError(absl::StrCat(
        "--table: ", text,
        " is not a table's name in SQL notation; put double quotes around a part "
        "that is not a plain identifier, and single quotes around the whole for the shell: --table "
        "'\"my schema\".\"my table\"'"));
  }
  if (parts.size() > 2) {
    return UsageError(
        absl::StrCat("--table: ", text, " has ", parts.size(),
                     " parts; write table or schema.table, with double quotes around a "
                     "part that contains a point"));
  }
  return parts.size() == 2 ? SqlTableName{parts[0], parts[1]} : SqlTableName{"", parts[0]};
}

}  // namespace syncline::client
