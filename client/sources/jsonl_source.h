// Passes JSON lines on, unchanged unless columns are renamed or left out. Lines of only white space
// are not records.
#pragma once

#include <optional>

#include "client/record_mapper.h"
#include "client/sources/record_source.h"

namespace syncline::client {

class JsonlSource : public RecordSource {
 public:
  // `reader` and `mapping`, which may be null, must outlive the source.
  explicit JsonlSource(LineReader* reader, const ColumnMapping* mapping = nullptr);

  absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) override;
  int64_t bytes() const override { return reader_->bytes(); }
  bool ends_inside_record() const override { return cut_; }

 private:
  LineReader* const reader_;
  std::optional<RecordMapper> mapper_;
  int64_t lines_ = 0;
  bool cut_ = false;  // the last line has no line break and is not an object
};

// Calls `visit` for each line of `lines` that is not blank. `*line_number` is the number of the
// line before the first one and is advanced. Errors: those of `visit`, which end the loop.
absl::Status ForEachRecordLine(absl::string_view lines, int64_t* line_number,
                               RecordSource::Sink visit);

}  // namespace syncline::client
