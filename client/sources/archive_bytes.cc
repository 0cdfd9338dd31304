#include "client/sources/archive_bytes.h"

#include <archive.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::client {
namespace {

constexpr size_t kInputBytes = size_t{64} << 10;
constexpr int kOfFile = -1;  // libarchive's number of the filter that reads the file itself

int FilterCode(Compression compression) {
  switch (compression) {
    case Compression::kZstd:
      return ARCHIVE_FILTER_ZSTD;
    case Compression::kBzip2:
      return ARCHIVE_FILTER_BZIP2;
    case Compression::kXz:
      return ARCHIVE_FILTER_XZ;
    case Compression::kNone:
    case Compression::kGzip:
      break;
  }
  return ARCHIVE_FILTER_NONE;
}

int SupportFilter(archive* reader, Compression compression) {
  switch (compression) {
    case Compression::kZstd:
      return archive_read_support_filter_zstd(reader);
    case Compression::kBzip2:
      return archive_read_support_filter_bzip2(reader);
    case Compression::kXz:
      return archive_read_support_filter_xz(reader);
    case Compression::kNone:
    case Compression::kGzip:
      break;
  }
  return ARCHIVE_FATAL;
}

}  // namespace

ArchiveBytes::ArchiveBytes(Compression compression, ByteSource* source)
    : compression_(compression),
      source_(source),
      input_(std::make_unique<char[]>(kInputBytes)),
      reader_(archive_read_new()) {}

ArchiveBytes::~ArchiveBytes() { archive_read_free(reader_); }

ptrdiff_t ArchiveBytes::ReadInput(archive* reader, void* self, const void** input) {
  auto* const bytes = static_cast<ArchiveBytes*>(self);
  size_t count = 0;
  const auto event = bytes->source_->Read(false, bytes->input_.get(), kInputBytes, &count);
  if (event.ok() && *event == Event::kBytes) {
    *input = bytes->input_.get();
    bytes->read_ += static_cast<int64_t>(count);
    return static_cast<ptrdiff_t>(count);
  }
  bytes->input_ended_ = event.ok() && *event == Event::kEnd;
  if (bytes->input_ended_) return 0;
  bytes->interrupted_ = event.ok();
  bytes->failure_ = event.status();
  archive_set_error(reader, EIO, "no more input");
  return -1;
}

absl::Status ArchiveBytes::Open() {
  opened_ = true;
  archive_entry* entry = nullptr;
  if (reader_ == nullptr || archive_read_support_format_raw(reader_) != ARCHIVE_OK ||
      archive_read_support_format_empty(reader_) != ARCHIVE_OK ||
      SupportFilter(reader_, compression_) != ARCHIVE_OK) {
    return absl::InternalError(
        absl::StrCat("libarchive cannot read ", CompressionName(compression_), " data"));
  }
  // Opening decompresses the first block. Data that is faulty there may be opened as an empty
  // archive, and data that is too short for its header as an uncompressed one.
  if (archive_read_open(reader_, this, nullptr, &ArchiveBytes::ReadInput, nullptr) != ARCHIVE_OK ||
      archive_errno(reader_) != 0 || archive_filter_code(reader_, 0) != FilterCode(compression_)) {
    return Fault();
  }
  const int result = archive_read_next_header(reader_, &entry);
  if (result == ARCHIVE_EOF) {
    ended_ = true;
    return CheckEnd();
  }
  return result == ARCHIVE_OK ? absl::OkStatus() : Fault();
}

// Returns the number of bytes that libarchive has used. It has no filters after a failed start.
int64_t ArchiveBytes::position() const {
  const int64_t consumed = archive_filter_bytes(reader_, kOfFile);
  return consumed < 0 ? read_ : consumed;
}

absl::Status ArchiveBytes::Fault() const {
  if (!failure_.ok()) return failure_;
  const char* const text = archive_error_string(reader_);
  const std::string what =
      input_ended_ ? "is cut: the file ends inside the compressed stream"
                   : absl::StrCat("is damaged (", text == nullptr ? "error" : text, ")");
  return absl::InvalidArgumentError(absl::StrCat("the ", CompressionName(compression_), " data ",
                                                 what, " at byte ", position(),
                                                 " of the compressed file"));
}

// libarchive ignores what follows the end of the compressed data.
absl::Status ArchiveBytes::CheckEnd() {
  const int64_t consumed = position();
  const void* more = nullptr;
  if (consumed == read_ && (input_ended_ || ReadInput(reader_, this, &more) <= 0)) {
    return failure_;
  }
  return absl::InvalidArgumentError(absl::StrCat("the ", CompressionName(compression_),
                                                 " data is followed by other data at byte ",
                                                 consumed, " of the compressed file"));
}

absl::StatusOr<ByteSource::Event> ArchiveBytes::NextBlock() {
  while (block_.empty()) {
    if (ended_) return Event::kEnd;
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(reader_, &data, &size, &offset);
    if (interrupted_) return Event::kInterrupted;
    if (result == ARCHIVE_EOF) {
      ended_ = true;
      SYNCLINE_RETURN_IF_ERROR(CheckEnd());
    } else if (result != ARCHIVE_OK) {
      return Fault();
    } else {
      block_ = absl::string_view(static_cast<const char*>(data), size);
    }
  }
  return Event::kBytes;
}

absl::StatusOr<ByteSource::Event> ArchiveBytes::Read(bool /*report_idle*/, char* buffer,
                                                     size_t capacity, size_t* count) {
  *count = 0;
  if (interrupted_) return Event::kInterrupted;
  SYNCLINE_RETURN_IF_ERROR(failure_);
  if (!opened_) failure_ = Open();
  if (interrupted_) return Event::kInterrupted;
  SYNCLINE_RETURN_IF_ERROR(failure_);
  const auto event = NextBlock();
  if (!event.ok()) failure_ = event.status();
  if (!event.ok() || *event != Event::kBytes) return event;
  *count = std::min(capacity, block_.size());
  std::memcpy(buffer, block_.data(), *count);
  block_.remove_prefix(*count);
  return event;
}

}  // namespace syncline::client
