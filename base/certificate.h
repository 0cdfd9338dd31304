// Checks certificates as the TLS library reads them before they are served, so that a faulty file
// is a named error instead of a failed handshake of every client.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline {

// Returns the earliest expiry of the certificates in `chain_pem`.
// Errors: FAILED_PRECONDITION TLS_CERTIFICATE if the chain contains no certificate, if `key_pem`
// contains no private key without a passphrase, or if the key does not match the first certificate.
absl::StatusOr<absl::Time> CheckCertificate(absl::string_view chain_pem, absl::string_view key_pem);

}  // namespace syncline
