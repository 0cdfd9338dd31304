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
};

std::optional<TraceMessage> ReadTrace(absl::string_view line);

enum class FailureType { kSystem, kConfig, kTransient };

// Our own messages, one line each, without its line break.
std::string TraceErrorMessage(absl::string_view words, FailureType type, int64_t now_ms);
std::string ConnectionStatusMessage(bool succeeded, absl::string_view words);
std::string SpecMessage();

}  // namespace syncline::client
