#include "client/input_options.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

using Pair = std::pair<std::string, std::string>;

// Flags that have a meaning only for CSV.
constexpr const char* kCsvFlags[] = {"delimiter", "quote", "header", "null", "skip"};

// Flags that change the records of an input.
constexpr const char* kRecordFlags[] = {"format", "encoding", "delimiter", "quote",
                                        "header", "null",     "skip",      "decimal_comma",
                                        "select", "rename",   "names"};

// Returns the value of a flag of kRecordFlags, or an empty string if it means what its absence
// does.
std::string ValueOf(const CommandLine& command_line, absl::string_view flag) {
  const std::string value = command_line.Text(flag);
  const bool usual = (flag == "skip" && command_line.Count(flag) == 0) ||
                     (flag == "names" && value == "exact") ||
                     (flag == "decimal_comma" && value == "false");
  return usual ? "" : value;
}

// Returns the one character that `text` means.
absl::StatusOr<char> OneCharacter(const std::string& text, absl::string_view flag) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() != 1 || text[0] == '\n' || text[0] == '\r' || (text[0] & 0x80) != 0) {
    return UsageError(absl::StrCat("--", flag, " must be one ASCII character or the word tab"));
  }
  return text[0];
}

absl::Status SetFormat(const CommandLine& command_line, FormatHints* hints) {
  const std::string format = command_line.Text("format");
  const std::string delimiter = command_line.Text("delimiter");
  if (format == "csv" || format == "tsv") hints->format = FileFormat::kCsv;
  if (format == "json") hints->format = FileFormat::kJson;
  if (format == "jsonl") hints->format = FileFormat::kJsonLines;
  if (format == "tsv") {
    if (!delimiter.empty()) {
      return UsageError("--format tsv means --delimiter tab; use --format csv with --delimiter");
    }
    hints->delimiter = '\t';
  } else if (!delimiter.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(hints->delimiter, OneCharacter(delimiter, "delimiter"));
  }
  const std::string quote = command_line.Text("quote");
  if (quote == "none") {
    hints->quote = std::nullopt;
  } else if (!quote.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(hints->quote, OneCharacter(quote, "quote"));
  }
  if (hints->delimiter.has_value() && hints->delimiter == hints->quote) {
    return UsageError("--delimiter and --quote must be different characters");
  }
  hints->skip_lines = command_line.Count("skip");
  return absl::OkStatus();
}

absl::Status SetHeader(const CommandLine& command_line, CsvOptions* csv) {
  const std::string header = command_line.Text("header");
  csv->header = header.empty();
  if (header.empty() || header == "none") return absl::OkStatus();
  csv->names = command_line.List("header");
  for (const std::string& name : csv->names) {
    if (std::count(csv->names.begin(), csv->names.end(), name) > 1) {
      return UsageError(absl::StrCat("--header names the column ", name, " twice"));
    }
  }
  return absl::OkStatus();
}

// Reads NAME:VALUE,...; a name may contain colons.
absl::StatusOr<std::vector<Pair>> Pairs(const CommandLine& command_line, absl::string_view flag,
                                        absl::string_view form) {
  std::vector<Pair> pairs;
  for (const std::string& entry : command_line.List(flag)) {
    const size_t colon = entry.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == entry.size()) {
      return UsageError(absl::StrCat("--", flag, " must have the form ", form, ", not ", entry));
    }
    pairs.emplace_back(entry.substr(0, colon), entry.substr(colon + 1));
  }
  return pairs;
}

absl::Status SetTypes(const CommandLine& command_line, InputOptions* options) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Pair> types,
                            Pairs(command_line, "types", "COLUMN:TYPE,..."));
  if (!types.empty() && !command_line.Text("schema").empty()) {
    return UsageError(
        "--types replaces inferred types, but --schema states all types; change the schema file "
        "instead");
  }
  for (const auto& [column, name] : types) {
    SYNCLINE_ASSIGN_OR_RETURN(DeclaredType type, ParseDeclaredType(name));
    if (!options->types.emplace(column, std::move(type)).second) {
      return UsageError(absl::StrCat("--types names the column ", column, " twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status SetMapping(const CommandLine& command_line, InputOptions* options) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Pair> rename,
                            Pairs(command_line, "rename", "OLD:NEW,..."));
  const std::string names = command_line.Text("names");
  const NameStyle style = names == "lower"   ? NameStyle::kLower
                          : names == "snake" ? NameStyle::kSnake
                                             : NameStyle::kExact;
  auto mapping = ColumnMapping::Create(command_line.List("select"), rename, style);
  if (!mapping.ok()) return AsUsageError(mapping.status());
  options->mapping = *mapping;
  options->csv.mapping = *std::move(mapping);
  return absl::OkStatus();
}

absl::Status SetCsvFlag(const CommandLine& command_line, InputOptions* options) {
  for (const char* const flag : kCsvFlags) {
    if (!ValueOf(command_line, flag).empty()) options->csv_flag = absl::StrCat("--", flag);
  }
  if (command_line.Switch("decimal_comma")) options->csv_flag = "--decimal_comma";
  const auto format = options->hints.format;
  if (options->csv_flag.empty() || !format.has_value() || *format == FileFormat::kCsv) {
    return absl::OkStatus();
  }
  return UsageError(absl::StrCat(options->csv_flag, " requires CSV; leave it out with --format ",
                                 command_line.Text("format")));
}

}  // namespace

absl::StatusOr<InputOptions> MakeInputOptions(const CommandLine& command_line) {
  InputOptions options;
  options.encoding = command_line.Text("encoding");
  options.infer_bytes = command_line.Count("infer_bytes");
  options.infer_records = command_line.Count("infer_records");
  options.csv.null_words = command_line.List("null");
  options.csv.decimal_comma = command_line.Switch("decimal_comma");
  SYNCLINE_RETURN_IF_ERROR(SetFormat(command_line, &options.hints));
  SYNCLINE_RETURN_IF_ERROR(SetHeader(command_line, &options.csv));
  SYNCLINE_RETURN_IF_ERROR(SetMapping(command_line, &options));
  SYNCLINE_RETURN_IF_ERROR(SetTypes(command_line, &options));
  SYNCLINE_RETURN_IF_ERROR(SetCsvFlag(command_line, &options));
  for (const char* const flag : kRecordFlags) {
    const std::string value = ValueOf(command_line, flag);
    if (!value.empty()) absl::StrAppend(&options.digest, " ", flag, "=", value);
  }
  return options;
}

}  // namespace syncline::client
