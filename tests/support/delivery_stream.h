// A stream whose records follow from their offsets, so that the expected contents of its table
// follow from the number of records sent. Used by the fault tests.
//
// Record `offset` is {"id", "version": offset, "name": "<kRecordMark> <generation> <offset>"}; `id`
// is the offset, or the offset modulo `keys` in a deduplicated stream, where the newest version
// wins.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::testing {

// Part of every record. Must not appear in any log line or error.
inline constexpr char kRecordMark[] = "name-of-a-private-record";

enum class DeliveryMode { kAppend, kDedup, kReplace, kDedupReplace };

struct DeliveryStream {
  std::string sync_id;
  std::string schema;
  std::string table;
  DeliveryMode mode = DeliveryMode::kAppend;
  int64_t records = 0;
  int64_t generation = 1;  // of a replace, also its minimum
  int64_t keys = 97;       // of a deduplicated stream
  v1::ReplaceStrategy strategy = v1::REPLACE_STRATEGY_UNSPECIFIED;  // of a replace

  bool deduplicates() const {
    return mode == DeliveryMode::kDedup || mode == DeliveryMode::kDedupReplace;
  }
  bool replaces() const {
    return mode == DeliveryMode::kReplace || mode == DeliveryMode::kDedupReplace;
  }

  v1::StreamDescriptor Descriptor() const;
  v1::StartSyncRequest Start() const;
  v1::StreamRecordsRequest Header() const;
  // Records begin..end-1.
  v1::StreamRecordsRequest Batch(int64_t begin, int64_t end) const;
  // Covers the records below `offset`.
  v1::StreamRecordsRequest Checkpoint(int64_t offset) const;
  static constexpr char kCheckpointPrefix[] = "at ";
  static std::string CheckpointId(int64_t offset);
  // Expects all records.
  v1::CompleteStreamRequest Completion() const;

  // schema."table"
  std::string Table() const;
  // Selects the rows (id, version, name) that the table must hold once `published` records are
  // published.
  std::string ExpectedRowsSql(int64_t published) const;
  std::string ExpectedRowsSql() const { return ExpectedRowsSql(records); }
};

}  // namespace syncline::testing
