// Named errors of the ledger.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::postgres {

// NOT_FOUND UNKNOWN_SYNC.
absl::Status UnknownSync(absl::string_view sync_id);
// FAILED_PRECONDITION STREAM_COMPLETED: the stream accepts no more records.
absl::Status StreamCompleted();
// FAILED_PRECONDITION SYNC_CANCELLED.
absl::Status SyncCancelled();
// ABORTED FENCED: another call took over the writer, or the stream was completed or cancelled.
absl::Status Fenced(absl::string_view writer_id);
// ABORTED FENCED: another call has opened the writer since the caller read its epoch.
absl::Status OpenedSince(absl::string_view writer_id);
// ABORTED CLAIM_LOST, with RetryInfo: a crash of the database lost the claim, and no other call
// took over.
absl::Status ClaimLost(absl::string_view writer_id);
// FAILED_PRECONDITION SCHEMA_CHANGED: an extension of the sync has changed the type of a column
// since the call was opened.
absl::Status ColumnsChanged(absl::string_view writer_id);
// ABORTED SUPERSEDED: the stream was cancelled, or finished by another call, while it was being
// finalized.
absl::Status Superseded();

}  // namespace syncline::postgres
