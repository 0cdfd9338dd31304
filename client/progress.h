// A progress line that is drawn only on a terminal.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace syncline::client {

// Formats a number briefly: "1.2M", "345.6k", "78".
std::string ShortNumber(double value);

// Draws on stderr at most four times per second. Not thread-safe.
class ProgressLine {
 public:
  // Draws only if stderr is a terminal.
  ProgressLine();
  explicit ProgressLine(bool draws);
  // Erases the line.
  ~ProgressLine();

  void Update(int64_t rows, int64_t bytes);
  void Clear();

 private:
  const bool draws_;
  const absl::Time started_;
  absl::Time next_;
  bool drawn_ = false;
};

}  // namespace syncline::client
