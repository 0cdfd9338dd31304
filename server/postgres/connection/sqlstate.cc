#include "server/postgres/connection/sqlstate.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/postgres/connection/remote_error.h"

namespace syncline::postgres {
namespace {

constexpr absl::string_view kMetadataKey = "sqlstate";
constexpr absl::string_view kInternalError = "XX000";
constexpr absl::string_view kNullNotAllowed = "22004";
// Marks an error of a statement that creates an object: another session may have created it at the
// same time.
constexpr absl::string_view kRaceKey = "created_meanwhile";

struct Entry {
  absl::string_view state;  // five characters: a code; two characters: a class
  absl::StatusCode code;
  const char* reason;
  int retry_after_ms = 0;  // 0: a retry does not help
};

using absl::StatusCode;

constexpr Entry kExact[] = {
    // In binary COPY this means that the type of a column has changed.
    {"22P03", StatusCode::kFailedPrecondition, reason::kSchemaChanged},
    {"23502", StatusCode::kInvalidArgument, reason::kNullValue},
    {"25006", StatusCode::kUnavailable, reason::kDbReadOnly, 5000},
    {"25P03", StatusCode::kUnavailable, reason::kDbUnreachable, 1000},
    {"25P04", StatusCode::kDeadlineExceeded, reason::kTransactionTimeout, 1000},
    {"2BP01", StatusCode::kFailedPrecondition, reason::kDependentObjects},
    {"3D000", StatusCode::kFailedPrecondition, reason::kDbMissing},
    {"3F000", StatusCode::kFailedPrecondition, reason::kSchemaChanged},
    {"40001", StatusCode::kAborted, reason::kConflict, 100},
    {"40003", StatusCode::kUnavailable, reason::kCommitUnknown, 1000},
    {"40P01", StatusCode::kAborted, reason::kConflict, 100},
    {"42501", StatusCode::kPermissionDenied, reason::kDbPermissionDenied},
    {"42602", StatusCode::kInvalidArgument, reason::kInvalidName},
    {"42622", StatusCode::kInvalidArgument, reason::kInvalidName},
    {"42701", StatusCode::kAlreadyExists, reason::kObjectExists},
    {"42703", StatusCode::kFailedPrecondition, reason::kSchemaChanged},
    {"42704", StatusCode::kFailedPrecondition, reason::kSchemaChanged},
    {"42710", StatusCode::kAlreadyExists, reason::kObjectExists},
    {"42804", StatusCode::kFailedPrecondition, reason::kSchemaChanged},
    {"42809", StatusCode::kFailedPrecondition, reason::kWrongObjectType},
    {"42939", StatusCode::kInvalidArgument, reason::kInvalidName},
    {"42P01", StatusCode::kFailedPrecondition, reason::kSchemaChanged},
    {"42P06", StatusCode::kAlreadyExists, reason::kObjectExists},
    {"42P07", StatusCode::kAlreadyExists, reason::kObjectExists},
    {"53100", StatusCode::kResourceExhausted, reason::kDiskFull, 30000},
    {"53200", StatusCode::kResourceExhausted, reason::kOutOfMemory, 5000},
    {"53300", StatusCode::kUnavailable, reason::kTooManyConnections, 1000},
    {"53400", StatusCode::kResourceExhausted, reason::kDbLimitExceeded, 5000},
    {"55006", StatusCode::kAborted, reason::kObjectInUse, 1000},
    {"55P03", StatusCode::kAborted, reason::kLockNotAvailable, 1000},
    {"57014", StatusCode::kDeadlineExceeded, reason::kStatementTimeout, 1000},
    {"57P01", StatusCode::kUnavailable, reason::kDbShutdown, 1000},
    {"57P02", StatusCode::kUnavailable, reason::kDbCrashed, 1000},
    {"57P03", StatusCode::kUnavailable, reason::kDbStarting, 1000},
    {"57P04", StatusCode::kFailedPrecondition, reason::kDbMissing},
    {"57P05", StatusCode::kUnavailable, reason::kDbUnreachable, 1000},
    {"XX001", StatusCode::kDataLoss, reason::kDataCorrupted},
    {"XX002", StatusCode::kDataLoss, reason::kIndexCorrupted},
};

constexpr Entry kClasses[] = {
    {"08", StatusCode::kUnavailable, reason::kDbUnreachable, 1000},
    {"0A", StatusCode::kFailedPrecondition, reason::kFeatureNotSupported},
    {"22", StatusCode::kInvalidArgument, reason::kInvalidValue},
    {"23", StatusCode::kFailedPrecondition, reason::kConstraintViolated},
    {"28", StatusCode::kFailedPrecondition, reason::kDbAuth},
    {"40", StatusCode::kAborted, reason::kConflict, 100},
    {"44", StatusCode::kFailedPrecondition, reason::kConstraintViolated},
    {"53", StatusCode::kResourceExhausted, reason::kDbResources, 5000},
    {"54", StatusCode::kInvalidArgument, reason::kLimitExceeded},
    {"55", StatusCode::kFailedPrecondition, reason::kObjectNotReady},
    {"57", StatusCode::kUnavailable, reason::kDbIntervention, 1000},
    {"58", StatusCode::kUnavailable, reason::kDbSystemError, 5000},
    {"P0", StatusCode::kFailedPrecondition, reason::kRejectedByDatabase},
};

constexpr Entry kDefault = {"", StatusCode::kInternal, reason::kDbError};
// A user's cancel and the timeout share 57014; only the message distinguishes them.
constexpr Entry kCancelled = {"57014", StatusCode::kCancelled, reason::kStatementCancelled, 1000};

constexpr Entry kUnknown = {"", StatusCode::kUnavailable, reason::kCommitUnknown, 1000};

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
  if (sqlstate != kInternalError) {
    return Make(Find(sqlstate, message), sqlstate, RedactValues(sqlstate, message));
  }
  const RemoteError remote = ReadRemoteError(message);
  if (!remote.sqlstate.empty()) sqlstate = remote.sqlstate;
  const absl::Status status = Make(Find(sqlstate, message), sqlstate, message);
  return remote.constraint.empty() ? status : WithMetadata(status, "constraint", remote.constraint);
}

bool IsInvalidQuery(absl::string_view sqlstate) {
  return sqlstate != "42501" &&
         (absl::StartsWith(sqlstate, "42") || absl::StartsWith(sqlstate, "3F"));
}

absl::Status InvalidFunction(absl::string_view sqlstate, absl::string_view message) {
  static constexpr Entry kFunction = {"", StatusCode::kFailedPrecondition,
                                      reason::kRejectedByDatabase};
  return Make(
      kFunction, sqlstate,
      absl::StrCat("a trigger or function in the database failed: ", message,
                   "; the server's sessions have an empty search path: write its names with "
                   "their schemas, or run ALTER FUNCTION ... SET search_path"));
}

absl::Status DatabaseUnreachable(absl::string_view message) {
  static constexpr Entry kUnreachable = {"", StatusCode::kUnavailable, reason::kDbUnreachable,
                                         1000};
  return Make(kUnreachable, "", message);
}

absl::Status DatabaseAuthFailed(absl::string_view message) {
  static constexpr Entry kAuth = {"", StatusCode::kFailedPrecondition, reason::kDbAuth};
  return Make(kAuth, "", message);
}

absl::Status CommitUnknown() {
  return Make(kUnknown, "", "the connection to the database was lost during COMMIT");
}

absl::Status CommitNotConfirmed() {
  return Make(
      kUnknown, "",
      "the wait of a COMMIT for a synchronous standby was cancelled, so a failover may lose "
      "the transaction");
}

bool LacksDistributionKey(const absl::Status& status) {
  return GetSqlState(status) == kNullNotAllowed &&
         absl::StrContains(status.message(), "the partition column");
}

std::string GetSqlState(const absl::Status& status) {
  for (const auto& [key, value] : GetDetail(status).metadata) {
    if (key == kMetadataKey) return value;
  }
  return "";
}

bool EndsSession(absl::string_view sqlstate) {
  return absl::StartsWith(sqlstate, "08") || absl::StartsWith(sqlstate, "57P") ||
         sqlstate == "25P03" || sqlstate == "25P04" || sqlstate == "25006";
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
