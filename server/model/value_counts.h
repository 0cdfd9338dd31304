// What coercion did to the values of records: counts for answers, metrics and the ledger.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace syncline {

// Of one field, or summed over all.
struct ValueCounts {
  int64_t nulled = 0;      // values that became NULL because they did not fit
  int64_t truncated = 0;   // values that were cut or cleaned
  int64_t undeclared = 0;  // records that had the field though the stream does not declare it

  ValueCounts& operator+=(const ValueCounts& other) {
    nulled += other.nulled;
    truncated += other.truncated;
    undeclared += other.undeclared;
    return *this;
  }
  friend bool operator==(const ValueCounts& a, const ValueCounts& b) {
    return a.nulled == b.nulled && a.truncated == b.truncated && a.undeclared == b.undeclared;
  }
};

// By the property's name as the source writes it.
using FieldCounts = std::map<std::string, ValueCounts>;

// Over all fields.
inline ValueCounts Sum(const FieldCounts& fields) {
  ValueCounts sum;
  for (const auto& [field, counts] : fields) sum += counts;
  return sum;
}

}  // namespace syncline
