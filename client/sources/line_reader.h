// Reads lines in large pieces. A UTF-8 byte order mark at the start is dropped. Input in UTF-16 or
// UTF-32 is refused with an error that names the encoding.
//
// Holds one buffer that grows to the longest line. The returned views are valid until the next
// call, and the kPadding bytes that follow them may be read. For use by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/byte_source.h"

namespace syncline::client {

class LineReader {
 public:
  enum class Event {
    kLines,        // `lines` holds whole lines, each with its '\n' except perhaps the input's last
    kIdle,         // no input for 200 ms: time to send collected records
    kEnd,          // the input has ended
    kInterrupted,  // the user asked to stop
  };

  static constexpr size_t kPadding = 64;
  static constexpr size_t kMaxLineBytes = size_t{256} << 20;

  // Reads a descriptor, which it does not own.
  explicit LineReader(int fd);
  // Reads `source`, which must outlive the reader. Lines end with `line_end`; without one, pieces
  // end anywhere.
  LineReader(ByteSource* source, std::optional<char> line_end);

  // Returns the next whole lines. Returns kIdle only if `report_idle` is set. Errors:
  // INVALID_ARGUMENT for a line longer than kMaxLineBytes and for input in UTF-16 or UTF-32; those
  // of the source.
  absl::StatusOr<Event> Next(bool report_idle, absl::string_view* lines);

  // Returns up to `count` whole lines from the point where Next will continue, without consuming
  // them: fewer if the input has no more or if they exceed `max_bytes`. Without a line end, returns
  // up to `max_bytes`. The result depends only on the input, not on how it arrives. Sets `*whole`
  // to whether this is all of the remaining input.
  absl::StatusOr<absl::string_view> Peek(int64_t count, size_t max_bytes, bool* whole);

  // Returns the bytes that Next has returned so far.
  int64_t bytes() const { return bytes_; }

 private:
  absl::StatusOr<Event> Fill(bool report_idle);
  absl::Status CheckStart();
  void MakeRoom();
  size_t FindEndOfLines() const;
  absl::string_view Take(size_t stop);

  const std::unique_ptr<ByteSource> owned_;
  ByteSource* const source_;
  const std::optional<char> line_end_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_;
  size_t begin_ = 0;    // first byte that was not returned
  size_t end_ = 0;      // one past the last byte read
  size_t scanned_ = 0;  // no line end in [begin_, scanned_)
  bool at_end_ = false;
  bool start_checked_ = false;  // for a byte order mark; no line is returned before
  int64_t bytes_ = 0;
};

}  // namespace syncline::client
