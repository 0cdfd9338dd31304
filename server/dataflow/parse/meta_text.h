// The text of a record's `_airbyte_meta`:
// {"sync_id":1,"changes":[{"field":"f","change":"NULLED","reason":"…"}]}.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/model/table_schema.h"

namespace syncline::dataflow {

// What became of the value of one column of a record; `coercion` is one that leaves an entry.
struct FieldChange {
  size_t column = 0;
  Coercion coercion = Coercion::kUnreadable;
};

class MetaText {
 public:
  MetaText(const TableSchema& schema, int64_t sync_id);

  // Forgets the last record.
  void Clear() {
    changes_.clear();
    source_changes_ = absl::string_view();
  }
  // `elements`: what stands between the brackets of the source's own changes, valid for jsonb;
  // borrowed.
  void SetSourceChanges(absl::string_view elements) { source_changes_ = elements; }
  // Notes what became of the value of column `column`; `coercion` is one that leaves an entry.
  void Add(size_t column, Coercion coercion) { changes_.push_back({column, coercion}); }
  // What was added since Clear.
  const std::vector<FieldChange>& changes() const { return changes_; }

  // Lives until the next call.
  absl::string_view Text();

 private:
  std::string head_;                 // up to the opening bracket of the changes
  std::string without_;              // the whole, without changes
  std::vector<std::string> fields_;  // names as JSON strings
  absl::string_view source_changes_;
  std::vector<FieldChange> changes_;
  std::string text_;
};

}  // namespace syncline::dataflow
