#include "client/sources/csv_sniffer.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/strip.h"

namespace syncline::client {
namespace {

constexpr char kDelimiters[] = {',', ';', '\t', '|'};
constexpr size_t kMaxRows = 200;
// Text of an unknown format is CSV only if nearly all of its rows have as many fields as the first.
constexpr double kMinUniform = 0.9;

// Lines end with CR alone only if none of those that can be seen ends with LF.
char FindLineEnd(absl::string_view head, std::optional<char> quote) {
  bool quoted = false;
  bool has_return = false;
  for (const char c : head) {
    if (quote.has_value() && c == *quote) quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') return '\n';
    has_return = has_return || c == '\r';
  }
  return has_return ? '\r' : '\n';
}

// Returns the delimiter that a first line such as sep=; states.
std::optional<char> FindStatedDelimiter(absl::string_view head, char line_end) {
  const size_t end = head.find(line_end);
  absl::string_view line = head.substr(0, end);
  absl::ConsumeSuffix(&line, "\r");
  if (absl::ConsumePrefix(&line, "\"") && !absl::ConsumeSuffix(&line, "\"")) return std::nullopt;
  if (!absl::ConsumePrefix(&line, "sep=") || line.size() != 1) return std::nullopt;
  return line[0];
}

// How a delimiter splits the first rows.
struct Split {
  size_t columns = 0;  // of the first row
  double uniform = 0;  // share of the rows with as many fields as the first
};

Split SplitRows(absl::string_view head, bool whole, const CsvDialect& dialect) {
  std::vector<size_t> counts;
  CsvParser parser(dialect);
  const auto count = [&counts](const std::vector<CsvField>& fields) {
    counts.push_back(fields.size());
    return counts.size() < kMaxRows ? absl::OkStatus() : absl::CancelledError();
  };
  // Errors do not matter: the rows before an open quote or after kMaxRows are enough.
  const bool fed = parser.Feed(head, count).ok();
  if (fed && (whole || counts.empty())) parser.Finish(count).IgnoreError();
  if (counts.empty()) return {};
  const auto same = std::count(counts.begin(), counts.end(), counts[0]);
  return {counts[0], static_cast<double>(same) / static_cast<double>(counts.size())};
}

struct FoundDelimiter {
  std::optional<char> delimiter;
  double uniform = 0;
};

FoundDelimiter FindDelimiter(absl::string_view head, bool whole, CsvDialect dialect) {
  FoundDelimiter best;
  size_t best_columns = 0;
  for (const char delimiter : kDelimiters) {
    dialect.delimiter = delimiter;
    const Split split = SplitRows(head, whole, dialect);
    if (split.columns < 2) continue;
    if (split.uniform > best.uniform ||
        (split.uniform == best.uniform && split.columns > best_columns)) {
      best = {delimiter, split.uniform};
      best_columns = split.columns;
    }
  }
  return best;
}

CsvDialect WithoutDelimiter(absl::string_view head, const FormatHints& hints) {
  CsvDialect dialect;
  dialect.quote = hints.quote;
  dialect.line_end = FindLineEnd(head, hints.quote);
  dialect.skip_lines = hints.skip_lines;
  return dialect;
}

}  // namespace

CsvDialect FindCsvDialect(absl::string_view head, bool whole, const FormatHints& hints,
                          char usual) {
  CsvDialect dialect = WithoutDelimiter(head, hints);
  const std::optional<char> stated = FindStatedDelimiter(head, dialect.line_end);
  // The line is one of those that the user skips.
  if (stated.has_value() && hints.skip_lines == 0) dialect.skip_lines = 1;
  if (hints.delimiter.has_value()) {
    dialect.delimiter = *hints.delimiter;
  } else if (stated.has_value()) {
    dialect.delimiter = *stated;
  } else {
    dialect.delimiter = usual;
    const bool named = usual != ',' && SplitRows(head, whole, dialect).columns > 1;
    if (!named) dialect.delimiter = FindDelimiter(head, whole, dialect).delimiter.value_or(usual);
  }
  return dialect;
}

bool HasCsvColumns(absl::string_view head, bool whole, const FormatHints& hints) {
  const CsvDialect dialect = WithoutDelimiter(head, hints);
  if (FindStatedDelimiter(head, dialect.line_end).has_value()) return true;
  return FindDelimiter(head, whole, dialect).uniform >= kMinUniform;
}

}  // namespace syncline::client
