#include "server/postgres/ledger/ledger_errors.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"

namespace syncline::postgres {

absl::Status UnknownSync(absl::string_view sync_id) {
  return MakeError(
      absl::StatusCode::kNotFound, absl::StrCat("no sync has the id \"", sync_id, "\""),
      {.reason = reason::kUnknownSync, .metadata = {{"sync_id", std::string(sync_id)}}});
}

absl::Status StreamCompleted() {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "the stream is complete and accepts no more records",
                   {.reason = reason::kStreamCompleted});
}

absl::Status SyncCancelled() {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "the stream was cancelled, or a newer sync of its table took over",
                   {.reason = reason::kSyncCancelled});
}

absl::Status Fenced(absl::string_view writer_id) {
  return MakeError(
      absl::StatusCode::kAborted,
      absl::StrCat("another call took over the writer \"", writer_id,
                   "\", or its stream has ended"),
      {.reason = reason::kFenced, .metadata = {{"writer_id", std::string(writer_id)}}});
}

absl::Status OpenedSince(absl::string_view writer_id) {
  return MakeError(
      absl::StatusCode::kAborted,
      absl::StrCat("another call has opened the writer \"", writer_id,
                   "\" since the header's expected_epoch was read"),
      {.reason = reason::kFenced, .metadata = {{"writer_id", std::string(writer_id)}}});
}

absl::Status ClaimLost(absl::string_view writer_id) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("the database crashed and lost the claim of this call on "
                                "the writer \"",
                                writer_id, "\""),
                   {.reason = reason::kClaimLost,
                    .metadata = {{"writer_id", std::string(writer_id)}},
                    .retry_after = absl::Seconds(1)});
}

absl::Status ColumnsChanged(absl::string_view writer_id) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      "the sync was extended, which changed the type of a column, since the call was "
      "opened; open another one",
      {.reason = reason::kSchemaChanged, .metadata = {{"writer_id", std::string(writer_id)}}});
}

absl::Status Superseded() {
  return MakeError(absl::StatusCode::kAborted,
                   "a newer sync of the table took over while the stream was being finalized, or "
                   "another call ended it",
                   {.reason = reason::kSuperseded, .retry_after = absl::Seconds(1)});
}

}  // namespace syncline::postgres
