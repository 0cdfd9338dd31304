#include "client/sources/csv_parser.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::client {

absl::Status CsvParser::Feed(absl::string_view bytes, RowSink row) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  if (lines_to_skip_ > 0) p = SkipLines(p, end);
  while (p < end) {
    if (state_ == State::kQuoted) {
      p = TakeQuoted(p, end);
      continue;
    }
    if (state_ == State::kUnquoted) {
      p = TakeUnquoted(p, end);
      if (p == end) break;
    }
    const char c = *p++;
    if ((state_ == State::kQuoteInQuoted || state_ == State::kReturnAfterQuote) &&
        TakeAfterQuote(c)) {
      continue;
    }
    if (c == dialect_.delimiter) {
      EndField();
    } else if (c == dialect_.line_end) {
      ++line_;
      SYNCLINE_RETURN_IF_ERROR(EndRow(row));
      row_line_ = line_;
    } else if (state_ == State::kStart && c == dialect_.quote) {
      state_ = State::kQuoted;
      field_quoted_ = true;
      quote_line_ = line_;
    } else {
      text_.push_back(c);
      state_ = State::kUnquoted;
    }
  }
  return absl::OkStatus();
}

const char* CsvParser::SkipLines(const char* p, const char* end) {
  while (p < end && lines_to_skip_ > 0) {
    if (*p++ != dialect_.line_end) continue;
    --lines_to_skip_;
    row_line_ = ++line_;
  }
  return p;
}

// Consumes the text up to and including the next quote.
const char* CsvParser::TakeQuoted(const char* p, const char* end) {
  const auto length = static_cast<size_t>(end - p);
  const auto* const quote = static_cast<const char*>(std::memchr(p, *dialect_.quote, length));
  const char* const stop = quote == nullptr ? end : quote;
  for (const char* at = p; at < stop; ++at) line_ += *at == dialect_.line_end ? 1 : 0;
  text_.append(p, static_cast<size_t>(stop - p));
  if (quote == nullptr) return end;
  state_ = State::kQuoteInQuoted;
  return quote + 1;
}

// Consumes the text up to the field's end.
const char* CsvParser::TakeUnquoted(const char* p, const char* end) {
  const char delimiter = dialect_.delimiter;
  const char line_end = dialect_.line_end;
  const char* stop = p;
  while (stop < end && *stop != delimiter && *stop != line_end) ++stop;
  text_.append(p, static_cast<size_t>(stop - p));
  return stop;
}

// Handles the character after a quote in a quoted field. Returns false if the caller must handle
// it.
bool CsvParser::TakeAfterQuote(char c) {
  if (state_ == State::kQuoteInQuoted && c == dialect_.quote) {
    text_.push_back(c);
    state_ = State::kQuoted;
    return true;
  }
  if (state_ == State::kQuoteInQuoted && c == '\r' && dialect_.line_end == '\n') {
    state_ = State::kReturnAfterQuote;
    return true;
  }
  if (c == dialect_.line_end) return false;
  if (state_ == State::kReturnAfterQuote) text_.push_back('\r');
  if (c != dialect_.delimiter) state_ = State::kUnquoted;
  if (state_ == State::kUnquoted) text_.push_back(c);
  return state_ == State::kUnquoted;
}

void CsvParser::EndField() {
  ends_.push_back(text_.size());
  quoted_.push_back(field_quoted_);
  field_quoted_ = false;
  state_ = State::kStart;
}

absl::Status CsvParser::EndRow(RowSink row) {
  const size_t start = ends_.empty() ? 0 : ends_.back();
  // Remove the CR of CRLF. TakeAfterQuote handles one that follows a quoted field.
  if (state_ == State::kUnquoted && dialect_.line_end == '\n' && text_.size() > start &&
      text_.back() == '\r') {
    text_.pop_back();
  }
  EndField();
  fields_.clear();
  size_t begin = 0;
  for (size_t i = 0; i < ends_.size(); ++i) {
    fields_.push_back({absl::string_view(text_).substr(begin, ends_[i] - begin), quoted_[i]});
    begin = ends_[i];
  }
  const bool blank = fields_.size() == 1 && fields_[0].text.empty() && !fields_[0].quoted;
  const absl::Status status = blank ? absl::OkStatus() : row(fields_);
  text_.clear();
  ends_.clear();
  quoted_.clear();
  return status;
}

absl::Status CsvParser::Finish(RowSink row) {
  if (state_ == State::kQuoted) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the quote opened on line ", quote_line_,
        " is never closed; if quotes are ordinary text in this file, add --quote none"));
  }
  if (state_ == State::kStart && ends_.empty()) return absl::OkStatus();
  return EndRow(row);
}

}  // namespace syncline::client
