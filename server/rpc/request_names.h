// Checks the ids and names of requests before they are used, so that neither logs nor errors nor
// the ledger receive arbitrary bytes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/error.h"
#include "server/sync/sync_errors.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

// Maximum bytes of ids and of namespaces and names of streams.
inline constexpr size_t kMaxIdBytes = 128;
inline constexpr size_t kMaxNameBytes = 1024;

// Each adds a violation for `field` if `text` cannot be such an id or name.
void CheckName(absl::string_view text, std::string field, std::vector<FieldViolation>* violations);
void CheckSyncId(absl::string_view text, const std::string& field,
                 std::vector<FieldViolation>* violations);
void CheckDescriptor(const v1::StreamDescriptor& descriptor, const std::string& field,
                     std::vector<FieldViolation>* violations);
void CheckWriterId(absl::string_view text, const std::string& field,
                   std::vector<FieldViolation>* violations);

// Checks the sync_id and the descriptor of a request, as far as it has them. Errors:
// INVALID_ARGUMENT INVALID_REQUEST with the fields.
template <typename Request>
absl::Status CheckNames(const Request& request) {
  std::vector<FieldViolation> violations;
  if constexpr (requires { request.sync_id(); }) {
    CheckSyncId(request.sync_id(), "sync_id", &violations);
  }
  if constexpr (requires { request.has_descriptor(); }) {
    CheckDescriptor(request.descriptor(), "descriptor", &violations);
  }
  return violations.empty() ? absl::OkStatus() : sync::InvalidRequest(std::move(violations));
}

// Its ids are checked with the rest of the request.
inline absl::Status CheckNames(const v1::StartSyncRequest&) { return absl::OkStatus(); }

// Checks the names and the epoch of a header. Errors: as CheckNames.
absl::Status CheckHeader(const v1::StreamHeader& header);

// Checks the id of a checkpoint and the size of its state. Errors: as CheckNames.
absl::Status CheckCheckpoint(const v1::Checkpoint& checkpoint);

}  // namespace syncline::rpc
