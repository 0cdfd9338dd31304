// The FILE of `syncline load`: opening it, looking it over, and reading its records. One thread.
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
  // Opens the file that `command_line` names. NOT_FOUND or INVALID_ARGUMENT when that fails.
  static absl::StatusOr<std::unique_ptr<LoadInput>> Open(const CommandLine& command_line);
  ~LoadInput();

  // A regular file: it can be read more than once.
  bool rereadable() const { return rereadable_; }
  const InputFormat& format() const { return format_; }

  // Looks over the whole of a regular file, up to --infer_bytes, and over the head of other input:
  // --infer_records lines. `only_head`: over the head of any input. Errors as SurveyInput.
  absl::StatusOr<InputSurvey> Survey(bool only_head);

  // Size and SHA-256 of the first and last MiB; empty for what is not a regular file.
  absl::StatusOr<std::string> Digest() const;

  // The records from the first one on, for the columns of `plan`; they begin once only when the
  // input is not rereadable. The input must outlive the source, which ends an earlier one.
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
