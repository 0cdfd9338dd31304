#include "client/column_mapping.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/name_hint.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

bool IsUpper(char c) { return absl::ascii_isupper(static_cast<unsigned char>(c)); }

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string SnakeCase(absl::string_view name) {
  std::string snake;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!IsWordCharacter(c)) {
      if (!snake.empty() && snake.back() != '_') snake.push_back('_');
      continue;
    }
    if (IsUpper(c) && i > 0 && IsWordCharacter(name[i - 1])) {
      const bool next_is_lower = i + 1 < name.size() && IsWordCharacter(name[i + 1]) &&
                                 !IsUpper(name[i + 1]) &&
                                 !absl::ascii_isdigit(static_cast<unsigned char>(name[i + 1]));
      if (!IsUpper(name[i - 1]) || next_is_lower) snake.push_back('_');
    }
    snake.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  while (!snake.empty() && snake.back() == '_') snake.pop_back();
  return snake.empty() ? std::string(name) : snake;
}

absl::StatusOr<ColumnMapping> ColumnMapping::Create(
    const std::vector<std::string>& select,
    const std::vector<std::pair<std::string, std::string>>& rename, NameStyle style) {
  ColumnMapping mapping;
  mapping.style_ = style;
  for (const std::string& name : select) {
    if (!mapping.select_.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat("--select names the column ", name, " twice"));
    }
  }
  for (const auto& [from, to] : rename) {
    if (from.empty() || to.empty()) {
      return absl::InvalidArgumentError("--rename needs a name on both sides of each colon");
    }
    if (!mapping.rename_.emplace(from, to).second) {
      return absl::InvalidArgumentError(absl::StrCat("--rename names the column ", from, " twice"));
    }
    if (!select.empty() && mapping.select_.count(from) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--rename names the column ", from, ", which --select leaves out"));
    }
  }
  return mapping;
}

std::optional<std::string> ColumnMapping::Map(absl::string_view input_name) const {
  if (!select_.empty() && select_.find(input_name) == select_.end()) return std::nullopt;
  const auto renamed = rename_.find(input_name);
  if (renamed != rename_.end()) return renamed->second;
  switch (style_) {
    case NameStyle::kExact:
      return std::string(input_name);
    case NameStyle::kLower:
      return absl::AsciiStrToLower(input_name);
    case NameStyle::kSnake:
      return SnakeCase(input_name);
  }
  return std::nullopt;
}

absl::Status ColumnMapping::CheckNames(const std::vector<std::string>& input_names) const {
  const auto check = [&](absl::string_view flag, const std::string& name) {
    if (std::count(input_names.begin(), input_names.end(), name) > 0) return absl::OkStatus();
    return UsageError(
        absl::StrCat(flag, ": the input has no column ", name, SuggestName(name, input_names)));
  };
  for (const std::string& name : select_) {
    if (const absl::Status status = check("--select", name); !status.ok()) return status;
  }
  for (const auto& [name, to] : rename_) {
    if (const absl::Status status = check("--rename", name); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace syncline::client
