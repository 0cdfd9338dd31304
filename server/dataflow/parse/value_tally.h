// What coercion did to the values of the records of one block, counted by field.
//
// Filled by the parser for records that it delivers; records that are rejected do not count. Costs
// nothing for a record whose values all fit and whose fields are all declared. Not thread-safe.
//
// Fields that the stream does not declare are counted by name for the first kMaxUndeclaredNames
// distinct names that the tally meets in its life, and summed up under kOtherFields beyond, as
// names of more than a thousand bytes are: a source whose names are data would otherwise fill
// memory and the ledger.
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
// Longer names are cut: the ledger's index takes no text of any length.
inline constexpr size_t kMaxFieldNameBytes = 256;

class ValueTally {
 public:
  explicit ValueTally(const TableSchema& schema);

  // The changes of one record.
  void AddChanges(absl::Span<const FieldChange> changes);
  // The undeclared fields of one record; a name that it has twice counts once.
  void AddUndeclared(absl::Span<const absl::string_view> names);
  // A field that each of `records` records has.
  void AddUndeclared(absl::string_view name, int64_t records);

  bool empty() const { return empty_; }
  // The counts since the last call.
  FieldCounts Take();

 private:
  struct Undeclared {
    int64_t records = 0;
    int64_t last_record = 0;
  };

  // Null when the name is counted with the others.
  Undeclared* Find(absl::string_view name);

  std::vector<std::string> names_;  // of the columns, as they are counted
  std::vector<ValueCounts> by_column_;
  absl::flat_hash_map<std::string, Undeclared> undeclared_;
  int64_t others_ = 0;
  int64_t record_ = 0;
  bool empty_ = true;
};

}  // namespace syncline::dataflow
