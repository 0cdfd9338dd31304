#include "server/postgres/connection/result.h"

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/hex.h"
#include "base/log.h"

namespace syncline::postgres {

const std::string& Result::Text(size_t row, size_t column) const {
  static const auto* const empty = new std::string();
  const std::optional<std::string>& value = rows_[row][column];
  return value ? *value : *empty;
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

size_t Result::Find(absl::string_view name) const {
  size_t found = 0;
  int count = 0;
  for (size_t column = 0; column < columns_.size(); ++column) {
    if (columns_[column] != name) continue;
    found = column;
    ++count;
  }
  if (count == 1) return found;
  Log(LogLevel::kError, "unknown_column")
      .Field("column", name)
      .Field("found", count)
      .Field("columns", absl::StrJoin(columns_, ","));
  std::abort();
}

std::optional<int64_t> RowView::OptionalInt(absl::string_view column) const {
  if (IsNull(column)) return std::nullopt;
  return Int(column);
}

}  // namespace syncline::postgres
