// One structured line per event, on stderr.
//
//   Log(LogLevel::kInfo, "stream_completed").Field("sync_id", id).Field("rows", rows);
//
// prints  2026-01-02T03:04:05.678Z INFO stream_completed sync_id=nightly rows=1000
// or, in the JSON format, an object with the same fields. The destructor writes the line with one
// write(2), so that lines of several threads do not mix. The text of a field is cut at 1 KiB,
// between characters, and then ends with "...". Never pass record values, passwords or tokens.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

// Sets what is printed from now on. The default is kInfo and kText.
void ConfigureLog(LogLevel minimum, LogFormat format);

class Log {
 public:
  // `event` is a snake_case name that does not change between releases.
  Log(LogLevel level, absl::string_view event);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  Log& Field(absl::string_view key, absl::string_view value);
  Log& Field(absl::string_view key, const char* value) {
    return Field(key, absl::string_view(value));
  }
  Log& Field(absl::string_view key, int64_t value);
  Log& Field(absl::string_view key, int value) { return Field(key, static_cast<int64_t>(value)); }
  Log& Field(absl::string_view key, double value);
  Log& Field(absl::string_view key, bool value);
  Log& Field(absl::string_view key, absl::Duration value);
  // Adds the fields code, reason and error.
  Log& Error(const absl::Status& status);

 private:
  Log& Literal(absl::string_view key, std::string value);

  const bool enabled_;
  const LogLevel level_;
  const std::string event_;
  struct Entry {
    std::string key;
    std::string value;
    bool literal;  // a number or boolean, not quoted in JSON
  };
  std::vector<Entry> entries_;
};

}  // namespace syncline
