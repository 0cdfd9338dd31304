// Certificates as the TLS library reads them: checked before they are served, so that a faulty file
// is an error with a name and not a failed handshake of every caller.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline {

// The earliest end of the certificates of `chain_pem`.
// Errors: FAILED_PRECONDITION TLS_CERTIFICATE when the chain holds no certificate, `key_pem` no
// private key without a passphrase, or the key is not that of the first certificate.
absl::StatusOr<absl::Time> CheckCertificate(absl::string_view chain_pem, absl::string_view key_pem);

}  // namespace syncline
