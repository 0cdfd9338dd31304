// Airbyte protocol messages other than RECORD: reads STATE, TRACE, LOG and CONNECTION_STATUS, and
// formats the messages that we print.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::client {

enum class StateKind { kLegacy, kStream, kGlobal };

// The parts of a STATE message. The line itself is kept as the source wrote it.
struct StateMessage {
  StateKind kind = StateKind::kLegacy;
  std::string name_space;  // of kStream
  std::string name;        // of kStream
  // The source cannot resume from it: it has no body, or only the body of a source without a
  // cursor. Such a state is emitted like any other, but no checkpoint is sent for it.
  bool empty = false;
};

// Returns nullopt if the line is not a STATE message of a known type.
std::optional<StateMessage> ReadState(absl::string_view line);

// Returns the STATE line with "destinationStats":{"recordCount":N.0} in its state, which replaces
// an older one or follows the last member. Every other byte is unchanged. `line` must be one that
// ReadState accepted.
std::string WithDestinationStats(absl::string_view line, int64_t records);

enum class TraceKind { kComplete, kIncomplete, kOtherStatus, kError, kOther };

struct TraceMessage {
  TraceKind kind = TraceKind::kOther;
  std::string name_space;  // of a stream status
  std::string name;        // of a stream status
  std::string words;       // of an error; may be empty
};

std::optional<TraceMessage> ReadTrace(absl::string_view line);

// Returns the message of a LOG of level FATAL, in upper or lower case, or nullopt for any other
// line.
std::optional<std::string> ReadFatalLog(absl::string_view line);

// Returns the message of a CONNECTION_STATUS of FAILED, or nullopt for any other line.
std::optional<std::string> ReadFailedConnection(absl::string_view line);

// A stream as the source names it. The namespace may be empty.
struct StreamName {
  std::string name_space;
  std::string name;
};

enum class FailureType { kSystem, kConfig, kTransient };

// Return our own messages as one line each, without a line break.
std::string TraceErrorMessage(absl::string_view words, FailureType type, int64_t now_ms,
                              const std::optional<StreamName>& stream = std::nullopt);
std::string LogMessage(bool warning, absl::string_view words);
std::string ConnectionStatusMessage(bool succeeded, absl::string_view words);

}  // namespace syncline::client
