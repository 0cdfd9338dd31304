// Shows how far a run is: as a line that is drawn again and again on a terminal, and as one message
// per minute elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace syncline::client {

// Formats a number briefly: "1.2M", "345.6k", "78".
std::string ShortNumber(double value);

struct ProgressFigures {
  int64_t rows = 0;         // that this run has read and that earlier runs had not committed
  int64_t bytes = 0;        // of the input, read so far
  int64_t total_bytes = 0;  // 0: not known
};

// Formats the figures, with the rates since `first`, which this run had `elapsed` ago: "1.2M rows,
// 45% of 253.0MB, 80.1k rows/s, 2 min left".
std::string FormatProgress(const ProgressFigures& figures, const ProgressFigures& first,
                           absl::Duration elapsed);

// Not thread-safe.
class ProgressLine {
 public:
  using Report = std::function<void(absl::string_view words)>;

  // Draws on stderr, at most four times per second, if that is a terminal that may be drawn on
  // (NO_COLOR is not set, and TERM is not "dumb"); otherwise prints a message per minute.
  ProgressLine();
  // Also calls `report` once per minute, on a terminal, too.
  explicit ProgressLine(Report report);
  // With `draws` and the clock as parameters, for tests.
  ProgressLine(bool draws, Report report, absl::Time now);
  // Erases the line.
  ~ProgressLine();

  void Update(const ProgressFigures& figures) { Update(figures, absl::Now()); }
  void Update(const ProgressFigures& figures, absl::Time now);
  void Clear();

 private:
  const bool draws_;
  const Report report_;  // may be null
  // Where the rates begin: the first figures that have rows, because rows that earlier runs
  // committed are only skipped.
  ProgressFigures first_;
  absl::Time started_;
  absl::Time next_drawing_;
  absl::Time next_report_;
};

}  // namespace syncline::client
