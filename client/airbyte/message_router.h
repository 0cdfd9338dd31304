// Determines the kind of an Airbyte message line and the stream of a RECORD, without parsing the
// record's data.
//
// Sources write the type and the stream before the data, so a RECORD is routed by the first bytes
// of its line, with any white space between tokens. A namespace that follows the data is found by
// one search over the whole piece of input. Any other line (another order of keys, "namespace" in
// the middle of the data) takes the slow path, which parses the line once. Keys of the envelope
// must be written without escapes, as all sources do. The data is not checked here: the server
// rejects a record that is not JSON and loads the others.
//
// For use by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

enum class MessageKind {
  kRecord,         // `stream` is its index
  kUnknownStream,  // a RECORD of stream `name`, which is not in the catalog
  kState,
  kTrace,
  kLog,
  kConnectionStatus,
  kOther,      // CONTROL or any other type
  kForeign,    // JSON that is no message, such as a log of the source's libraries
  kBlank,      // white space
  kMalformed,  // not a message
};

struct RoutedMessage {
  MessageKind kind = MessageKind::kMalformed;
  int stream = -1;
  std::string name;
};

class MessageRouter {
 public:
  MessageRouter() = default;

  // Adds a stream. `name_space` is the source's, empty if it writes none. Returns false if the pair
  // has already been added.
  bool AddStream(absl::string_view name_space, absl::string_view name, int index);

  // Returns the index of a stream, or -1 if it is not known.
  int Find(absl::string_view name_space, absl::string_view name) const;

  // Begins a piece of input. Route must then be called for its lines, in order.
  void Begin(absl::string_view piece);

  // Routes one line of the piece. `line` does not include '\n'.
  RoutedMessage Route(absl::string_view line);

  // Returns the number of RECORD lines that took the slow path.
  int64_t slow_lines() const { return slow_lines_; }

 private:
  // Returns the first "namespace" at or after `from` in the piece, or the piece's end if there is
  // none.
  const char* NextNamespace(const char* from);
  bool RouteFast(absl::string_view line, RoutedMessage* routed);
  bool ReadTail(absl::string_view line, const char* data, absl::string_view* name_space);
  RoutedMessage RouteSlow(absl::string_view line);
  RoutedMessage RouteUnchecked(absl::string_view line);
  RoutedMessage ToStream(absl::string_view name_space, absl::string_view name) const;

  absl::flat_hash_map<std::string, int> streams_;  // namespace '\0' name
  const char* piece_end_ = nullptr;
  const char* next_namespace_ = nullptr;

  // The beginning of the last line that took the fast path, up to its data, and where it was
  // routed.
  std::string prefix_;
  bool prefix_has_namespace_ = false;
  std::string prefix_name_;
  RoutedMessage prefix_routed_;
  int64_t slow_lines_ = 0;
};

}  // namespace syncline::client
