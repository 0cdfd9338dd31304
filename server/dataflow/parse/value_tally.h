// ValueTally: counts the values that coercion changed and the undeclared fields, by field.
//
// The parser fills it with the records that it delivers; rejected records do not count. A record
// whose values all fit and whose fields are all declared costs nothing. Not thread-safe.
//
// Undeclared fields are counted by name for the first kMaxUndeclaredNames distinct names of the
// tally's lifetime. All others, and names longer than 1,024 bytes, are summed under kOtherFields:
// a source that uses data as names would otherwise fill memory and the ledger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/dataflow/parse/meta_text.h"
#include "server/model/table_schema.h"
#include "server/model/value_counts.h"

namespace syncline::dataflow {

inline constexpr size_t kMaxUndeclaredNames = 100;
inline constexpr char kOtherFields[] = "(other)";
// Longer names are cut, because the size of an index entry of the ledger is limited.
inline constexpr size_t kMaxFieldNameBytes = 256;

class ValueTally {
 public:
  explicit ValueTally(const TableSchema& schema);

  // Adds the changes of one record.
  void AddChanges(absl::Span<const FieldChange> changes);
  // Adds the undeclared fields of one record. A repeated name counts once, except under
  // kOtherFields.
  void AddUndeclared(absl::Span<const absl::string_view> names);
  // Adds an undeclared field that each of `records` records has.
  void AddUndeclared(absl::string_view name, int64_t records);

  bool empty() const { return empty_; }
  // Returns the counts since the last call.
  FieldCounts Take();

 private:
  struct Undeclared {
    int64_t records = 0;
    int64_t last_record = 0;
  };

  // Returns null if the name is counted under kOtherFields.
  Undeclared* Find(absl::string_view name);

  std::vector<std::string> names_;  // of the columns, as reported
  std::vector<ValueCounts> by_column_;
  absl::flat_hash_map<std::string, Undeclared> undeclared_;
  int64_t others_ = 0;
  int64_t record_ = 0;
  bool empty_ = true;
};

}  // namespace syncline::dataflow
