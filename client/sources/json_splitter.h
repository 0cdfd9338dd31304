// Splits JSON text into records: the elements of arrays, and values that follow each other, on any
// number of lines.
//
// Finds only where each record ends, by its brackets and quotes; the server checks its grammar. A
// line break inside a record becomes a space, because records are sent as lines. For use by one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/sources/record_source.h"

namespace syncline::client {

class JsonSplitter {
 public:
  static constexpr size_t kMaxRecordBytes = size_t{256} << 20;

  // Takes the next bytes, which may end anywhere, and calls `sink` for each complete record. A
  // record with a line break inside a string is unreadable (INVALID_JSON). Errors: those of `sink`,
  // and INVALID_ARGUMENT with the line for text between records that is not JSON and for a record
  // longer than kMaxRecordBytes.
  absl::Status Feed(absl::string_view bytes, RecordSource::Sink sink);

  // Call it at the end of the input. Errors: those of `sink`, and INVALID_ARGUMENT with the line if
  // the input ends inside a record or an array.
  absl::Status Finish(RecordSource::Sink sink);

 private:
  enum class State { kBetween, kNested, kString, kScalar };

  const char* TakeBetween(const char* p, absl::Status* fault);
  const char* TakeNested(const char* p, const char* end);
  const char* TakeString(const char* p, const char* end);
  const char* TakeScalar(const char* p, const char* end);
  absl::Status TakeSeparator(char c);
  void BeginRecord(char c);
  absl::Status Emit(RecordSource::Sink sink);

  State state_ = State::kBetween;
  bool in_array_ = false;
  bool after_value_ = false;  // in an array: a comma or its end must follow
  bool after_comma_ = false;  // in an array: a value must follow
  bool complete_ = false;     // record_ is complete
  bool escaped_ = false;      // the next character of the string is escaped
  bool broken_ = false;       // a string of the record has a line break
  int64_t depth_ = 0;
  int64_t line_ = 1;
  int64_t array_line_ = 0;
  int64_t record_line_ = 0;
  std::string record_;
};

}  // namespace syncline::client
