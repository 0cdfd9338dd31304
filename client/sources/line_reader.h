// Reads lines from a descriptor in large pieces. A UTF-8 byte order mark at the start is dropped;
// input in UTF-16 or UTF-32 is refused by its name.
//
// One thread. Holds one buffer that grows to the longest line; the views it hands out are good
// until the next call, and kPadding bytes behind them may be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

class LineReader {
 public:
  enum class Event {
    kLines,        // `lines` holds whole lines, each ended by '\n' except perhaps the input's last
    kIdle,         // nothing came for a moment: time to send what is gathered
    kEnd,          // the input has ended
    kInterrupted,  // the user asked to stop
  };

  static constexpr size_t kPadding = 64;
  static constexpr size_t kMaxLineBytes = size_t{256} << 20;

  // Does not own `fd`.
  explicit LineReader(int fd);

  // The next whole lines. kIdle only when `report_idle`. INVALID_ARGUMENT for a line over
  // kMaxLineBytes, and for input in UTF-16 or UTF-32.
  absl::StatusOr<Event> Next(bool report_idle, absl::string_view* lines);

  // Up to `count` whole lines from where Next will go on, without taking them; fewer when the input
  // has no more or they hold over `max_bytes`. The answer depends on the input alone, not on how it
  // arrives. `*whole`: whether this is all of the input that is left.
  absl::StatusOr<absl::string_view> Peek(int64_t count, size_t max_bytes, bool* whole);

  // Bytes handed out so far.
  int64_t bytes() const { return bytes_; }

 private:
  absl::StatusOr<Event> WaitForInput(bool report_idle);
  absl::Status Fill();
  absl::Status CheckStart();
  void MakeRoom();

  const int fd_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_;
  size_t begin_ = 0;    // first byte not handed out
  size_t end_ = 0;      // behind the last byte read
  size_t scanned_ = 0;  // no '\n' in [begin_, scanned_)
  bool at_end_ = false;
  bool start_checked_ = false;  // for a byte order mark; nothing is handed out before
  int64_t bytes_ = 0;
};

}  // namespace syncline::client
