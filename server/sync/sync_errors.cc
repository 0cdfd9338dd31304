#include "server/sync/sync_errors.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/reasons.h"

namespace syncline::sync {

absl::Status InvalidRequest(std::vector<FieldViolation> violations, absl::string_view reason) {
  std::string message = "the request is not valid";
  if (!violations.empty()) {
    absl::StrAppend(&message, ": ", violations.front().field, " ", violations.front().description);
    if (violations.size() > 1) absl::StrAppend(&message, " (and ", violations.size() - 1, " more)");
  }
  return MakeError(absl::StatusCode::kInvalidArgument, message,
                   {.reason = std::string(reason), .violations = std::move(violations)});
}

absl::Status HybridRefresh(absl::string_view stream) {
  return MakeError(
      absl::StatusCode::kUnimplemented,
      absl::StrCat("stream \"", stream,
                   "\": a minimum generation between 0 and the generation would keep "
                   "a part of the table, which is not supported"),
      {.reason = reason::kHybridRefresh, .metadata = {{"stream", std::string(stream)}}});
}

absl::Status OffsetGap(int64_t expected, int64_t got) {
  return MakeError(absl::StatusCode::kOutOfRange,
                   absl::StrCat("records are missing: the next record is ", expected,
                                ", but the batch begins at ", got),
                   {.reason = reason::kOffsetGap,
                    .metadata = {{"expected_offset", absl::StrCat(expected)},
                                 {"first_offset", absl::StrCat(got)}}});
}

absl::Status TakenOver(absl::string_view writer_id) {
  return MakeError(
      absl::StatusCode::kAborted,
      absl::StrCat("another call took over the writer \"", writer_id, "\""),
      {.reason = reason::kFenced, .metadata = {{"writer_id", std::string(writer_id)}}});
}

absl::Status SyncWasCancelled() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "the sync was cancelled",
                   {.reason = reason::kSyncCancelled});
}

absl::Status ProtocolOrder(absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, what, {.reason = reason::kProtocolOrder});
}

absl::Status NotStarted(absl::string_view sync_id) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("StartSync of \"", sync_id, "\" has not finished; send it again"),
                   {.reason = reason::kProtocolOrder});
}

absl::Status PlanVersionUnknown(int64_t version, int64_t newest) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the stream has no plan of version ", version,
                                "; the newest version is ", newest),
                   {.reason = reason::kPlanVersionUnknown,
                    .metadata = {{"newest_version", absl::StrCat(newest)}}});
}

absl::Status Draining() {
  // Longer than most drains take, including the last second, in which gRPC refuses calls without a
  // reason. So the next attempt reaches another server, or this one after its restart.
  return MakeError(absl::StatusCode::kUnavailable, "the server is stopping",
                   {.reason = reason::kDraining, .retry_after = absl::Seconds(2)});
}

absl::Status LockedOut(const TableName& table) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("another session locks ", table.ToString(),
                                ", and the memory of the records that wait for it is needed; those "
                                "that are not durable were dropped"),
                   {.reason = reason::kLockNotAvailable,
                    .subject = table.ToString(),
                    .retry_after = absl::Seconds(5)});
}

absl::Status NoHeader() {
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   "the call sent no complete header within 10 s", {.reason = reason::kNoHeader});
}

absl::Status IdleCall() {
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   "the call sent nothing for as long as --idle_timeout allows",
                   {.reason = reason::kIdleCall, .retry_after = absl::Seconds(1)});
}

absl::Status CallerGone() {
  return MakeError(absl::StatusCode::kCancelled, "the caller cancelled the call or disconnected",
                   {.reason = reason::kCallerGone});
}

absl::Status CallDeadlinePassed() {
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   "the call's deadline passed before its work ended; the work was rolled back",
                   {.reason = reason::kCallDeadline, .retry_after = absl::Seconds(1)});
}

absl::Status TooManyRejected(int64_t limit) {
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("more than ", limit, " records were rejected"),
      {.reason = reason::kTooManyRejected, .metadata = {{"limit", absl::StrCat(limit)}}});
}

absl::Status RecordsAfterCompletion() {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "the stream has ended, and a record after its durable offset was sent",
                   {.reason = reason::kStreamCompleted});
}

}  // namespace syncline::sync
