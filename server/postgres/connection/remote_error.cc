#include "server/postgres/connection/remote_error.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace syncline::postgres {
namespace {

constexpr absl::string_view kEssentialConnection = "failure on connection marked as essential";

constexpr absl::string_view kLostNode[] = {
    kEssentialConnection,
    "connection to the remote node",
    "server closed the connection unexpectedly",
    "could not receive data from server",
    "could not send data to server",
    "terminating connection due to",
};

// A shard is being moved, copied or split.
constexpr absl::string_view kShardsBusy = "could not acquire the lock required to";

struct Violation {
  absl::string_view text;
  absl::string_view sqlstate;
};

constexpr Violation kViolations[] = {
    {"violates not-null constraint", "23502"},
    {"violates foreign key constraint", "23503"},
    {"violates unique constraint", "23505"},
    {"violates check constraint", "23514"},
};

// Returns "total_check" for "total_check_102010".
absl::string_view WithoutShard(absl::string_view name) {
  const size_t underscore = name.rfind('_');
  if (underscore == absl::string_view::npos || underscore + 1 == name.size()) return name;
  const absl::string_view shard = name.substr(underscore + 1);
  const bool number = std::all_of(shard.begin(), shard.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  return number ? name.substr(0, underscore) : name;
}

// Returns the name in quotes after `at`.
absl::string_view NameAfter(absl::string_view message, size_t at) {
  const size_t begin = message.find('"', at);
  if (begin == absl::string_view::npos) return "";
  const size_t end = message.find('"', begin + 1);
  return end == absl::string_view::npos ? "" : message.substr(begin + 1, end - begin - 1);
}

}  // namespace

RemoteError ReadRemoteError(absl::string_view message) {
  for (const Violation& violation : kViolations) {
    const size_t at = message.find(violation.text);
    if (at == absl::string_view::npos) continue;
    return {.sqlstate = std::string(violation.sqlstate),
            .constraint = std::string(WithoutShard(NameAfter(message, at)))};
  }
  if (absl::StrContains(message, kShardsBusy)) return {.sqlstate = "55P03"};
  const bool lost =
      std::any_of(std::begin(kLostNode), std::end(kLostNode),
                  [&](absl::string_view text) { return absl::StrContains(message, text); });
  return {.sqlstate = lost ? "08006" : ""};
}

bool IsRemoteLockTimeout(absl::string_view message) {
  return absl::StrContains(message, kEssentialConnection);
}

}  // namespace syncline::postgres
