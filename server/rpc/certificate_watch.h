// Watches the files of the served certificate: checks what stands in them, says when it is replaced
// and until when it is good. gRPC reads the files by itself.
//
// Look is used by one thread at a time, the rest by any.
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

  // Reads the files when they are others than before and logs what was found, a fault once.
  // Errors: FAILED_PRECONDITION FILE_UNREADABLE, or those of CheckCertificate. Callers are then
  // served with the certificate before, if gRPC holds one.
  absl::Status Look();

  // When the certificate ends; UNIX seconds, 0 before one was read.
  int64_t expiry_seconds() const { return expiry_seconds_.load(std::memory_order_relaxed); }

 private:
  const std::string certificate_file_;
  const std::string key_file_;
  std::string seen_;  // what the files held
  absl::Status last_;
  std::atomic<int64_t> expiry_seconds_{0};
};

}  // namespace syncline::rpc
