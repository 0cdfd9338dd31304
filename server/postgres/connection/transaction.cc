#include "server/postgres/connection/transaction.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/hex.h"

namespace syncline::postgres {
namespace {

// Appends an element of an array literal. It is always quoted, because an unquoted NULL, space or
// comma has a meaning of its own.
void AppendArrayElement(absl::string_view value, std::string* literal) {
  literal->push_back('"');
  for (const char c : value) {
    if (c == '"' || c == '\\') literal->push_back('\\');
    literal->push_back(c);
  }
  literal->push_back('"');
}

}  // namespace

Params& Params::Bytes(absl::string_view value) {
  return Text(absl::StrCat("\\x", absl::BytesToHexString(value)));
}

Params& Params::TextArray(const std::vector<std::string>& values) {
  std::string literal = "{";
  for (const std::string& value : values) {
    if (literal.size() > 1) literal.push_back(',');
    AppendArrayElement(value, &literal);
  }
  literal.push_back('}');
  return Text(literal);
}

Params& Params::IntArray(const std::vector<int64_t>& values) {
  return Text(absl::StrCat("{", absl::StrJoin(values, ","), "}"));
}

const std::string& Result::Text(size_t row, size_t column) const {
  static const auto* const kEmpty = new std::string();
  const std::optional<std::string>& value = rows_[row][column];
  return value ? *value : *kEmpty;
}

int64_t Result::Int(size_t row, size_t column) const {
  int64_t value = 0;
  return absl::SimpleAtoi(Text(row, column), &value) ? value : 0;
}

std::string Result::Bytes(size_t row, size_t column) const {
  absl::string_view text = Text(row, column);
  if (!absl::ConsumePrefix(&text, "\\x")) return "";
  return HexToBytes(text);
}

}  // namespace syncline::postgres
