// Collects record lines into StreamRecords batches of the size that the server recommends.
//
// A line that exceeds the server's record limit is truncated to one byte more than the limit. The
// server then rejects that record, keeps its beginning and loads the other records, whereas the
// whole line could fail the call. For use by one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

class RecordBatchBuilder {
 public:
  enum class Payload { kJsonl, kAirbyteJsonl };

  RecordBatchBuilder(Payload payload, const v1::Limits& limits);

  bool empty() const { return records_ == 0; }
  int64_t records() const { return records_; }
  int64_t bytes() const { return lines_ == nullptr ? 0 : static_cast<int64_t>(lines_->size()); }

  // Returns whether a line of `bytes` still fits into this batch. An empty batch takes any line.
  bool HasRoomFor(size_t bytes) const {
    return records_ == 0 || lines_->size() + bytes + 1 <= batch_bytes_;
  }

  // Adds a record that the caller cannot parse, for the server to reject with `reason`. Only for
  // kJsonl.
  void AppendUnreadable(absl::string_view line, absl::string_view reason);

  // Adds one record. `line` does not include '\n'.
  void Append(absl::string_view line) {
    if (line.size() > max_record_bytes_) line = line.substr(0, max_record_bytes_ + 1);
    if (lines_ == nullptr) Begin();
    lines_->append(line.data(), line.size());
    lines_->push_back('\n');
    ++records_;
  }

  // Remembers the end of the batch for TakeMarked, in place of an earlier mark. Take forgets it.
  // Only for kAirbyteJsonl.
  void Mark() {
    marked_records_ = records_;
    marked_bytes_ = static_cast<size_t>(bytes());
  }
  int64_t marked_records() const { return marked_records_; }
  int64_t marked_bytes() const { return static_cast<int64_t>(marked_bytes_); }

  // Returns the records before the mark, of which there must be at least one, as a batch, and keeps
  // the later ones.
  std::unique_ptr<v1::AppendRecordsRequest> TakeMarked();

  // Returns the batch and leaves the builder empty. The batch has no offset yet; the offsets of
  // unreadable records are relative to its first record.
  std::unique_ptr<v1::AppendRecordsRequest> Take();

 private:
  void Begin();

  const Payload payload_;
  size_t batch_bytes_;
  size_t max_record_bytes_;
  std::unique_ptr<v1::AppendRecordsRequest> request_;
  std::string* lines_ = nullptr;  // within request_
  int64_t records_ = 0;
  int64_t marked_records_ = 0;
  size_t marked_bytes_ = 0;
};

}  // namespace syncline::client
