#include "server/postgres/connection/stored_text.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace syncline::postgres {
namespace {

constexpr absl::string_view kMark = "%U+";
constexpr size_t kMaxDigits = 6;

// Returns the code point of `character`, which is well-formed and not ASCII.
uint32_t GetCodePoint(absl::string_view character) {
  const uint32_t lead_bits = character.size() == 2 ? 0x1F : character.size() == 3 ? 0x0F : 0x07;
  uint32_t code_point = static_cast<unsigned char>(character[0]) & lead_bits;
  for (const char byte : character.substr(1)) {
    code_point = code_point << 6 | (static_cast<unsigned char>(byte) & 0x3F);
  }
  return code_point;
}

// Reads the hexadecimal digits and the semicolon at the start of `text`. Returns their length, or 0
// if they are not there or not what ToStoredText writes.
size_t ReadCodePoint(absl::string_view text, uint32_t* code_point) {
  const size_t end = text.substr(0, kMaxDigits + 1).find(';');
  if (end == absl::string_view::npos || end == 0) return 0;
  const absl::string_view digits = text.substr(0, end);
  if (!absl::SimpleHexAtoi(digits, code_point)) return 0;
  const bool written = *code_point == '%' || (*code_point >= 0x80 && *code_point <= 0x10FFFF);
  return written ? end + 1 : 0;
}

}  // namespace

std::string ToStoredText(absl::string_view text, const Repertoire& repertoire) {
  std::string stored;
  while (!text.empty()) {
    const absl::string_view character = FirstCharacter(text);
    if (absl::StartsWith(text, kMark)) {
      absl::StrAppend(&stored, kMark, "25;");
    } else if (character.size() > 1 && repertoire.Lacks(character)) {
      absl::StrAppend(&stored, kMark,
                      absl::AsciiStrToUpper(absl::StrCat(absl::Hex(GetCodePoint(character)))), ";");
    } else {
      absl::StrAppend(&stored, character);
    }
    text.remove_prefix(character.size());
  }
  return stored;
}

std::string FromStoredText(absl::string_view stored) {
  std::string text;
  for (size_t at = stored.find(kMark); at != absl::string_view::npos; at = stored.find(kMark)) {
    uint32_t code_point = 0;
    const size_t length = ReadCodePoint(stored.substr(at + kMark.size()), &code_point);
    if (length == 0) {
      absl::StrAppend(&text, stored.substr(0, at + kMark.size()));
      stored.remove_prefix(at + kMark.size());
      continue;
    }
    char utf8[4];
    const auto size = static_cast<size_t>(WriteUtf8(code_point, utf8) - utf8);
    absl::StrAppend(&text, stored.substr(0, at), absl::string_view(utf8, size));
    stored.remove_prefix(at + kMark.size() + length);
  }
  return absl::StrCat(text, stored);
}

absl::StatusOr<Params> ToStoredParams(
    const Params& params, Repertoire& repertoire, bool in_transaction,
    absl::FunctionRef<absl::Status(const char* sql, const Params& params)> run) {
  Repertoire::Characters unknown;
  for (size_t i = 0; i < params.values().size(); ++i) {
    const std::optional<std::string>& value = params.values()[i];
    if (value.has_value() && !params.IsBinary(i)) repertoire.CollectUnknown(*value, &unknown);
  }
  // A refused statement would end the transaction.
  const Params none;
  const auto convert = [&](const std::vector<std::string>& characters) -> absl::Status {
    if (in_transaction) SYNCLINE_RETURN_IF_ERROR(run("SAVEPOINT syncline_characters", none));
    const std::vector<absl::string_view> bytes(characters.begin(), characters.end());
    const absl::Status converted = run(kConvertSql, Params().BytesArray(bytes));
    if (!in_transaction) return converted;
    if (!converted.ok()) {
      SYNCLINE_RETURN_IF_ERROR(run("ROLLBACK TO SAVEPOINT syncline_characters", none));
    }
    SYNCLINE_RETURN_IF_ERROR(run("RELEASE SAVEPOINT syncline_characters", none));
    return converted;
  };
  SYNCLINE_RETURN_IF_ERROR(repertoire.Learn(unknown, convert));
  Params stored;
  for (size_t i = 0; i < params.values().size(); ++i) {
    const std::optional<std::string>& value = params.values()[i];
    if (params.IsBinary(i)) {
      stored.Binary(value.value_or(""));
    } else if (value.has_value()) {
      stored.Text(ToStoredText(*value, repertoire));
    } else {
      stored.Null();
    }
  }
  return stored;
}

}  // namespace syncline::postgres
