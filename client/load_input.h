// One input of `syncline load`, a file or stdin: opens it, finds its format, surveys it and reads
// its records. For use by one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/input_options.h"
#include "client/sources/decoded_input.h"
#include "client/sources/input_survey.h"
#include "client/sources/line_reader.h"
#include "client/sources/record_source.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// All errors begin with the input's name.
class LoadInput {
 public:
  // Opens `file`, or stdin for "-", and reads its start. `options` must outlive the input. Errors:
  // NOT_FOUND if it cannot be opened, INVALID_ARGUMENT if it is a directory or cannot be read as
  // text in a known format, usage errors if the flags do not fit its format.
  static absl::StatusOr<std::unique_ptr<LoadInput>> Open(const std::string& file,
                                                         const InputOptions& options);
  ~LoadInput();

  // Returns the file's name, or "stdin".
  const std::string& name() const { return name_; }
  // Returns whether the input is a regular file, which can be read more than once.
  bool rereadable() const { return rereadable_; }
  // Returns the bytes of the stored file, and how many of them were read, if it is rereadable;
  // else 0.
  int64_t size() const { return size_; }
  int64_t position() const;
  const InputFormat& format() const { return format_; }

  // Examines a regular file up to --infer_bytes, and the first --infer_records records of other
  // input. With `only_head`, examines only the first records of any input. Errors: those of
  // SurveyInput, and text that is not UTF-8 unless --encoding states that it is.
  absl::StatusOr<InputSurvey> Survey(bool only_head);

  // Returns the size of the stored file and the SHA-256 of its first and last MiB, or an empty
  // string if the input is not a regular file.
  absl::StatusOr<std::string> Digest() const;

  // Returns a source of the records, beginning with the first, for the columns of `plan`. If the
  // input is not rereadable, call it once. The input must outlive the source. A further call
  // invalidates the earlier source.
  absl::StatusOr<std::unique_ptr<RecordSource>> OpenRecords(const v1::StreamPlan& plan);

  // Frees the memory that reading needs, several MiB for some compressions, if the input is
  // rereadable. Invalidates the source that OpenRecords returned.
  void Release();

  // Returns how the input was understood, such as "gzip, CSV, ';'".
  std::string DescribeFormat() const;

 private:
  LoadInput(const std::string& file, const InputOptions& options, int fd);

  absl::Status OpenText();
  absl::Status FindInputFormat();
  absl::StatusOr<InputSurvey> SurveyText(bool only_head);
  absl::Status Rewind();

  const std::string file_;
  const std::string name_;
  const InputOptions& options_;
  const int fd_;
  bool rereadable_ = false;
  int64_t size_ = 0;
  InputFormat format_;
  Compression compression_ = Compression::kNone;
  std::string encoding_;  // that is converted to UTF-8, or empty
  // Null between the uses of a rereadable input.
  std::unique_ptr<DecodedInput> text_;
  std::unique_ptr<LineReader> reader_;
};

}  // namespace syncline::client
