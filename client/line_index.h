// Maps each record to the line of the input where it begins, so that the user can find a rejected
// one.
//
// Keeps one entry per run of records on consecutive lines, so a file with one record per line needs
// a single entry. Records that follow after kMaxRuns runs have no line. For use by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace syncline::client {

class LineIndex {
 public:
  static constexpr size_t kMaxRuns = size_t{1} << 20;

  // Adds the line of `record`. Records must be added in ascending order.
  void Add(int64_t record, int64_t line) {
    if (full_) return;
    if (!runs_.empty() && runs_.back().line - runs_.back().record == line - record) {
      end_ = record + 1;
      return;
    }
    AddRun(record, line);
  }

  // Returns the line of `record`, or nullopt if it is not known.
  std::optional<int64_t> FindLine(int64_t record) const;

 private:
  struct Run {
    int64_t record;
    int64_t line;
  };

  void AddRun(int64_t record, int64_t line);

  std::vector<Run> runs_;
  int64_t end_ = 0;    // one past the last record with a known line
  bool full_ = false;  // the lines of records from end_ on are not known
};

}  // namespace syncline::client
