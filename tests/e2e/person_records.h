// Generated records with values that are easily corrupted, as JSON lines for the callers and as a
// table with the expected rows.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/postgres/connection/connection.h"

namespace syncline::testing {

// The JSON Schema of the records.
extern const char kPersonSchema[];

class PersonRecords {
 public:
  // Makes records 0..count-1. The same seed gives the same records.
  PersonRecords(int64_t count, uint32_t seed);

  int64_t count() const { return count_; }
  // Returns the lines of records begin..end-1.
  std::string Lines(int64_t begin, int64_t end) const;
  std::string Lines() const { return Lines(0, count_); }

  // Fails the test unless `table` contains exactly these records, each once and with a unique raw
  // id. Creates the table `expected` for the comparison.
  void ExpectIn(postgres::Connection& connection, absl::string_view table,
                absl::string_view expected) const;

 private:
  struct Person;
  Person Make(int64_t id) const;

  const int64_t count_;
  const uint32_t seed_;
};

}  // namespace syncline::testing
