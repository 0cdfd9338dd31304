// Gathers record lines into StreamRecords batches of the size that loads fastest.
//
// One thread. A line over the server's record limit is cut to just above it: the server then
// rejects that one record, keeps its beginning, and loads its neighbours, where the whole line
// would fail the call.
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

  // Whether a line of `bytes` still belongs into this batch. Always, when it is empty.
  bool HasRoomFor(size_t bytes) const {
    return records_ == 0 || lines_->size() + bytes + 1 <= batch_bytes_;
  }

  // Adds a record that the caller cannot read, for the server to reject with `reason`. For kJsonl.
  void AppendUnreadable(absl::string_view line, absl::string_view reason);

  // Adds one record; `line` without its '\n'.
  void Append(absl::string_view line) {
    if (line.size() > max_record_bytes_) line = line.substr(0, max_record_bytes_ + 1);
    if (lines_ == nullptr) Begin();
    lines_->append(line.data(), line.size());
    lines_->push_back('\n');
    ++records_;
  }

  // The batch, without its offset; those of unreadable records count from the batch's first one.
  // The builder is empty then.
  std::unique_ptr<v1::StreamRecordsRequest> Take();

 private:
  void Begin();

  const Payload payload_;
  size_t batch_bytes_;
  size_t max_record_bytes_;
  std::unique_ptr<v1::StreamRecordsRequest> request_;
  std::string* lines_ = nullptr;  // within request_
  int64_t records_ = 0;
};

}  // namespace syncline::client
