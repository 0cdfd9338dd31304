// MetaText: builds the text of a record's `_airbyte_meta`:
// {"sync_id":1,"changes":[{"field":"f","change":"NULLED","reason":"…"}]}. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/dataflow/coercion/coercer.h"
#include "server/model/table_schema.h"

namespace syncline::dataflow {

// The coercion of one column's value that leaves an entry in `_airbyte_meta.changes`.
struct FieldChange {
  size_t column = 0;
  Coercion coercion = Coercion::kUnreadable;
};

class MetaText {
 public:
  MetaText(const TableSchema& schema, int64_t sync_id);

  // Removes the changes of the last record.
  void Clear() {
    changes_.clear();
    source_changes_ = absl::string_view();
  }
  // Sets the changes that the source made. `elements` are those of the JSON array without its
  // brackets, valid for jsonb. They are borrowed until the next Clear.
  void SetSourceChanges(absl::string_view elements) { source_changes_ = elements; }
  // Adds an entry for column `column`. `coercion` must be one that leaves an entry.
  void Add(size_t column, Coercion coercion) { changes_.push_back({column, coercion}); }
  // The entries that were added since Clear.
  const std::vector<FieldChange>& changes() const { return changes_; }

  // Returns the whole text, which is valid until the next call.
  absl::string_view Text();

 private:
  std::string head_;                 // up to and including the bracket that opens the changes
  std::string without_;              // the whole text of a record without changes
  std::vector<std::string> fields_;  // names as JSON strings, by column
  absl::string_view source_changes_;
  std::vector<FieldChange> changes_;
  std::string text_;
};

}  // namespace syncline::dataflow
