// The rejected records of a sync as a table for people: how many per stream and reason, and the
// first of each. One thread.
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
  // How many records per stream and reason are shown.
  static constexpr size_t kShown = 3;

  void Add(const v1::RejectedRecord& record);

  // The table; records are numbered from 0 within their writer, as in the ledger.
  std::string Format() const;

 private:
  struct Group {
    int64_t count = 0;
    std::vector<v1::RejectedRecord> first;
  };

  std::map<std::pair<std::string, std::string>, Group> groups_;  // by stream and reason
};

// The beginning of a record, fit for a terminal: control characters and bytes that are not UTF-8
// are shown as '?'.
std::string Beginning(absl::string_view raw);

}  // namespace syncline::client
