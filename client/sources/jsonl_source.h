// JSON lines as they are; lines of nothing but white space are no records.
#pragma once

#include "client/sources/record_source.h"

namespace syncline::client {

class JsonlSource : public RecordSource {
 public:
  // `reader` must outlive the source.
  explicit JsonlSource(LineReader* reader) : reader_(reader) {}

  absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) override;
  int64_t bytes() const override { return reader_->bytes(); }

 private:
  LineReader* const reader_;
};

// Calls `visit` for each line of `lines` that is not blank.
absl::Status ForEachRecordLine(absl::string_view lines, RecordSource::Sink visit);

}  // namespace syncline::client
