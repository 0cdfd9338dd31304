// Formats lists for a terminal of 80 columns. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::client {

inline constexpr size_t kTerminalColumns = 80;

// Pads columns to their widest cell and separates them by two spaces; the first row is the header.
// The last column is not padded. If a line would be longer than the terminal, every row becomes
// one line per cell instead, with the name of its column.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// Cuts the cells of the last column, but to no less than 20 bytes, so that the table fits.
void CutLastColumn(std::vector<std::vector<std::string>>* rows);

struct ListEntry {
  std::vector<std::string> cells;  // as many as the header has
  std::vector<std::string> notes;  // sentences about the entry
};

// As FormatTable, with the notes of each entry in indented lines that follow it. If a line would be
// longer than the terminal, its first cell gets a line of its own.
std::string FormatList(const std::vector<std::string>& header,
                       const std::vector<ListEntry>& entries);

// Breaks `text` between words into lines that fit, each indented by `indent` spaces and with a
// final line break. A longer word is not broken.
std::string WrapText(absl::string_view text, size_t indent);

}  // namespace syncline::client
