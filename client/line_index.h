// In which line of the input each record begins, for a person who looks for a rejected one.
//
// Keeps one entry per run of records that stand in consecutive lines, so a file of one record per
// line costs nothing; after kMaxRuns runs further records have no line. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace syncline::client {

class LineIndex {
 public:
  static constexpr size_t kMaxRuns = size_t{1} << 20;

  // Records in ascending order.
  void Add(int64_t record, int64_t line) {
    if (full_) return;
    if (!runs_.empty() && runs_.back().line - runs_.back().record == line - record) {
      end_ = record + 1;
      return;
    }
    AddRun(record, line);
  }

  // The line of that record; nothing when it is not known.
  std::optional<int64_t> LineOf(int64_t record) const;

 private:
  struct Run {
    int64_t record;
    int64_t line;
  };

  void AddRun(int64_t record, int64_t line);

  std::vector<Run> runs_;
  int64_t end_ = 0;    // behind the last record that is known
  bool full_ = false;  // records from end_ on are not known
};

}  // namespace syncline::client
