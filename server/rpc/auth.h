// Authenticates callers by their bearer tokens. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/model/access_token.h"

namespace syncline::rpc {

class Authenticator {
 public:
  // Without tokens every caller is accepted; TLS client certificates or the network must restrict
  // access then.
  explicit Authenticator(std::vector<AccessToken> tokens);

  // Replaces the accepted tokens. `tokens` must not be empty. Open calls are not affected.
  void Replace(std::vector<AccessToken> tokens);

  // Returns the caller's identity. `authorization` is the value of the call's metadata entry, or
  // empty. Errors: UNAUTHENTICATED NO_CREDENTIALS, BAD_CREDENTIALS or CREDENTIALS_EXPIRED.
  absl::StatusOr<Identity> Check(absl::string_view authorization) const;
  // Like Check, for the token itself.
  absl::StatusOr<Identity> CheckToken(absl::string_view token) const;

 private:
  mutable Mutex mutex_;
  std::vector<AccessToken> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::rpc
