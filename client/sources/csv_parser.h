// Parses CSV as in RFC 4180 and its usual variants: quoted fields may contain delimiters, line
// breaks and doubled quotes.
//
// Lenient where the RFC does not define the meaning: a quote inside an unquoted field is an
// ordinary character, and text that follows a closing quote belongs to the field. For use by one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

// How the fields and rows of a file are separated.
struct CsvDialect {
  char delimiter = ',';
  std::optional<char> quote = '"';
  char line_end = '\n';    // '\r' if lines end with it alone. A CR before '\n' is not text.
  int64_t skip_lines = 0;  // at the start of the input, whatever they contain
};

struct CsvField {
  absl::string_view text;  // without quotes; valid during the call
  bool quoted = false;     // an empty unquoted field is null, an empty quoted one is ""
};

class CsvParser {
 public:
  using RowSink = absl::FunctionRef<absl::Status(const std::vector<CsvField>& fields)>;

  explicit CsvParser(const CsvDialect& dialect)
      : dialect_(dialect), lines_to_skip_(dialect.skip_lines) {}

  // Parses the next bytes, which may end anywhere, and calls `row` for each complete row. Blank
  // lines are not rows. Errors: those of `row`.
  absl::Status Feed(absl::string_view bytes, RowSink row);

  // Call it at the end of the input. Errors: INVALID_ARGUMENT if a quote is still open, with the
  // line where it was opened, and those of `row`.
  absl::Status Finish(RowSink row);

  // Returns, during a call of `row`, the line where the row begins, from 1.
  int64_t row_line() const { return row_line_; }
  // Returns the line of the next byte, from 1.
  int64_t line() const { return line_; }

 private:
  enum class State { kStart, kUnquoted, kQuoted, kQuoteInQuoted, kReturnAfterQuote };

  const char* SkipLines(const char* p, const char* end);
  const char* TakeQuoted(const char* p, const char* end);
  const char* TakeUnquoted(const char* p, const char* end);
  bool TakeAfterQuote(char c);
  void EndField();
  absl::Status EndRow(RowSink row);

  const CsvDialect dialect_;
  State state_ = State::kStart;
  int64_t lines_to_skip_;
  int64_t line_ = 1;
  int64_t row_line_ = 1;    // where the current row begins
  int64_t quote_line_ = 0;  // where the open quote is
  std::string text_;        // the row's fields, one after the other
  std::vector<size_t> ends_;
  std::vector<bool> quoted_;
  bool field_quoted_ = false;
  std::vector<CsvField> fields_;
};

}  // namespace syncline::client
