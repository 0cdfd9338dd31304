// Formats the rejected records of a sync as a table: the number of records per stream and reason,
// and the first records of each. For use by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

class RejectedTable {
 public:
  // Number of records that are shown per stream and reason.
  static constexpr size_t kShown = 3;

  void Add(const v1::RejectedRecord& record);

  // Returns the table. Records are numbered from 0 within their writer, as in the ledger.
  std::string Format() const;

 private:
  struct Group {
    int64_t count = 0;
    std::vector<v1::RejectedRecord> first;
  };

  std::map<std::pair<std::string, std::string>, Group> groups_;  // by stream and reason
};

// Returns the beginning of a record in a form that is safe for a terminal: control characters, and
// all non-ASCII bytes if it is not UTF-8, are replaced by '?'.
std::string GetPrintableStart(absl::string_view raw);

}  // namespace syncline::client
