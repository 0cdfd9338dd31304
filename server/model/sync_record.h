// A sync and its streams as the ledger has them: states, results, progress and errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/model/schema_change.h"
#include "server/model/stream_plan.h"
#include "server/model/value_counts.h"
#include "server/model/writer.h"

namespace syncline {

enum class SyncState {
  kStarting,   // StartSync is creating tables, or was interrupted while doing so
  kRunning,    // streams are loading
  kFinished,   // every stream has ended
  kCancelled,  // CancelSync ended it
};

enum class StreamState {
  kOpen,        // accepts records
  kFinalizing,  // CompleteStream was called and has not ended; records are refused
  kCompleted,   // ended with COMPLETE
  kIncomplete,  // ended with INCOMPLETE
  kCancelled,   // its sync was cancelled, or a newer sync of the same table took over
  kFailed,      // could not start; the sync's other streams load
};

// Returns whether CompleteStream has ended the stream, with a result in the ledger.
inline bool HasEnded(StreamState state) {
  return state == StreamState::kCompleted || state == StreamState::kIncomplete;
}

enum class StreamOutcome {
  kNone,
  kAppended,
  kSwapped,
  kMerged,
  kKeptForResume,
  kUnchanged,
  kReplacedInPlace,
};

// The result of a completed stream.
struct StreamResult {
  StreamOutcome outcome = StreamOutcome::kNone;
  int64_t rows = 0;
  StrategyChoice choice = {};  // of a replace
  int64_t marked_rows = 0;     // of older generations, marked as deleted
};

// A stream's entry in the ledger.
struct StreamEntry {
  StreamPlan plan;
  StreamState state = StreamState::kOpen;
  StreamResult result;
  int64_t records_written = 0;
  int64_t records_rejected = 0;
  int64_t bytes = 0;
  ValueCounts values;         // over all fields
  FieldCounts fields;         // by field; only those with the highest counts if there are many
  bool staged_alone = false;  // all rows of the staging table belong to this stream
  std::vector<WriterPosition> writers;
  std::vector<SchemaChange> changes;  // of the table's definition, by this sync
  std::vector<Warning> warnings;
  absl::Status error;  // for kFailed: why the stream could not start
  // The error of the latest call or completion. OK after a newer call, and once the stream has
  // ended.
  absl::Status last_error;
  absl::Time last_error_at;
};

// A sync's entry in the ledger.
struct SyncEntry {
  int64_t sync_no = 0;  // the ledger's key of the sync
  std::string sync_id;
  std::string connection_id;
  std::string owner;  // of the token that started the sync; empty if it has no owner
  std::string request_digest;
  std::string input_digest;  // identifies the caller's input; empty if the caller sent none
  SyncState state = SyncState::kStarting;
  absl::Time started_at;
  std::optional<absl::Time> finished_at;
  // When a writer was last opened or committed; initially when the sync started. Only in summaries.
  absl::Time last_progress_at;
  // The sync has not ended, but no caller works on it (SYNC_STATE_INTERRUPTED of the proto). Only
  // in summaries.
  bool interrupted = false;
  // Streams may be added, and the end of the last stream does not end the sync.
  bool extensible = false;
  std::vector<StreamEntry> streams;  // in the order of the request
};

}  // namespace syncline
