// Named errors of running syncs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/model/table_name.h"

namespace syncline::sync {

// INVALID_ARGUMENT with the first 20 of the violations found; `reason` if they are all of one kind.
absl::Status InvalidRequest(std::vector<FieldViolation> violations,
                            absl::string_view reason = reason::kInvalidRequest);
// UNIMPLEMENTED HYBRID_REFRESH: 0 < minimum generation < generation.
absl::Status HybridRefresh(absl::string_view stream);
// OUT_OF_RANGE OFFSET_GAP; metadata expected_offset.
absl::Status OffsetGap(int64_t expected, int64_t got);
// ABORTED FENCED: a newer call in this process took the writer over.
absl::Status TakenOver(absl::string_view writer_id);
// FAILED_PRECONDITION SYNC_CANCELLED: CancelSync ended the sync under an open call.
absl::Status SyncWasCancelled();
// FAILED_PRECONDITION PROTOCOL_ORDER: a message arrived before or after its turn.
absl::Status ProtocolOrder(absl::string_view what);
// FAILED_PRECONDITION PROTOCOL_ORDER: StartSync was interrupted and must be sent again.
absl::Status NotStarted(absl::string_view sync_id);
// UNAVAILABLE DRAINING with RetryInfo: the server is stopping.
absl::Status Draining();
// FAILED_PRECONDITION PLAN_VERSION_UNKNOWN: the stream has no plan of that version; metadata
// newest_version.
absl::Status PlanVersionUnknown(int64_t version, int64_t newest);
// ABORTED LOCK_NOT_AVAILABLE with RetryInfo: another session has locked the table for long, and
// other calls need the memory of the call's records.
absl::Status LockedOut(const TableName& table);
// DEADLINE_EXCEEDED NO_HEADER: a call sent no header in time.
absl::Status NoHeader();
// DEADLINE_EXCEEDED IDLE_CALL with RetryInfo: a call was silent for longer than --idle_timeout.
absl::Status IdleCall();
// CANCELLED CALLER_GONE: the caller cancelled the call, or its connection broke.
absl::Status CallerGone();
// DEADLINE_EXCEEDED CALL_DEADLINE with RetryInfo: the call's deadline passed before its request
// arrived or before its work ended.
absl::Status CallDeadlinePassed();
// FAILED_PRECONDITION STREAM_COMPLETED: records that are not durable were sent after the
// completion.
absl::Status RecordsAfterCompletion();
// RESOURCE_EXHAUSTED TOO_MANY_REJECTED: the stream has more rejected records than --max_rejected.
absl::Status TooManyRejected(int64_t limit);

}  // namespace syncline::sync
