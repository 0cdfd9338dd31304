#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/utf8.h"

namespace syncline {
namespace {

// Maximum bytes of a field's text. Names of callers can have any length.
constexpr size_t kMaxFieldBytes = 1 << 10;
constexpr absl::string_view kCut = "...";

std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
std::atomic<LogFormat> line_format{LogFormat::kText};

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "";
}

// Returns `value` as a JSON string, which the text format uses as well. Bytes that are not UTF-8
// become U+FFFD, because one bad byte in a third party's message must not make the line unreadable
// to a JSON parser.
std::string Quoted(absl::string_view value) {
  std::string out = "\"";
  for (size_t length = 0; !value.empty(); value.remove_prefix(std::max<size_t>(length, 1))) {
    length = GetCharacterLength(value);
    if (length != 1) {
      out += length == 0 ? kReplacementUtf8 : std::string(value.substr(0, length));
      continue;
    }
    const char c = value.front();
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<int>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
  return out;
}

// Returns the head of a field's text that is logged.
std::string Shorten(absl::string_view value) {
  if (value.size() <= kMaxFieldBytes) return std::string(value);
  return absl::StrCat(CutAtCharacter(value, kMaxFieldBytes - kCut.size()), kCut);
}

bool IsPlain(absl::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '"' || c == '=' || c == '\\') {
      return false;
    }
  }
  return true;
}

}  // namespace

void ConfigureLog(LogLevel minimum, LogFormat format) {
  minimum_level = minimum;
  line_format = format;
}

Log::Log(LogLevel level, absl::string_view event)
    : enabled_(level >= minimum_level.load(std::memory_order_relaxed)),
      level_(level),
      event_(event) {}

Log& Log::Field(absl::string_view key, absl::string_view value) {
  if (enabled_) entries_.push_back({std::string(key), Shorten(value), false});
  return *this;
}

Log& Log::Literal(absl::string_view key, std::string value) {
  if (enabled_) entries_.push_back({std::string(key), std::move(value), true});
  return *this;
}

Log& Log::Field(absl::string_view key, int64_t value) { return Literal(key, absl::StrCat(value)); }

Log& Log::Field(absl::string_view key, double value) {
  // JSON has neither NaN nor infinity.
  return std::isfinite(value) ? Literal(key, absl::StrCat(value)) : Field(key, absl::StrCat(value));
}

Log& Log::Field(absl::string_view key, bool value) {
  return Literal(key, value ? "true" : "false");
}

Log& Log::Field(absl::string_view key, absl::Duration value) {
  return Field(absl::StrCat(key, "_ms"), absl::ToInt64Milliseconds(value));
}

Log& Log::Error(const absl::Status& status) {
  if (!enabled_) return *this;
  Field("code", absl::StatusCodeToString(status.code()));
  if (const std::string reason = GetReason(status); !reason.empty()) Field("reason", reason);
  return Field("error", status.message());
}

Log::~Log() {
  if (!enabled_) return;
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  std::string line;
  if (line_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    line = absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", LevelName(level_),
                        "\",\"event\":", Quoted(event_));
    for (const Entry& entry : entries_) {
      absl::StrAppend(&line, ",", Quoted(entry.key), ":",
                      entry.literal ? entry.value : Quoted(entry.value));
    }
    line += "}\n";
  } else {
    line = absl::StrCat(time, " ", LevelName(level_), " ", event_);
    for (const Entry& entry : entries_) {
      absl::StrAppend(&line, " ", entry.key, "=",
                      IsPlain(entry.value) ? entry.value : Quoted(entry.value));
    }
    line += "\n";
  }
  // A log that cannot be written must not stop the service.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace syncline
