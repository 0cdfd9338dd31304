// Bearer tokens: who may call. Immutable, safe from any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::rpc {

class Authenticator {
 public:
  // Without tokens every caller is let in: TLS client certificates or the network are the guard
  // then.
  explicit Authenticator(const std::vector<std::string>& tokens);

  // `authorization` is the value of the call's metadata entry, or empty.
  // Errors: UNAUTHENTICATED NO_CREDENTIALS or BAD_CREDENTIALS.
  absl::Status Check(absl::string_view authorization) const;

 private:
  // Digests, so that comparing takes the same time for every wrong token.
  std::set<std::string> digests_;
};

}  // namespace syncline::rpc
