// Tells what an Airbyte message line is and which stream a RECORD belongs to, without reading its
// data.
//
// Sources write the type and the stream before the data, so a RECORD is routed by the first bytes
// of its line, whatever the white space. A namespace behind the data is found by one search over
// the whole piece of input. Anything else (other key orders, a namespace that hides in the middle)
// goes the slow way, which walks the line once. Keys of the envelope must be written without
// escapes, as every source does. The data is not checked here: the server rejects a record that is
// not JSON, and its neighbours load.
//
// One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

enum class MessageKind {
  kRecord,         // `stream` is its index
  kUnknownStream,  // a RECORD whose stream is not in the catalog; `name` says which
  kState,
  kTrace,
  kLog,
  kConnectionStatus,
  kOther,      // CONTROL and whatever else a source may say
  kBlank,      // white space
  kMalformed,  // cannot be read as a message
};

struct RoutedMessage {
  MessageKind kind = MessageKind::kMalformed;
  int stream = -1;
  std::string name;
};

class MessageRouter {
 public:
  MessageRouter() = default;

  // `name_space` as the source writes it: empty when it writes none. False when the pair is known
  // already.
  bool AddStream(absl::string_view name_space, absl::string_view name, int index);

  // The index of a stream, -1 when it is not known.
  int Find(absl::string_view name_space, absl::string_view name) const;

  // Announces a piece of input: Route is then called for its lines, in order.
  void Begin(absl::string_view piece);

  // `line` without its '\n'; must lie within the piece.
  RoutedMessage Route(absl::string_view line);

  // RECORD lines that went the slow way.
  int64_t slow_lines() const { return slow_lines_; }

 private:
  // The first "namespace" at or behind `from` in the piece; the piece's end when there is none.
  const char* NextNamespace(const char* from);
  bool RouteFast(absl::string_view line, RoutedMessage* routed);
  bool ReadTail(absl::string_view line, const char* data, absl::string_view* name_space);
  RoutedMessage RouteSlow(absl::string_view line);
  RoutedMessage ToStream(absl::string_view name_space, absl::string_view name) const;

  absl::flat_hash_map<std::string, int> streams_;  // namespace '\0' name
  const char* piece_end_ = nullptr;
  const char* next_namespace_ = nullptr;

  // What the last fast line began with, up to its data, and where that went.
  std::string prefix_;
  bool prefix_has_namespace_ = false;
  std::string prefix_name_;
  RoutedMessage prefix_routed_;
  int64_t slow_lines_ = 0;
};

}  // namespace syncline::client
