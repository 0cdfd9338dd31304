#include "client/sources/csv_columns.h"

#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "client/json_text.h"

namespace syncline::client {
namespace {

absl::StatusOr<std::vector<std::string>> InputNames(const std::vector<CsvField>& first_row,
                                                    const CsvOptions& options) {
  std::vector<std::string> names;
  if (!options.header && !options.names.empty()) return options.names;
  for (const CsvField& field : first_row) {
    if (options.header && !IsUtf8(field.text)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the name of column ", names.size() + 1,
          " in the header is not UTF-8; name the file's encoding with --encoding, such as latin1"));
    }
    names.push_back(options.header && !field.text.empty()
                        ? std::string(field.text)
                        : absl::StrCat("column_", names.size() + 1));
  }
  return names;
}

}  // namespace

bool CsvOptions::IsNullWord(absl::string_view text) const {
  return std::find(null_words.begin(), null_words.end(), text) != null_words.end();
}

absl::StatusOr<CsvColumns> ReadCsvColumns(const std::vector<CsvField>& first_row,
                                          const CsvOptions& options) {
  CsvColumns result;
  result.first_row_is_record = !options.header;
  SYNCLINE_ASSIGN_OR_RETURN(result.input_names, InputNames(first_row, options));
  absl::flat_hash_map<std::string, std::string> inputs;  // name -> the input's name
  for (const std::string& input_name : result.input_names) {
    std::optional<std::string> name = options.mapping.Map(input_name);
    if (name.has_value()) {
      const auto [owner, added] = inputs.emplace(*name, input_name);
      if (!added && owner->second == input_name) {
        return absl::InvalidArgumentError(
            absl::StrCat("the header names the column ", input_name,
                         " twice; give the columns other names with --skip 1 --header NAME,..."));
      }
      if (!added) {
        return absl::InvalidArgumentError(absl::StrCat(
            "the columns ", owner->second, " and ", input_name, " would both become the column ",
            *name, "; give one of them another name with --rename"));
      }
    }
    result.columns.push_back({name.value_or(""), name.has_value()});
  }
  SYNCLINE_RETURN_IF_ERROR(options.mapping.CheckNames(result.input_names));
  return result;
}

bool MayGroupDigits(absl::string_view text) {
  if (!absl::StrContains(text, '.')) return false;
  return text.find_first_of("0123456789") != absl::string_view::npos &&
         text.find_first_not_of("0123456789+-.,eE \t\n\v\f\r") == absl::string_view::npos;
}

bool IsDecimalCommaNumber(absl::string_view text) {
  const size_t comma = text.find(',');
  if (comma == absl::string_view::npos) return false;
  std::string number(text);
  number[comma] = '.';
  return IsJsonNumber(number) && number.find_first_of("eE") == std::string::npos;
}

}  // namespace syncline::client
