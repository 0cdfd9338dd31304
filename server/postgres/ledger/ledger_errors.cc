#include "server/postgres/ledger/ledger_errors.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace syncline::postgres {

absl::Status UnknownSync(absl::string_view sync_id) {
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("no sync has the id \"", sync_id, "\""),
                   {.reason = "UNKNOWN_SYNC", .metadata = {{"sync_id", std::string(sync_id)}}});
}

absl::Status StreamCompleted() {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "the stream is complete and accepts no more records",
                   {.reason = "STREAM_COMPLETED"});
}

absl::Status SyncCancelled() {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "the stream was cancelled, or a newer sync of its table took over",
                   {.reason = "SYNC_CANCELLED"});
}

absl::Status Fenced(absl::string_view writer_id) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("another call took over the writer \"", writer_id,
                                "\", or its stream has ended"),
                   {.reason = "FENCED", .metadata = {{"writer_id", std::string(writer_id)}}});
}

absl::Status ClaimLost(absl::string_view writer_id) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("the database crashed and lost the claim of this call on "
                                "the writer \"",
                                writer_id, "\""),
                   {.reason = "CLAIM_LOST",
                    .metadata = {{"writer_id", std::string(writer_id)}},
                    .retry_after = absl::Seconds(1)});
}

absl::Status Superseded() {
  return MakeError(absl::StatusCode::kAborted,
                   "a newer sync of the table took over while the stream was being finalized, or "
                   "another call ended it",
                   {.reason = "SUPERSEDED", .retry_after = absl::Seconds(1)});
}

}  // namespace syncline::postgres
