#include "client/sources/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/interrupt.h"

namespace syncline::client {
namespace {

constexpr size_t kFirstCapacity = size_t{1} << 20;
constexpr int kIdleMs = 200;
constexpr size_t kStartBytes = 4;

// Returns the name of a multi-byte encoding by the input's first bytes: a byte order mark, or NULs
// around the first character, which is ASCII in JSON and nearly always in CSV. Returns an empty
// string for anything else.
absl::string_view FindWideEncoding(absl::string_view start) {
  using Bytes = absl::string_view;
  if (absl::StartsWith(start, Bytes("\xFF\xFE\0\0", 4)) ||
      absl::StartsWith(start, Bytes("\0\0\xFE\xFF", 4))) {
    return "UTF-32";
  }
  if (absl::StartsWith(start, "\xFF\xFE") || absl::StartsWith(start, "\xFE\xFF")) return "UTF-16";
  if (start.size() < 2) return "";
  if (start[0] != 0 && start[1] == 0) return "UTF-16LE";
  return start[0] == 0 && start[1] != 0 ? "UTF-16BE" : "";
}

}  // namespace

LineReader::LineReader(int fd)
    : fd_(fd), buffer_(new char[kFirstCapacity + kPadding]), capacity_(kFirstCapacity) {
  // A pipe holds 64 KiB by default, and each such piece costs a read and two context switches.
  // Fails on a file, which does not need it.
  fcntl(fd, F_SETPIPE_SZ, static_cast<int>(kFirstCapacity));
}

absl::StatusOr<LineReader::Event> LineReader::Next(bool report_idle, absl::string_view* lines) {
  while (true) {
    if (Interrupted()) return Event::kInterrupted;
    if (start_checked_ && scanned_ < end_) {
      const void* const last = memrchr(buffer_.get() + scanned_, '\n', end_ - scanned_);
      scanned_ = end_;
      if (last != nullptr) {
        const auto stop = static_cast<size_t>(static_cast<const char*>(last) - buffer_.get()) + 1;
        *lines = absl::string_view(buffer_.get() + begin_, stop - begin_);
        begin_ = stop;
        bytes_ += static_cast<int64_t>(lines->size());
        return Event::kLines;
      }
    }
    if (at_end_) {
      if (begin_ == end_) return Event::kEnd;
      *lines = absl::string_view(buffer_.get() + begin_, end_ - begin_);
      begin_ = end_;
      bytes_ += static_cast<int64_t>(lines->size());
      return Event::kLines;
    }
    if (end_ - begin_ >= kMaxLineBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a line is longer than ", kMaxLineBytes >> 20, " MiB"));
    }
    SYNCLINE_ASSIGN_OR_RETURN(const Event event, WaitForInput(report_idle));
    if (event == Event::kIdle) return event;
    if (event == Event::kLines) SYNCLINE_RETURN_IF_ERROR(Fill());
  }
}

// Returns kLines if there is input or its end, kInterrupted if the caller must check for a signal.
absl::StatusOr<LineReader::Event> LineReader::WaitForInput(bool report_idle) {
  pollfd wait[2] = {{fd_, POLLIN, 0}, {InterruptFd(), POLLIN, 0}};
  const int ready = poll(wait, 2, report_idle ? kIdleMs : -1);
  if (ready < 0 && errno != EINTR) {
    return absl::InternalError(absl::StrCat("cannot wait for input: ", strerror(errno)));
  }
  if (ready == 0) return Event::kIdle;
  if (ready < 0 || wait[1].revents != 0) return Event::kInterrupted;
  return Event::kLines;
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

absl::Status LineReader::Fill() {
  MakeRoom();
  const ssize_t count = read(fd_, buffer_.get() + end_, capacity_ - end_);
  if (count < 0) {
    if (errno == EINTR || errno == EAGAIN) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("cannot read the input: ", strerror(errno)));
  }
  if (count == 0) at_end_ = true;
  end_ += static_cast<size_t>(count);
  return start_checked_ ? absl::OkStatus() : CheckStart();
}

absl::Status LineReader::CheckStart() {
  const absl::string_view start(buffer_.get(), end_);
  if (start.size() < kStartBytes && !at_end_) return absl::OkStatus();
  start_checked_ = true;
  if (const absl::string_view encoding = FindWideEncoding(start); !encoding.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the input is in ", encoding, "; convert it to UTF-8 (iconv -f ", encoding, " -t UTF-8)"));
  }
  if (absl::StartsWith(start, "\xEF\xBB\xBF")) begin_ = 3;
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> LineReader::Peek(int64_t count, size_t max_bytes, bool* whole) {
  size_t stop = begin_;  // one past the last whole line found
  int64_t found = 0;
  while (found < count) {
    const size_t limit = std::min(end_, begin_ + max_bytes);
    const void* const newline = start_checked_ && stop < limit
                                    ? std::memchr(buffer_.get() + stop, '\n', limit - stop)
                                    : nullptr;
    if (newline != nullptr) {
      stop = static_cast<size_t>(static_cast<const char*>(newline) - buffer_.get()) + 1;
      ++found;
      continue;
    }
    if (at_end_ || Interrupted() || end_ - begin_ >= max_bytes) {
      if (at_end_ && limit == end_) stop = end_;
      break;
    }
    const size_t offset = stop - begin_;
    SYNCLINE_ASSIGN_OR_RETURN(const Event event, WaitForInput(false));
    if (event == Event::kLines) SYNCLINE_RETURN_IF_ERROR(Fill());
    stop = begin_ + offset;
  }
  *whole = at_end_ && stop == end_;
  return absl::string_view(buffer_.get() + begin_, stop - begin_);
}

}  // namespace syncline::client
