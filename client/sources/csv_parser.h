// CSV by RFC 4180: quoted fields may hold delimiters, line breaks and doubled quotes; lines end
// with LF or CRLF.
//
// Lenient where the RFC is silent: a quote inside an unquoted field is a character like any other,
// text behind a closing quote belongs to the field. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

struct CsvField {
  absl::string_view text;  // unquoted, good during the call
  bool quoted = false;     // an empty unquoted field is null, an empty quoted one is ""
};

class CsvParser {
 public:
  using RowSink = absl::FunctionRef<absl::Status(const std::vector<CsvField>& fields)>;

  explicit CsvParser(char delimiter) : delimiter_(delimiter) {}

  // Takes the next bytes, which may end anywhere, and calls `row` for each row that is whole. Blank
  // lines are not rows.
  absl::Status Feed(absl::string_view bytes, RowSink row);

  // The input has ended. INVALID_ARGUMENT when a quote is still open; says in which line it was
  // opened.
  absl::Status Finish(RowSink row);

  // During a call of `row`: the line in which the row begins, from 1.
  int64_t row_line() const { return row_line_; }

 private:
  enum class State { kStart, kUnquoted, kQuoted, kQuoteInQuoted, kReturnAfterQuote };

  const char* TakeQuoted(const char* p, const char* end);
  const char* TakeUnquoted(const char* p, const char* end);
  bool TakeAfterQuote(char c);
  void EndField();
  absl::Status EndRow(RowSink row);

  const char delimiter_;
  State state_ = State::kStart;
  int64_t line_ = 1;
  int64_t row_line_ = 1;    // where the current row begins
  int64_t quote_line_ = 0;  // where the open quote stands
  std::string text_;        // the row's fields, one after the other
  std::vector<size_t> ends_;
  std::vector<bool> quoted_;
  bool field_quoted_ = false;
  std::vector<CsvField> fields_;
};

}  // namespace syncline::client
