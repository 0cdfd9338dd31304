// The FILE of `syncline load`: opens it, surveys it and reads its records. For use by one thread.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/sources/input_survey.h"
#include "client/sources/line_reader.h"
#include "client/sources/record_source.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

class LoadInput {
 public:
  // Opens the file that `command_line` names. Errors: NOT_FOUND if it cannot be opened,
  // INVALID_ARGUMENT if it is a directory.
  static absl::StatusOr<std::unique_ptr<LoadInput>> Open(const CommandLine& command_line);
  ~LoadInput();

  // Returns whether the input is a regular file, which can be read more than once.
  bool rereadable() const { return rereadable_; }
  const InputFormat& format() const { return format_; }

  // Examines a regular file up to --infer_bytes, and the first --infer_records records of other
  // input. With `only_head`, examines only the first records of any input. Errors: those of
  // SurveyInput.
  absl::StatusOr<InputSurvey> Survey(bool only_head);

  // Returns the file's size and the SHA-256 of its first and last MiB, or an empty string if the
  // input is not a regular file.
  absl::StatusOr<std::string> Digest() const;

  // Returns a source of the records, beginning with the first, for the columns of `plan`. If the
  // input is not rereadable, call it once. The input must outlive the source. A further call
  // invalidates the earlier source.
  absl::StatusOr<std::unique_ptr<RecordSource>> OpenRecords(const v1::StreamPlan& plan);

 private:
  LoadInput(const CommandLine& command_line, int fd);

  absl::Status Rewind();

  const int fd_;
  const int64_t infer_bytes_;
  const int64_t infer_records_;
  bool rereadable_ = false;
  InputFormat format_;
  std::unique_ptr<LineReader> reader_;
};

}  // namespace syncline::client
