#include "client/load_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "client/interrupt.h"
#include "client/sources/csv_source.h"
#include "client/sources/json_source.h"
#include "client/sources/jsonl_source.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

constexpr size_t kMaxHeadBytes = size_t{64} << 20;
constexpr size_t kMaxJsonHeadBytes = size_t{4} << 20;  // without lines, this much is always read
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

absl::Status NotUtf8(const InvalidText& found) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "the text is not UTF-8: line %d, byte %d is 0x%02X; name its encoding, such as --encoding "
      "latin1 or windows-1252, or reject only the records that are not UTF-8 with --encoding utf-8",
      found.line, found.byte, found.value));
}

absl::Status AddName(const absl::Status& status, absl::string_view name) {
  const absl::Status named = WithContext(status, name);
  return IsUsageError(status) ? AsUsageError(named) : named;
}

std::string ShowCharacter(char c) {
  return c == '\t' ? "tab" : absl::StrCat("'", absl::string_view(&c, 1), "'");
}

}  // namespace

LoadInput::LoadInput(const std::string& file, const InputOptions& options, int fd)
    : file_(file), name_(file == "-" ? "stdin" : file), options_(options), fd_(fd) {}

LoadInput::~LoadInput() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

absl::StatusOr<std::unique_ptr<LoadInput>> LoadInput::Open(const std::string& file,
                                                           const InputOptions& options) {
  const int fd = file == "-" ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info = {};
  if (fd < 0 || fstat(fd, &info) != 0) {
    const int error = errno;
    return absl::NotFoundError(
        absl::StrCat("cannot open ", file, ": ", strerror(error),
                     error == EMFILE ? "; load fewer files at once, or raise ulimit -n" : ""));
  }
  std::unique_ptr<LoadInput> input(new LoadInput(file, options, fd));
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(input->name_, " is a directory"));
  }
  input->rereadable_ = file != "-" && S_ISREG(info.st_mode);
  if (input->rereadable_) input->size_ = info.st_size;
  absl::Status status = input->OpenText();
  if (status.ok()) status = input->FindInputFormat();
  if (status.ok()) return input;
  return AddName(status, input->name_);
}

absl::Status LoadInput::OpenText() {
  SYNCLINE_ASSIGN_OR_RETURN(text_, DecodedInput::Open(fd_, options_.encoding, file_));
  compression_ = text_->compression();
  encoding_ = text_->encoding();
  return absl::OkStatus();
}

absl::Status LoadInput::FindInputFormat() {
  bool whole = false;
  SYNCLINE_ASSIGN_OR_RETURN(
      absl::string_view head,
      text_->text()->Peek(kFormatHeadBytes, options_.infer_records + 1 + options_.hints.skip_lines,
                          &whole));
  absl::ConsumePrefix(&head, "\xEF\xBB\xBF");
  FormatHints hints = options_.hints;
  hints.file = file_;
  SYNCLINE_ASSIGN_OR_RETURN(const FoundFormat found, FindFormat(head, whole, hints));
  format_.file = found.file;
  format_.csv = options_.csv;
  format_.csv.dialect = found.dialect;
  format_.mapping = options_.mapping;
  // An empty file, such as the _SUCCESS beside the parts of an export, is of no format.
  const bool empty = absl::StripAsciiWhitespace(head).empty();
  if (found.file != FileFormat::kCsv && !options_.csv_flag.empty() && !empty) {
    return UsageError(absl::StrCat("this is ", FormatName(found.file), ", but ", options_.csv_flag,
                                   " requires CSV; leave the flag out, or add --format csv"));
  }
  reader_ = std::make_unique<LineReader>(text_->text(), format_.LineEnd());
  return absl::OkStatus();
}

absl::StatusOr<InputSurvey> LoadInput::Survey(bool only_head) {
  auto survey = SurveyText(only_head);
  if (survey.ok() && survey->invalid_text.line != 0 && options_.encoding.empty()) {
    survey = NotUtf8(survey->invalid_text);
  }
  if (survey.ok() || absl::IsCancelled(survey.status())) return survey;
  return AddName(survey.status(), name_);
}

absl::StatusOr<InputSurvey> LoadInput::SurveyText(bool only_head) {
  if (rereadable_ && !only_head) {
    SYNCLINE_ASSIGN_OR_RETURN(InputSurvey survey,
                              SurveyInput(reader_.get(), format_, options_.infer_bytes));
    Release();
    return survey;
  }
  bool whole = false;
  // One additional line for the header of a CSV file.
  const int64_t lines = options_.infer_records + 1 + format_.csv.dialect.skip_lines;
  const size_t most = format_.file == FileFormat::kJson ? kMaxJsonHeadBytes : kMaxHeadBytes;
  SYNCLINE_ASSIGN_OR_RETURN(const absl::string_view head, reader_->Peek(lines, most, &whole));
  if (Interrupted()) return absl::CancelledError("interrupted; nothing was loaded");
  auto survey = SurveyHead(head, whole, format_, options_.infer_records);
  Release();
  return survey;
}

void LoadInput::Release() {
  if (!rereadable_) return;
  reader_.reset();
  text_.reset();
}

int64_t LoadInput::position() const {
  if (!rereadable_) return 0;
  return std::max<int64_t>(0, lseek(fd_, 0, SEEK_CUR));
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
  Release();
  SYNCLINE_RETURN_IF_ERROR(OpenText());
  reader_ = std::make_unique<LineReader>(text_->text(), format_.LineEnd());
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RecordSource>> LoadInput::OpenRecords(const v1::StreamPlan& plan) {
  if (rereadable_) {
    if (const absl::Status status = Rewind(); !status.ok()) return AddName(status, name_);
  }
  switch (format_.file) {
    case FileFormat::kJsonLines:
      return std::make_unique<JsonlSource>(reader_.get(), &format_.mapping);
    case FileFormat::kJson:
      return std::make_unique<JsonSource>(reader_.get(), &format_.mapping);
    case FileFormat::kCsv:
      break;
  }
  ColumnTypes types;
  for (const v1::Column& column : plan.columns()) {
    types[column.input_name()] = InferColumnType(column.type());
  }
  return std::make_unique<CsvSource>(reader_.get(), format_.csv, std::move(types));
}

std::string LoadInput::DescribeFormat() const {
  std::string text;
  const auto add = [&text](absl::string_view part) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", part);
  };
  if (compression_ != Compression::kNone) add(CompressionName(compression_));
  if (!encoding_.empty()) add(encoding_);
  add(FormatName(format_.file));
  if (format_.file != FileFormat::kCsv) return text;
  const CsvDialect& dialect = format_.csv.dialect;
  add(ShowCharacter(dialect.delimiter));
  if (dialect.line_end == '\r') add("lines end with CR");
  if (dialect.skip_lines > 0) {
    add(absl::StrCat(dialect.skip_lines, dialect.skip_lines == 1 ? " line" : " lines", " skipped"));
  }
  if (!format_.csv.header) add("no header");
  return text;
}

}  // namespace syncline::client
