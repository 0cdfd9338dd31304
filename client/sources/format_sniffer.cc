#include "client/sources/format_sniffer.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "client/json_text.h"
#include "client/sources/csv_sniffer.h"
#include "client/sources/json_splitter.h"

namespace syncline::client {
namespace {

constexpr size_t kShownBytes = 40;

struct NamedFormat {
  absl::string_view ending;
  FileFormat format;
};
constexpr NamedFormat kNamedFormats[] = {
    {".csv", FileFormat::kCsv},         {".tsv", FileFormat::kCsv},
    {".tab", FileFormat::kCsv},         {".psv", FileFormat::kCsv},
    {".jsonl", FileFormat::kJsonLines}, {".ndjson", FileFormat::kJsonLines},
    {".json", FileFormat::kJsonLines},  {".geojson", FileFormat::kJsonLines},
};

// Returns the file's name without the ending of a compression.
absl::string_view WithoutCompression(absl::string_view file) {
  for (const absl::string_view ending : {".gz", ".zst", ".zstd", ".bz2", ".xz"}) {
    if (absl::EndsWithIgnoreCase(file, ending)) return file.substr(0, file.size() - ending.size());
  }
  return file;
}

std::optional<FileFormat> FormatOfName(absl::string_view file) {
  for (const NamedFormat& named : kNamedFormats) {
    if (absl::EndsWithIgnoreCase(file, named.ending)) return named.format;
  }
  return std::nullopt;
}

bool IsTabName(absl::string_view file) {
  return absl::EndsWithIgnoreCase(file, ".tsv") || absl::EndsWithIgnoreCase(file, ".tab");
}

bool IsLinesName(absl::string_view file) {
  return absl::EndsWithIgnoreCase(file, ".jsonl") || absl::EndsWithIgnoreCase(file, ".ndjson");
}

// Removes the next line that is not blank from `*text` and returns it. Returns nullopt if `*text`
// holds no further line that is known to be complete.
std::optional<absl::string_view> TakeLine(absl::string_view* text, bool whole) {
  while (!text->empty()) {
    const size_t end = text->find('\n');
    if (end == absl::string_view::npos && !whole) return std::nullopt;
    const absl::string_view line = absl::StripAsciiWhitespace(text->substr(0, end));
    text->remove_prefix(end == absl::string_view::npos ? text->size() : end + 1);
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

bool IsObject(absl::string_view line) {
  const auto value = ParseJson(line);
  return value.has_value() && value->kind == JsonKind::kObject;
}

// Returns whether the first record of the text, which may have several lines, is JSON.
bool BeginsWithJson(absl::string_view head) {
  bool valid = false;
  bool found = false;
  JsonSplitter splitter;
  const auto take = [&](const SourceRecord& record) {
    valid = valid || (!found && record.unreadable.empty() && ParseJson(record.line).has_value());
    found = true;
    return absl::OkStatus();
  };
  // A fault that follows the first record does not matter here.
  splitter.Feed(head, take).IgnoreError();
  return valid;
}

// `head` begins with a brace. Broken lines among JSON lines are rejected one by one, so they do not
// make the text something else. A first line that is longer than the head is one of the format that
// the name states: as JSON, a broken record would take the next ones with it.
FileFormat FormatOfObjects(absl::string_view head, bool whole, bool named_lines) {
  absl::string_view rest = head;
  const auto first = TakeLine(&rest, whole);
  if (!first.has_value() && named_lines) return FileFormat::kJsonLines;
  if (first.has_value() && IsObject(*first)) return FileFormat::kJsonLines;
  if (!first.has_value() || BeginsWithJson(head)) return FileFormat::kJson;
  while (const auto line = TakeLine(&rest, whole)) {
    if (IsObject(*line)) return FileFormat::kJsonLines;
  }
  return FileFormat::kJson;
}

// Returns kJson or kJsonLines if the text is JSON, whatever the file's name is.
std::optional<FileFormat> FormatOfJson(absl::string_view head, bool whole, absl::string_view name) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(head);
  if (text.empty() || (text[0] != '{' && text[0] != '[' && text[0] != '\x1E')) return std::nullopt;
  const FileFormat format =
      text[0] == '{' ? FormatOfObjects(text, whole, IsLinesName(name)) : FileFormat::kJson;
  // A header may begin with a bracket.
  if (FormatOfName(name) == FileFormat::kCsv && !BeginsWithJson(text)) return std::nullopt;
  return format;
}

absl::Status UnknownFormat(absl::string_view head) {
  const absl::string_view line = head.substr(0, head.find_first_of("\r\n"));
  const absl::string_view shown = CutAtCharacter(line, kShownBytes);
  return absl::InvalidArgumentError(absl::StrCat(
      "cannot tell the format of text that begins with '", shown,
      shown.size() < line.size() ? "..." : "", "'; name it with --format csv or --format jsonl"));
}

}  // namespace

absl::StatusOr<FoundFormat> FindFormat(absl::string_view head, bool whole,
                                       const FormatHints& hints) {
  const absl::string_view name = WithoutCompression(hints.file);
  const std::optional<FileFormat> named = FormatOfName(name);
  FoundFormat found;
  if (hints.format.has_value()) {
    found.file = *hints.format;
  } else if (const auto json = FormatOfJson(head, whole, name)) {
    found.file = *json;
  } else if (named.has_value()) {
    found.file = *named;
  } else if (hints.delimiter.has_value() || HasCsvColumns(head, whole, hints)) {
    found.file = FileFormat::kCsv;
  } else if (!absl::StripAsciiWhitespace(head).empty()) {
    return UnknownFormat(head);
  }
  if (found.file == FileFormat::kCsv) {
    found.dialect = FindCsvDialect(head, whole, hints, IsTabName(name) ? '\t' : ',');
  }
  return found;
}

absl::string_view FormatName(FileFormat format) {
  switch (format) {
    case FileFormat::kJsonLines:
      return "JSON lines";
    case FileFormat::kJson:
      return "JSON";
    case FileFormat::kCsv:
      return "CSV";
  }
  return "";
}

}  // namespace syncline::client
