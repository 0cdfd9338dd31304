// Bearer tokens: who may call. Thread-safe.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"

namespace syncline::rpc {

class Authenticator {
 public:
  // Without tokens every caller is let in: TLS client certificates or the network are the guard
  // then.
  explicit Authenticator(const std::vector<std::string>& tokens);

  // From now on these count, not the ones before. Not empty. Calls that run go on.
  void Replace(const std::vector<std::string>& tokens);

  // `authorization` is the value of the call's metadata entry, or empty.
  // Errors: UNAUTHENTICATED NO_CREDENTIALS or BAD_CREDENTIALS.
  absl::Status Check(absl::string_view authorization) const;

 private:
  mutable Mutex mutex_;
  // Digests, so that comparing takes the same time for every wrong token.
  std::set<std::string> digests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::rpc
