#include "server/rpc/auth.h"

#include "absl/strings/match.h"
#include "server/base/error.h"
#include "server/base/sha256.h"

namespace syncline::rpc {

namespace {

std::set<std::string> DigestsOf(const std::vector<std::string>& tokens) {
  std::set<std::string> digests;
  for (const std::string& token : tokens) digests.insert(Sha256Hex(token));
  return digests;
}

}  // namespace

Authenticator::Authenticator(const std::vector<std::string>& tokens)
    : digests_(DigestsOf(tokens)) {}

void Authenticator::Replace(const std::vector<std::string>& tokens) {
  std::set<std::string> digests = DigestsOf(tokens);
  MutexLock lock(&mutex_);
  digests_.swap(digests);
}

absl::Status Authenticator::Check(absl::string_view authorization) const {
  MutexLock lock(&mutex_);
  if (digests_.empty()) return absl::OkStatus();
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) {
    return MakeError(absl::StatusCode::kUnauthenticated,
                     "the call needs metadata \"authorization: Bearer <token>\"",
                     {.reason = "NO_CREDENTIALS"});
  }
  authorization.remove_prefix(kScheme.size());
  if (digests_.count(Sha256Hex(authorization)) == 0) {
    return MakeError(absl::StatusCode::kUnauthenticated, "the bearer token is not known",
                     {.reason = "BAD_CREDENTIALS"});
  }
  return absl::OkStatus();
}

}  // namespace syncline::rpc
