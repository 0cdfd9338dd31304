#include "server/postgres/connection/sqlstate.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/error.h"

namespace syncline::postgres {
namespace {

constexpr absl::string_view kMetadataKey = "sqlstate";
// Marks an error of a statement that creates an object: another session may have created it at the
// same time.
constexpr absl::string_view kRaceKey = "created_meanwhile";

struct Entry {
  absl::string_view state;  // five characters: a code; two characters: a class
  absl::StatusCode code;
  absl::string_view reason;
  int retry_after_ms = 0;  // 0: a retry does not help
};

using absl::StatusCode;

constexpr Entry kExact[] = {
    // In binary COPY this means that the type of a column has changed.
    {"22P03", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"},
    {"23502", StatusCode::kInvalidArgument, "NULL_VALUE"},
    {"25006", StatusCode::kUnavailable, "DB_READ_ONLY", 5000},
    {"25P03", StatusCode::kUnavailable, "DB_UNREACHABLE", 1000},
    {"2BP01", StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"},
    {"3D000", StatusCode::kFailedPrecondition, "DB_MISSING"},
    {"3F000", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"},
    {"40001", StatusCode::kAborted, "CONFLICT", 100},
    {"40003", StatusCode::kUnavailable, "COMMIT_UNKNOWN", 1000},
    {"40P01", StatusCode::kAborted, "CONFLICT", 100},
    {"42501", StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED"},
    {"42602", StatusCode::kInvalidArgument, "INVALID_NAME"},
    {"42622", StatusCode::kInvalidArgument, "INVALID_NAME"},
    {"42701", StatusCode::kAlreadyExists, "OBJECT_EXISTS"},
    {"42703", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"},
    {"42704", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"},
    {"42710", StatusCode::kAlreadyExists, "OBJECT_EXISTS"},
    {"42804", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"},
    {"42809", StatusCode::kFailedPrecondition, "WRONG_OBJECT_TYPE"},
    {"42939", StatusCode::kInvalidArgument, "INVALID_NAME"},
    {"42P01", StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"},
    {"42P06", StatusCode::kAlreadyExists, "OBJECT_EXISTS"},
    {"42P07", StatusCode::kAlreadyExists, "OBJECT_EXISTS"},
    {"53100", StatusCode::kResourceExhausted, "DISK_FULL", 30000},
    {"53200", StatusCode::kResourceExhausted, "OUT_OF_MEMORY", 5000},
    {"53300", StatusCode::kUnavailable, "TOO_MANY_CONNECTIONS", 1000},
    {"53400", StatusCode::kResourceExhausted, "DB_LIMIT_EXCEEDED", 5000},
    {"55006", StatusCode::kAborted, "OBJECT_IN_USE", 1000},
    {"55P03", StatusCode::kAborted, "LOCK_NOT_AVAILABLE", 1000},
    {"57014", StatusCode::kDeadlineExceeded, "STATEMENT_TIMEOUT", 1000},
    {"57P01", StatusCode::kUnavailable, "DB_SHUTDOWN", 1000},
    {"57P02", StatusCode::kUnavailable, "DB_CRASHED", 1000},
    {"57P03", StatusCode::kUnavailable, "DB_STARTING", 1000},
    {"57P04", StatusCode::kFailedPrecondition, "DB_MISSING"},
    {"57P05", StatusCode::kUnavailable, "DB_UNREACHABLE", 1000},
    {"XX001", StatusCode::kDataLoss, "DATA_CORRUPTED"},
    {"XX002", StatusCode::kDataLoss, "INDEX_CORRUPTED"},
};

constexpr Entry kClasses[] = {
    {"08", StatusCode::kUnavailable, "DB_UNREACHABLE", 1000},
    {"0A", StatusCode::kFailedPrecondition, "FEATURE_NOT_SUPPORTED"},
    {"22", StatusCode::kInvalidArgument, "INVALID_VALUE"},
    {"23", StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"},
    {"28", StatusCode::kFailedPrecondition, "DB_AUTH"},
    {"40", StatusCode::kAborted, "CONFLICT", 100},
    {"44", StatusCode::kFailedPrecondition, "CONSTRAINT_VIOLATED"},
    {"53", StatusCode::kResourceExhausted, "DB_RESOURCES", 5000},
    {"54", StatusCode::kInvalidArgument, "LIMIT_EXCEEDED"},
    {"55", StatusCode::kFailedPrecondition, "OBJECT_NOT_READY"},
    {"57", StatusCode::kUnavailable, "DB_INTERVENTION", 1000},
    {"58", StatusCode::kUnavailable, "DB_SYSTEM_ERROR", 5000},
    {"P0", StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"},
};

constexpr Entry kDefault = {"", StatusCode::kInternal, "DB_ERROR"};
// A user's cancel and the timeout share 57014; only the message distinguishes them.
constexpr Entry kCancelled = {"57014", StatusCode::kCancelled, "STATEMENT_CANCELLED"};

const Entry& Find(absl::string_view sqlstate, absl::string_view message) {
  if (sqlstate == kCancelled.state && absl::StrContains(message, "user request")) return kCancelled;
  for (const Entry& entry : kExact) {
    if (entry.state == sqlstate) return entry;
  }
  for (const Entry& entry : kClasses) {
    if (absl::StartsWith(sqlstate, entry.state)) return entry;
  }
  return kDefault;
}

// Returns `message` without values, which may be personal data. Errors of class 22 quote the
// invalid value in their primary message, and exceptions raised by code in the database may contain
// anything.
std::string RedactValues(absl::string_view sqlstate, absl::string_view message) {
  if (absl::StartsWith(sqlstate, "P0")) return kRaisedMessage;
  const size_t first = message.find('"');
  const size_t last = message.rfind('"');
  if (!absl::StartsWith(sqlstate, "22") || first == last) return std::string(message);
  return absl::StrCat(message.substr(0, first), "(value)", message.substr(last + 1));
}

absl::Status Make(const Entry& entry, absl::string_view sqlstate, absl::string_view message) {
  ErrorDetail detail;
  detail.reason = std::string(entry.reason);
  if (!sqlstate.empty()) detail.metadata.emplace_back(kMetadataKey, sqlstate);
  if (entry.retry_after_ms > 0) detail.retry_after = absl::Milliseconds(entry.retry_after_ms);
  return MakeError(entry.code, message, detail);
}

}  // namespace

absl::Status StatusFromSqlState(absl::string_view sqlstate, absl::string_view message) {
  return Make(Find(sqlstate, message), sqlstate, RedactValues(sqlstate, message));
}

absl::Status DatabaseUnreachable(absl::string_view message) {
  static constexpr Entry kUnreachable = {"", StatusCode::kUnavailable, "DB_UNREACHABLE", 1000};
  return Make(kUnreachable, "", message);
}

absl::Status DatabaseAuthFailed(absl::string_view message) {
  static constexpr Entry kAuth = {"", StatusCode::kFailedPrecondition, "DB_AUTH"};
  return Make(kAuth, "", message);
}

absl::Status CommitUnknown() {
  static constexpr Entry kUnknown = {"", StatusCode::kUnavailable, "COMMIT_UNKNOWN", 1000};
  return Make(kUnknown, "", "the connection to the database was lost during COMMIT");
}

std::string GetSqlState(const absl::Status& status) {
  for (const auto& [key, value] : GetDetail(status).metadata) {
    if (key == kMetadataKey) return value;
  }
  return "";
}

bool EndsSession(absl::string_view sqlstate) {
  return absl::StartsWith(sqlstate, "08") || absl::StartsWith(sqlstate, "57P") ||
         sqlstate == "25P03";
}

bool IsConflict(const absl::Status& status) {
  for (const auto& [key, value] : GetDetail(status).metadata) {
    if (key == kRaceKey) return true;
    if (key == kMetadataKey && (value == "40001" || value == "40P01")) return true;
  }
  return false;
}

absl::Status RetryIfCreated(const absl::Status& status) {
  const std::string sqlstate = GetSqlState(status);
  const bool in_catalog = sqlstate == "23505" && absl::StrContains(status.message(), "pg_");
  const bool race = sqlstate == "42P06" || sqlstate == "42P07" || sqlstate == "42710" || in_catalog;
  if (!race) return status;
  return WithMetadata(StatusFromSqlState(in_catalog ? "42710" : sqlstate, status.message()),
                      kRaceKey, "true");
}

absl::Status RetryIfVanished(const absl::Status& status) {
  if (status.ok()) return status;
  const std::string sqlstate = GetSqlState(status);
  const bool internal =
      sqlstate == "XX000" && (absl::StrContains(status.message(), "could not open relation") ||
                              absl::StrContains(status.message(), "cache lookup failed"));
  const bool vanished = internal || sqlstate == "42P01" || sqlstate == "42704";
  return vanished ? StatusFromSqlState("40001", status.message()) : status;
}

}  // namespace syncline::postgres
