// Finds the format of text by its first bytes and its name. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/csv_parser.h"

namespace syncline::client {

enum class FileFormat {
  kJsonLines,  // one record per line
  kJson,       // arrays of records, or records that follow each other on any lines
  kCsv,
};

// What is known of the format before the text is examined.
struct FormatHints {
  std::string file;                  // name of the file, or "-"; its ending is a hint
  std::optional<FileFormat> format;  // from here on, flags of the user
  std::optional<char> delimiter;
  std::optional<char> quote = '"';
  int64_t skip_lines = 0;
};

struct FoundFormat {
  FileFormat file = FileFormat::kJsonLines;
  CsvDialect dialect;  // for kCsv
};

// Bytes at the start of the text that are examined.
inline constexpr size_t kFormatHeadBytes = size_t{64} << 10;

// Returns the format of the text that begins with `head`, which is UTF-8 without a byte order mark.
// `whole` means that it has no more. Errors: INVALID_ARGUMENT if neither the name nor the text
// shows the format.
absl::StatusOr<FoundFormat> FindFormat(absl::string_view head, bool whole,
                                       const FormatHints& hints);

// Returns "JSON lines", "JSON" or "CSV".
absl::string_view FormatName(FileFormat format);

}  // namespace syncline::client
