// Watches the files of the served TLS certificate: checks their content, logs replacements and
// exposes the expiry time. gRPC reads the files itself.
//
// Look must be called by one thread at a time; the other functions are thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace syncline::rpc {

class CertificateWatch {
 public:
  CertificateWatch(std::string certificate_file, std::string key_file)
      : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

  // Reads the files. If their content has changed, checks it and logs the result; an error is
  // logged once. Errors: FAILED_PRECONDITION FILE_UNREADABLE, or those of CheckCertificate. After
  // an error gRPC continues to serve the previous certificate, if it has one.
  absl::Status Look();

  // Returns when the certificate expires, in UNIX seconds; 0 before one was read.
  int64_t expiry_seconds() const { return expiry_seconds_.load(std::memory_order_relaxed); }

 private:
  const std::string certificate_file_;
  const std::string key_file_;
  std::string seen_;  // content of the files when they were last readable
  absl::Status last_;
  std::atomic<int64_t> expiry_seconds_{0};
};

}  // namespace syncline::rpc
