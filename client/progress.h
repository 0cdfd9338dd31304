// One line that shows how far a command is, on a terminal only.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace syncline::client {

// "1.2M", "345.6k", "78": short enough for a line that is drawn over and over.
std::string ShortNumber(double value);

// Not thread-safe. Draws on stderr at most four times a second.
class ProgressLine {
 public:
  // Draws only when stderr is a terminal.
  ProgressLine();
  explicit ProgressLine(bool draws);
  // Removes the line.
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
