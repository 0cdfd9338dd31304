// Airbyte protocol messages other than RECORD: what a STATE covers, what a TRACE says, and what we
// answer.
//
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::client {

enum class StateKind { kLegacy, kStream, kGlobal };

// A STATE message. The line itself is kept as the source wrote it.
struct StateMessage {
  StateKind kind = StateKind::kLegacy;
  std::string name_space;  // of kStream
  std::string name;        // of kStream
  // The source cannot go on from it: no body, or only that of a source without a cursor. Such a
  // state is passed on like any other and is no checkpoint.
  bool empty = false;
};

// Nothing when the line is not a STATE message that can be understood.
std::optional<StateMessage> ReadState(absl::string_view line);

// The STATE line with "destinationStats":{"recordCount":N.0} in its state, put in place of an older
// one or behind the last member; every other byte stays. `line` must be one that ReadState
// understood.
std::string WithDestinationStats(absl::string_view line, int64_t records);

enum class TraceKind { kComplete, kIncomplete, kOtherStatus, kError, kOther };

struct TraceMessage {
  TraceKind kind = TraceKind::kOther;
  std::string name_space;  // of a stream status
  std::string name;        // of a stream status
  std::string words;       // of an error; may be empty
};

std::optional<TraceMessage> ReadTrace(absl::string_view line);

// The message of a LOG of level FATAL, in whatever case; nothing for any other line.
std::optional<std::string> ReadFatalLog(absl::string_view line);

// The message of a CONNECTION_STATUS of FAILED; nothing for any other line.
std::optional<std::string> ReadFailedConnection(absl::string_view line);

// A stream as the source names it; no namespace when it has none.
struct StreamName {
  std::string name_space;
  std::string name;
};

enum class FailureType { kSystem, kConfig, kTransient };

// Our own messages, one line each, without its line break.
std::string TraceErrorMessage(absl::string_view words, FailureType type, int64_t now_ms,
                              const std::optional<StreamName>& stream = std::nullopt);
std::string LogMessage(bool warning, absl::string_view words);
std::string ConnectionStatusMessage(bool succeeded, absl::string_view words);

}  // namespace syncline::client
