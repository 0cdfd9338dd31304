#include "client/sources/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/interrupt.h"
#include "client/sources/descriptor_bytes.h"
#include "client/sources/text_encoding.h"

namespace syncline::client {
namespace {

constexpr size_t kFirstCapacity = size_t{1} << 20;

}  // namespace

LineReader::LineReader(int fd)
    : owned_(std::make_unique<DescriptorBytes>(fd)),
      source_(owned_.get()),
      line_end_('\n'),
      buffer_(new char[kFirstCapacity + kPadding]),
      capacity_(kFirstCapacity) {}

LineReader::LineReader(ByteSource* source, std::optional<char> line_end)
    : source_(source),
      line_end_(line_end),
      buffer_(new char[kFirstCapacity + kPadding]),
      capacity_(kFirstCapacity) {}

// Returns one past the last line end at or after scanned_, or 0 if there is none.
size_t LineReader::FindEndOfLines() const {
  if (!line_end_.has_value()) return end_;
  const void* const last = memrchr(buffer_.get() + scanned_, *line_end_, end_ - scanned_);
  if (last == nullptr) return 0;
  return static_cast<size_t>(static_cast<const char*>(last) - buffer_.get()) + 1;
}

absl::string_view LineReader::Take(size_t stop) {
  const absl::string_view taken(buffer_.get() + begin_, stop - begin_);
  begin_ = stop;
  bytes_ += static_cast<int64_t>(taken.size());
  return taken;
}

absl::StatusOr<LineReader::Event> LineReader::Next(bool report_idle, absl::string_view* lines) {
  while (true) {
    if (Interrupted()) return Event::kInterrupted;
    if (start_checked_ && scanned_ < end_) {
      const size_t stop = FindEndOfLines();
      scanned_ = end_;
      if (stop > begin_) {
        *lines = Take(stop);
        return Event::kLines;
      }
    }
    if (at_end_) {
      if (begin_ == end_) return Event::kEnd;
      *lines = Take(end_);
      return Event::kLines;
    }
    if (end_ - begin_ >= kMaxLineBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a line is longer than ", kMaxLineBytes >> 20, " MiB"));
    }
    SYNCLINE_ASSIGN_OR_RETURN(const Event event, Fill(report_idle));
    if (event == Event::kIdle || event == Event::kInterrupted) return event;
  }
}

void LineReader::MakeRoom() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    scanned_ -= std::min(scanned_, begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ < capacity_) return;
  std::unique_ptr<char[]> grown(new char[capacity_ * 2 + kPadding]);
  std::memcpy(grown.get(), buffer_.get(), end_);
  buffer_ = std::move(grown);
  capacity_ *= 2;
}

// Reads more bytes. Returns kLines if there are more or the input has ended.
absl::StatusOr<LineReader::Event> LineReader::Fill(bool report_idle) {
  MakeRoom();
  size_t count = 0;
  SYNCLINE_ASSIGN_OR_RETURN(
      const ByteSource::Event event,
      source_->Read(report_idle, buffer_.get() + end_, capacity_ - end_, &count));
  if (event == ByteSource::Event::kIdle) return Event::kIdle;
  if (event == ByteSource::Event::kInterrupted) return Event::kInterrupted;
  at_end_ = event == ByteSource::Event::kEnd;
  end_ += count;
  if (!start_checked_) SYNCLINE_RETURN_IF_ERROR(CheckStart());
  return Event::kLines;
}

absl::Status LineReader::CheckStart() {
  const absl::string_view start(buffer_.get(), end_);
  if (start.size() < kEncodingHeadBytes && !at_end_) return absl::OkStatus();
  start_checked_ = true;
  absl::string_view encoding = FindMarkedEncoding(start);
  if (encoding.empty()) encoding = FindUnmarkedWideEncoding(start);
  if (encoding == "UTF-8") {
    begin_ = 3;
  } else if (!encoding.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the input is in ", encoding, "; convert it to UTF-8 (iconv -f ", encoding, " -t UTF-8)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> LineReader::Peek(int64_t count, size_t max_bytes, bool* whole) {
  size_t stop = begin_;  // one past the last whole line found
  int64_t found = 0;
  while (found < count) {
    const size_t limit = std::min(end_, begin_ + max_bytes);
    const void* const newline = start_checked_ && stop < limit && line_end_.has_value()
                                    ? std::memchr(buffer_.get() + stop, *line_end_, limit - stop)
                                    : nullptr;
    if (newline != nullptr) {
      stop = static_cast<size_t>(static_cast<const char*>(newline) - buffer_.get()) + 1;
      ++found;
      continue;
    }
    if (at_end_ || Interrupted() || end_ - begin_ >= max_bytes) {
      if ((at_end_ && limit == end_) || !line_end_.has_value()) stop = limit;
      break;
    }
    const size_t offset = stop - begin_;
    SYNCLINE_RETURN_IF_ERROR(Fill(false).status());
    stop = begin_ + offset;
  }
  *whole = at_end_ && stop == end_;
  return absl::string_view(buffer_.get() + begin_, stop - begin_);
}

}  // namespace syncline::client
