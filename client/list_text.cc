#include "client/list_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"

namespace syncline::client {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kMinLastColumn = 20;

std::vector<size_t> ColumnWidths(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  return widths;
}

// Returns the length of a line of these columns from the one at `first` on.
size_t LineLength(const std::vector<size_t>& widths, size_t first = 0) {
  size_t length = 0;
  for (size_t i = first; i < widths.size(); ++i) length += widths[i] + (i > first ? kGap : 0);
  return length;
}

std::string FormatRow(const std::vector<std::string>& row, const std::vector<size_t>& widths) {
  std::string text;
  for (size_t i = 0; i + 1 < row.size(); ++i) {
    absl::StrAppendFormat(&text, "%-*s  ", static_cast<int>(widths[i]), row[i]);
  }
  if (!row.empty()) absl::StrAppend(&text, row.back());
  return text + "\n";
}

std::string FormatCellPerLine(const std::vector<std::vector<std::string>>& rows) {
  size_t width = 0;
  for (const std::string& name : rows.front()) width = std::max(width, name.size());
  std::string text;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (i > 1) text.push_back('\n');
    for (size_t j = 0; j < rows[i].size(); ++j) {
      const std::string& name = j < rows.front().size() ? rows.front()[j] : "";
      absl::StrAppendFormat(&text, "%-*s  %s\n", static_cast<int>(width), name, rows[i][j]);
    }
  }
  return text;
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  const std::vector<size_t> widths = ColumnWidths(rows);
  if (rows.size() > 1 && LineLength(widths) > kTerminalColumns) return FormatCellPerLine(rows);
  std::string text;
  for (const auto& row : rows) absl::StrAppend(&text, FormatRow(row, widths));
  return text;
}

void CutLastColumn(std::vector<std::vector<std::string>>* rows) {
  std::vector<size_t> widths = ColumnWidths(*rows);
  if (widths.empty()) return;
  widths.back() = 0;
  const size_t others = LineLength(widths);
  const size_t room =
      others + kMinLastColumn < kTerminalColumns ? kTerminalColumns - others : kMinLastColumn;
  for (auto& row : *rows) {
    std::string& cell = row.back();
    if (row.size() < widths.size() || cell.size() <= room) continue;
    cell = absl::StrCat(CutAtCharacter(cell, room - 3), "...");
  }
}

std::string FormatList(const std::vector<std::string>& header,
                       const std::vector<ListEntry>& entries) {
  std::vector<std::vector<std::string>> rows = {header};
  for (const ListEntry& entry : entries) rows.push_back(entry.cells);
  std::vector<size_t> widths = ColumnWidths(rows);
  const size_t others = LineLength(widths, 1) + kGap;
  const size_t room = others < kTerminalColumns ? kTerminalColumns - others : 0;
  widths[0] = std::min(widths[0], std::max(room, header[0].size()));
  std::string text = FormatRow(header, widths);
  for (const ListEntry& entry : entries) {
    std::vector<std::string> cells = entry.cells;
    if (cells[0].size() > widths[0]) {
      absl::StrAppend(&text, cells[0], "\n");
      cells[0].clear();
    }
    absl::StrAppend(&text, FormatRow(cells, widths));
    for (const std::string& note : entry.notes) absl::StrAppend(&text, WrapText(note, kGap));
  }
  return text;
}

std::string WrapText(absl::string_view text, size_t indent) {
  const std::string margin(indent, ' ');
  std::string wrapped;
  std::string line;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > kTerminalColumns) {
      absl::StrAppend(&wrapped, margin, line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  return absl::StrCat(wrapped, margin, line, "\n");
}

}  // namespace syncline::client
