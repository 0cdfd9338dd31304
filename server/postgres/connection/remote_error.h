// Errors of Citus that have no SQLSTATE of their own (XX000): those of other nodes, which the
// coordinator reports without theirs, and a lock on shards. Their text is not translated, because
// Citus has one language.
//
// Internal to connection/. Stateless: safe from any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::postgres {

struct RemoteError {
  std::string sqlstate = {};    // of the error on the other node; empty if it is not known
  std::string constraint = {};  // that the error names, as the distributed table has it, or empty
};

// Returns what the message of an XX000 says: 08006 if a node was lost, a violation of a constraint,
// whose name on the node has the number of the shard, or 55P03 if shards are being moved.
RemoteError ReadRemoteError(absl::string_view message);

// Returns whether a LOCK TABLE with this message of an XX000 was not granted on another node in
// time. The loss of the node has the same message; the next attempt reports that.
bool IsRemoteLockTimeout(absl::string_view message);

}  // namespace syncline::postgres
