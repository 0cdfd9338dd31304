#include "server/rpc/request_names.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "server/model/checkpoint.h"

namespace syncline::rpc {
namespace {

// PostgreSQL text ends at a NUL, so two different names would become one.
bool HasNul(absl::string_view text) { return text.find('\0') != absl::string_view::npos; }

}  // namespace

void CheckName(absl::string_view text, std::string field, std::vector<FieldViolation>* violations) {
  if (text.size() <= kMaxNameBytes && !HasNul(text)) return;
  violations->push_back({std::move(field), "must have at most 1024 bytes, none of them NUL"});
}

void CheckSyncId(absl::string_view text, const std::string& field,
                 std::vector<FieldViolation>* violations) {
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  if (!text.empty() && text.size() <= kMaxIdBytes && !has_control) return;
  violations->push_back({field, "must have 1-128 bytes and no control characters"});
}

void CheckDescriptor(const v1::StreamDescriptor& descriptor, const std::string& field,
                     std::vector<FieldViolation>* violations) {
  CheckName(descriptor.namespace_(), field + ".namespace", violations);
  CheckName(descriptor.name(), field + ".name", violations);
}

void CheckWriterId(absl::string_view text, const std::string& field,
                   std::vector<FieldViolation>* violations) {
  if (text.size() <= kMaxIdBytes && !HasNul(text)) return;
  violations->push_back({field, "must have at most 128 bytes, none of them NUL"});
}

absl::Status CheckHeader(const v1::StreamHeader& header) {
  std::vector<FieldViolation> violations;
  CheckSyncId(header.sync_id(), "header.sync_id", &violations);
  CheckDescriptor(header.descriptor(), "header.descriptor", &violations);
  CheckWriterId(header.writer_id(), "header.writer_id", &violations);
  if (header.expected_epoch() < 0) {
    violations.push_back({"header.expected_epoch", "must not be negative"});
  }
  if (header.plan_version() < 0) {
    violations.push_back({"header.plan_version", "must not be negative"});
  }
  return violations.empty() ? absl::OkStatus() : sync::InvalidRequest(std::move(violations));
}

absl::Status CheckCheckpoint(const v1::Checkpoint& checkpoint) {
  const std::string& id = checkpoint.checkpoint_id();
  if (id.empty() || id.size() > kMaxIdBytes || HasNul(id)) {
    return sync::InvalidRequest(
        {{"checkpoint.checkpoint_id", "must have 1-128 bytes, none of them NUL"}});
  }
  if (static_cast<int64_t>(checkpoint.state().size()) > kMaxStateBytes) {
    return sync::InvalidRequest({{"checkpoint.state", "must have at most 3 MiB"}});
  }
  return absl::OkStatus();
}

}  // namespace syncline::rpc
