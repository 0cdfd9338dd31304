// Named errors of starting and completing streams.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/publish_guard.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"

namespace syncline::write {

// INVALID_ARGUMENT SYNC_ID_REUSED: the id was already used for a different request.
absl::Status SyncIdReused(absl::string_view sync_id);
// UNAVAILABLE START_IN_PROGRESS with RetryInfo: another call starts or cancels the same sync.
absl::Status StartInProgress(absl::string_view sync_id);
// INVALID_ARGUMENT INPUT_CHANGED: the sync was started with a different input_digest.
absl::Status InputChanged(absl::string_view sync_id);
// INVALID_ARGUMENT INVALID_REQUEST: another stream of the request loads the table of a table_name.
absl::Status TableNamedTwice(const TableName& table);
// INVALID_ARGUMENT INVALID_REQUEST: the sync would have more than `limit` streams.
absl::Status TooManyStreamsOfSync(int limit);
// INVALID_ARGUMENT PLAN_CHANGED: an extension would change `field`, which is fixed for the stream.
absl::Status PlanChanged(const StreamDescriptor& stream, absl::string_view field);
// FAILED_PRECONDITION STREAMS_OPEN: the sync cannot finish yet; metadata `streams`.
absl::Status StreamsOpen(absl::string_view sync_id, const std::vector<std::string>& streams);
// FAILED_PRECONDITION STALE_GENERATION; metadata current_generation_id.
absl::Status StaleGeneration(const TableName& table, int64_t requested, int64_t current);
// FAILED_PRECONDITION SCHEMA_MISSING: the schema does not exist, and the request forbids to create
// it.
absl::Status SchemaMissing(absl::string_view schema);
// FAILED_PRECONDITION TABLE_OWNED. The error does not disclose the owner.
absl::Status TableOwned(const TableName& table);
// FAILED_PRECONDITION TARGET_INCOMPATIBLE; metadata column: completion is to set the column, of
// `type`, to the current time.
absl::Status ColumnTakesNoTime(const TableName& table, absl::string_view column,
                               absl::string_view type);
// FAILED_PRECONDITION WRITERS_ACTIVE with RetryInfo; metadata writer_ids.
absl::Status WritersActive(const std::vector<std::string>& writer_ids);
// ABORTED LOCK_NOT_AVAILABLE with RetryInfo: the writer cannot be opened while an earlier call of
// it commits or its stream is being completed.
absl::Status WriterBusy(absl::string_view writer_id);
// FAILED_PRECONDITION COUNT_MISMATCH; metadata expected_records, committed_records.
absl::Status CountMismatch(int64_t expected, int64_t committed);
// FAILED_PRECONDITION OFFSETS_MISSING: records after a gap are committed, those in the gap are not.
absl::Status OffsetsMissing(const std::vector<std::string>& writer_ids);
// FAILED_PRECONDITION PUBLISH_GUARD: a condition of the guard does not hold; every figure is in the
// message and in the metadata.
absl::Status PublishGuardRefuses(const TableName& table, const std::vector<GuardResult>& results);
// FAILED_PRECONDITION ALL_REJECTED: a replace of which every record was rejected.
absl::Status AllRejected(const TableName& table, int64_t rejected);
// INVALID_ARGUMENT INVALID_REQUEST: `keep_earlier` for a table without raw ids.
absl::Status RowsNotDistinguished(const TableName& table);
// NOT_FOUND UNKNOWN_SYNC, also for a sync that the caller may not see.
absl::Status UnknownSync(absl::string_view sync_id);
// NOT_FOUND UNKNOWN_STREAM.
absl::Status UnknownStream(const StreamDescriptor& descriptor);

// Returns whether `status`, with which the start of one stream failed, concerns only that stream
// and would be the same after another attempt. With allow_partial the other streams then start.
bool ConcernsOneStream(const absl::Status& status);

}  // namespace syncline::write
