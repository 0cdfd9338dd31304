#include "client/load_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "client/interrupt.h"
#include "client/sources/csv_source.h"
#include "client/sources/jsonl_source.h"

namespace syncline::client {
namespace {

constexpr size_t kMaxHeadBytes = size_t{64} << 20;
constexpr int64_t kDigestBytes = int64_t{1} << 20;

absl::Status AppendBytes(int fd, int64_t from, int64_t count, std::string* out) {
  while (count > 0) {
    char buffer[1 << 16];
    const auto wanted = static_cast<size_t>(std::min<int64_t>(count, sizeof(buffer)));
    const ssize_t got = pread(fd, buffer, wanted, from);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return absl::InternalError(absl::StrCat("cannot read the input: ", strerror(errno)));
    if (got == 0) return absl::OkStatus();  // the file has become shorter
    out->append(buffer, static_cast<size_t>(got));
    from += got;
    count -= got;
  }
  return absl::OkStatus();
}

}  // namespace

LoadInput::LoadInput(const CommandLine& command_line, int fd)
    : fd_(fd),
      infer_bytes_(command_line.Count("infer_bytes")),
      infer_records_(command_line.Count("infer_records")),
      reader_(std::make_unique<LineReader>(fd)) {
  const std::string& file = command_line.arguments()[0];
  const std::string format = command_line.Text("format");
  format_.csv = format.empty() ? absl::EndsWithIgnoreCase(file, ".csv") : format == "csv";
  format_.delimiter = command_line.Text("delimiter")[0];
}

LoadInput::~LoadInput() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

absl::StatusOr<std::unique_ptr<LoadInput>> LoadInput::Open(const CommandLine& command_line) {
  const std::string& file = command_line.arguments()[0];
  const int fd = file == "-" ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info = {};
  if (fd < 0 || fstat(fd, &info) != 0) {
    return absl::NotFoundError(absl::StrCat("cannot open ", file, ": ", strerror(errno)));
  }
  std::unique_ptr<LoadInput> input(new LoadInput(command_line, fd));
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(file, " is a directory"));
  }
  input->rereadable_ = file != "-" && S_ISREG(info.st_mode);
  return input;
}

absl::StatusOr<InputSurvey> LoadInput::Survey(bool only_head) {
  if (rereadable_ && !only_head) {
    SYNCLINE_ASSIGN_OR_RETURN(InputSurvey survey,
                              SurveyInput(reader_.get(), format_, infer_bytes_));
    SYNCLINE_RETURN_IF_ERROR(Rewind());
    return survey;
  }
  bool whole = false;
  // One additional line for the header of a CSV file.
  SYNCLINE_ASSIGN_OR_RETURN(const absl::string_view head,
                            reader_->Peek(infer_records_ + 1, kMaxHeadBytes, &whole));
  if (Interrupted()) return absl::CancelledError("interrupted; nothing was loaded");
  return SurveyHead(head, whole, format_);
}

absl::StatusOr<std::string> LoadInput::Digest() const {
  if (!rereadable_) return "";
  struct stat info = {};
  if (fstat(fd_, &info) != 0) {
    return absl::InternalError(absl::StrCat("cannot read the input: ", strerror(errno)));
  }
  const int64_t size = info.st_size;
  const int64_t head = std::min(size, kDigestBytes);
  const int64_t tail = std::min(size - head, kDigestBytes);
  std::string bytes;
  SYNCLINE_RETURN_IF_ERROR(AppendBytes(fd_, 0, head, &bytes));
  SYNCLINE_RETURN_IF_ERROR(AppendBytes(fd_, size - tail, tail, &bytes));
  return absl::StrCat("size=", size, " sha256=", Sha256Hex(bytes));
}

absl::Status LoadInput::Rewind() {
  if (lseek(fd_, 0, SEEK_SET) != 0) {
    return absl::InternalError(absl::StrCat("cannot rewind the file: ", strerror(errno)));
  }
  reader_ = std::make_unique<LineReader>(fd_);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RecordSource>> LoadInput::OpenRecords(const v1::StreamPlan& plan) {
  if (rereadable_) SYNCLINE_RETURN_IF_ERROR(Rewind());
  if (!format_.csv) return std::make_unique<JsonlSource>(reader_.get());
  ColumnTypes types;
  for (const v1::Column& column : plan.columns()) {
    types[column.input_name()] = InferColumnType(column.type());
  }
  return std::make_unique<CsvSource>(reader_.get(), format_.delimiter, std::move(types));
}

}  // namespace syncline::client
