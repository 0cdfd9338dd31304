#include "server/rpc/certificate_watch.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/certificate.h"
#include "base/file.h"
#include "base/log.h"

namespace syncline::rpc {
namespace {

// A certificate that expires within this time is logged as a warning when it is read.
constexpr absl::Duration kExpiryWarningPeriod = absl::Hours(24 * 14);

}  // namespace

absl::Status CertificateWatch::Look() {
  const absl::StatusOr<std::string> certificate = ReadFile(certificate_file_);
  const absl::StatusOr<std::string> key = ReadFile(key_file_);
  absl::Status status = certificate.ok() ? key.status() : certificate.status();
  if (status.ok()) {
    std::string both = absl::StrCat(*certificate, key->size(), *key);
    if (both == seen_) return last_;
    seen_ = std::move(both);
    const absl::StatusOr<absl::Time> end = CheckCertificate(*certificate, *key);
    status = end.status();
    if (end.ok()) {
      expiry_seconds_.store(absl::ToUnixSeconds(*end), std::memory_order_relaxed);
      const bool soon = *end - absl::Now() < kExpiryWarningPeriod;
      Log(soon ? LogLevel::kWarning : LogLevel::kInfo, "tls_certificate")
          .Field("file", certificate_file_)
          .Field("expires", absl::FormatTime(absl::RFC3339_sec, *end, absl::UTCTimeZone()));
    }
  }
  if (!status.ok() && last_ != status) {
    Log(LogLevel::kWarning, "tls_certificate_kept").Error(status);
  }
  last_ = status;
  return status;
}

}  // namespace syncline::rpc
