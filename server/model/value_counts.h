// Counts of changed and undeclared values, for responses, metrics and the ledger.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace syncline {

// The counts of one field, or their sum over all fields.
struct ValueCounts {
  int64_t nulled = 0;      // values that became NULL because they did not fit
  int64_t truncated = 0;   // values that were cut or cleaned
  int64_t undeclared = 0;  // records with the field although the stream does not declare it

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

// Counts by the source's name of the property.
using FieldCounts = std::map<std::string, ValueCounts>;

// Returns the sum over all fields.
inline ValueCounts Sum(const FieldCounts& fields) {
  ValueCounts sum;
  for (const auto& [field, counts] : fields) sum += counts;
  return sum;
}

}  // namespace syncline
