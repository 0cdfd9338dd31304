#include "server/rpc/auth.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/sha256.h"

namespace syncline::rpc {
namespace {

absl::Status Unauthenticated(absl::string_view what, const char* reason) {
  return MakeError(absl::StatusCode::kUnauthenticated, what, {.reason = reason});
}

}  // namespace

Authenticator::Authenticator(std::vector<AccessToken> tokens) : tokens_(std::move(tokens)) {}

void Authenticator::Replace(std::vector<AccessToken> tokens) {
  MutexLock lock(&mutex_);
  tokens_ = std::move(tokens);
}

absl::StatusOr<Identity> Authenticator::Check(absl::string_view authorization) const {
  constexpr absl::string_view kScheme = "bearer ";
  if (absl::StartsWithIgnoreCase(authorization, kScheme)) {
    return CheckToken(authorization.substr(kScheme.size()));
  }
  MutexLock lock(&mutex_);
  if (tokens_.empty()) return Identity();
  return Unauthenticated("the call needs metadata \"authorization: Bearer <token>\"",
                         reason::kNoCredentials);
}

absl::StatusOr<Identity> Authenticator::CheckToken(absl::string_view token) const {
  MutexLock lock(&mutex_);
  if (tokens_.empty()) return Identity();
  // Digests are compared, so that the time it takes reveals nothing about the token.
  for (const AccessToken& known : tokens_) {
    if (Sha256Hex(absl::StrCat(known.salt, token)) != known.digest) continue;
    if (known.expires > absl::Now()) return known.identity;
    return Unauthenticated(
        absl::StrCat("the bearer token \"", known.identity.name, "\" has expired"),
        reason::kCredentialsExpired);
  }
  return Unauthenticated("the bearer token is unknown", reason::kBadCredentials);
}

}  // namespace syncline::rpc
