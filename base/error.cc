#include "base/error.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace syncline {
namespace {

// Limits of what a caller can make a status hold, because it is encoded again with each change.
constexpr size_t kMaxViolations = 20;
constexpr size_t kMaxTextBytes = 512;

constexpr char kPayloadUrl[] = "syncline/ErrorDetail";

// The payload is a list of netstrings "<length>:<bytes>", so that a value may contain any byte.
void PutString(absl::string_view value, std::string* out) {
  absl::StrAppend(out, value.size(), ":", value);
}

bool TakeString(absl::string_view* in, std::string* value) {
  const size_t colon = in->find(':');
  size_t length = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(in->substr(0, colon), &length)) {
    return false;
  }
  in->remove_prefix(colon + 1);
  if (in->size() < length) return false;
  *value = std::string(in->substr(0, length));
  in->remove_prefix(length);
  return true;
}

std::string Encode(const ErrorDetail& detail) {
  std::string out;
  PutString(detail.reason, &out);
  PutString(detail.subject, &out);
  PutString(detail.retry_after.has_value()
                ? absl::StrCat(absl::ToInt64Milliseconds(*detail.retry_after))
                : "",
            &out);
  PutString(absl::StrCat(detail.metadata.size()), &out);
  for (const auto& [key, value] : detail.metadata) {
    PutString(key, &out);
    PutString(value, &out);
  }
  const size_t violations = std::min(detail.violations.size(), kMaxViolations);
  for (size_t i = 0; i < violations; ++i) {
    PutString(ToUtf8(detail.violations[i].field, kMaxTextBytes), &out);
    PutString(ToUtf8(detail.violations[i].description, kMaxTextBytes), &out);
  }
  return out;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                       const ErrorDetail& detail) {
  absl::Status status(code, message);
  status.SetPayload(kPayloadUrl, absl::Cord(Encode(detail)));
  return status;
}

ErrorDetail GetDetail(const absl::Status& status) {
  ErrorDetail detail;
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return detail;
  const std::string bytes(*payload);
  absl::string_view in(bytes);
  std::string retry_ms;
  std::string metadata_count;
  if (!TakeString(&in, &detail.reason) || !TakeString(&in, &detail.subject) ||
      !TakeString(&in, &retry_ms) || !TakeString(&in, &metadata_count)) {
    return detail;
  }
  int64_t milliseconds = 0;
  if (absl::SimpleAtoi(retry_ms, &milliseconds)) {
    detail.retry_after = absl::Milliseconds(milliseconds);
  }
  size_t count = 0;
  if (!absl::SimpleAtoi(metadata_count, &count)) return detail;
  std::string first;
  std::string second;
  while (TakeString(&in, &first) && TakeString(&in, &second)) {
    if (detail.metadata.size() < count) {
      detail.metadata.emplace_back(first, second);
    } else {
      detail.violations.push_back({first, second});
    }
  }
  return detail;
}

std::string GetReason(const absl::Status& status) { return GetDetail(status).reason; }

absl::Status WithMetadata(const absl::Status& status, absl::string_view key,
                          absl::string_view value) {
  if (status.ok()) return status;
  ErrorDetail detail = GetDetail(status);
  detail.metadata.emplace_back(key, value);
  return MakeError(status.code(), status.message(), detail);
}

absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return MakeError(status.code(), absl::StrCat(context, ": ", status.message()), GetDetail(status));
}

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || GetDetail(status).retry_after.has_value();
}

}  // namespace syncline
