// Reads records from JSON arrays and from JSON values that follow each other, on any number of
// lines.
#pragma once

#include <optional>

#include "client/record_mapper.h"
#include "client/sources/json_splitter.h"
#include "client/sources/record_source.h"

namespace syncline::client {

class JsonSource : public RecordSource {
 public:
  // `reader`, which must not split lines, and `mapping` must outlive the source.
  JsonSource(LineReader* reader, const ColumnMapping* mapping);

  absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) override;
  int64_t bytes() const override { return reader_->bytes(); }
  // Always false: if the input ends inside a record, Next returns an error with its line.
  bool ends_inside_record() const override { return false; }

 private:
  absl::Status TakeRecord(const SourceRecord& record, Sink sink);

  LineReader* const reader_;
  std::optional<RecordMapper> mapper_;
  JsonSplitter splitter_;
  bool finished_ = false;
};

}  // namespace syncline::client
