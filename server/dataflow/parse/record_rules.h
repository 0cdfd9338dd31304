// What must hold of a whole row before it goes to PostgreSQL, so that no row fails a COPY.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "server/dataflow/parse/meta_text.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"

namespace syncline::dataflow {

class RecordRules {
 public:
  RecordRules(const TableSchema& schema, bool require_key);

  // The reason when a change of a value must not be: it would decide by a value that the source did
  // not send which rows are the same, or which of them is newer.
  std::optional<RejectReason> CheckChanges(absl::Span<const FieldChange> changes) const {
    if (changes.empty() || decides_.empty()) return std::nullopt;
    for (const FieldChange& change : changes) {
      if (decides_[change.column].has_value()) return decides_[change.column];
    }
    return std::nullopt;
  }

  // The reason when the row must be rejected. Of a composite key some parts may be NULL, not all.
  std::optional<RejectReason> Check(absl::Span<const Value> values) const {
    if (required_.empty() && key_.empty() && !check_width_) return std::nullopt;
    return CheckAll(values);
  }

 private:
  std::optional<RejectReason> CheckAll(absl::Span<const Value> values) const;
  int64_t KeyBytes(absl::Span<const Value> values) const;
  bool FitsPage(absl::Span<const Value> values) const;

  std::vector<ColumnType> types_;
  std::vector<size_t> required_;  // columns that must not be NULL
  std::vector<size_t> key_;       // not all NULL; empty unless the key is required
  // By column: why a record is rejected when the value was changed. Empty unless the key is
  // required.
  std::vector<std::optional<RejectReason>> decides_;
  bool check_width_ = false;
};

}  // namespace syncline::dataflow
