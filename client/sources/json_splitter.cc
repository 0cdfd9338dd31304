#include "client/sources/json_splitter.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace syncline::client {
namespace {

constexpr char kRecordSeparator = '\x1E';  // of JSON text sequences (RFC 7464)

bool IsSpace(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == kRecordSeparator;
}

absl::Status Unexpected(char c, int64_t line, absl::string_view hint) {
  const std::string what = absl::ascii_isgraph(static_cast<unsigned char>(c))
                               ? absl::StrCat("'", absl::string_view(&c, 1), "'")
                               : absl::StrFormat("the byte 0x%02X", static_cast<unsigned char>(c));
  return absl::InvalidArgumentError(
      absl::StrCat("the JSON text has an unexpected ", what, " on line ", line, hint));
}

}  // namespace

absl::Status JsonSplitter::Feed(absl::string_view bytes, RecordSource::Sink sink) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  absl::Status fault;
  while (p < end) {
    switch (state_) {
      case State::kBetween:
        p = TakeBetween(p, &fault);
        break;
      case State::kNested:
        p = TakeNested(p, end);
        break;
      case State::kString:
        p = TakeString(p, end);
        break;
      case State::kScalar:
        p = TakeScalar(p, end);
        break;
    }
    SYNCLINE_RETURN_IF_ERROR(fault);
    if (complete_) SYNCLINE_RETURN_IF_ERROR(Emit(sink));
    if (record_.size() > kMaxRecordBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the record on line ", record_line_, " is longer than ", kMaxRecordBytes >> 20, " MiB"));
    }
  }
  return absl::OkStatus();
}

// Consumes one character that is not part of a record, or the first one of a record.
const char* JsonSplitter::TakeBetween(const char* p, absl::Status* fault) {
  const char c = *p;
  if (c == '\n') ++line_;
  if (IsSpace(c)) return p + 1;
  if (c == ',' || c == ']' || c == '}' || c == ':' || (c == '[' && !in_array_)) {
    *fault = TakeSeparator(c);
  } else if (after_value_) {
    *fault = Unexpected(c, line_, "; a comma must follow each element of the array");
  } else {
    BeginRecord(c);
  }
  return p + 1;
}

absl::Status JsonSplitter::TakeSeparator(char c) {
  if (c == '[') {
    in_array_ = true;
    array_line_ = line_;
    after_value_ = after_comma_ = false;
    return absl::OkStatus();
  }
  if (in_array_ && c == ',' && after_value_) {
    after_value_ = false;
    after_comma_ = true;
    return absl::OkStatus();
  }
  if (in_array_ && c == ']' && !after_comma_) {
    in_array_ = after_value_ = false;
    return absl::OkStatus();
  }
  const bool list = c == ',' && !in_array_;
  return Unexpected(c, line_,
                    list ? "; put brackets around records that are separated by commas" : "");
}

void JsonSplitter::BeginRecord(char c) {
  record_.push_back(c);
  record_line_ = line_;
  after_comma_ = false;
  if (c == '{' || c == '[') {
    state_ = State::kNested;
    depth_ = 1;
  } else {
    state_ = c == '"' ? State::kString : State::kScalar;
  }
}

const char* JsonSplitter::TakeNested(const char* p, const char* end) {
  const char* const begin = p;
  while (p < end && *p != '"' && *p != '{' && *p != '}' && *p != '[' && *p != ']' && *p != '\n') {
    ++p;
  }
  record_.append(begin, static_cast<size_t>(p - begin));
  if (p == end) return p;
  const char c = *p;
  record_.push_back(c == '\n' ? ' ' : c);
  if (c == '\n') {
    ++line_;
  } else if (c == '"') {
    state_ = State::kString;
  } else {
    depth_ += c == '{' || c == '[' ? 1 : -1;
    complete_ = depth_ == 0;
  }
  return p + 1;
}

const char* JsonSplitter::TakeString(const char* p, const char* end) {
  const char* const begin = p;
  while (p < end && !escaped_ && *p != '"' && *p != '\\' && *p != '\n') ++p;
  record_.append(begin, static_cast<size_t>(p - begin));
  if (p == end) return p;
  const char c = *p;
  if (c == '\n') {
    ++line_;
    broken_ = true;
    record_.push_back(' ');
  } else {
    record_.push_back(c);
  }
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    state_ = State::kNested;
    complete_ = depth_ == 0;
  }
  return p + 1;
}

const char* JsonSplitter::TakeScalar(const char* p, const char* end) {
  const char* const begin = p;
  while (p < end && !IsSpace(*p) && *p != ',' && *p != ']' && *p != '}' && *p != '{' && *p != '[' &&
         *p != '"') {
    ++p;
  }
  record_.append(begin, static_cast<size_t>(p - begin));
  complete_ = p < end;
  return p;
}

absl::Status JsonSplitter::Emit(RecordSource::Sink sink) {
  const absl::Status status = sink({record_, record_line_, broken_ ? "INVALID_JSON" : ""});
  record_.clear();
  state_ = State::kBetween;
  after_value_ = in_array_;
  complete_ = broken_ = escaped_ = false;
  return status;
}

absl::Status JsonSplitter::Finish(RecordSource::Sink sink) {
  if (state_ == State::kScalar) SYNCLINE_RETURN_IF_ERROR(Emit(sink));
  if (state_ != State::kBetween) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the input is cut: the record that begins on line ", record_line_, " does not end"));
  }
  if (in_array_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the input is cut: the array that begins on line ", array_line_, " does not end"));
  }
  return absl::OkStatus();
}

}  // namespace syncline::client
