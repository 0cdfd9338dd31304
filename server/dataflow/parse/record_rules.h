// RecordRules: checks a whole row before it is sent to PostgreSQL, so that it does not fail the
// COPY. Immutable. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "server/dataflow/parse/meta_text.h"
#include "server/dataflow/parse/reject_reason.h"
#include "server/model/table_schema.h"
#include "server/model/value.h"

namespace syncline::dataflow {

class RecordRules {
 public:
  RecordRules(const TableSchema& schema, bool require_key);

  // Returns the reason to reject a record in which coercion changed a value of the key or the
  // cursor. Such a value would decide which rows are the same, or which one is newer, although the
  // source did not send it.
  std::optional<RejectReason> CheckChanges(absl::Span<const FieldChange> changes) const {
    if (changes.empty() || decides_.empty()) return std::nullopt;
    for (const FieldChange& change : changes) {
      if (decides_[change.column].has_value()) return decides_[change.column];
    }
    return std::nullopt;
  }

  // Returns the reason if the row must be rejected. Some parts of a composite key may be NULL, but
  // not all of them.
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
  std::vector<size_t> key_;       // must not all be NULL; empty unless the key is required
  // The reason to reject a record whose value was changed, by column. Empty unless the key is
  // required.
  std::vector<std::optional<RejectReason>> decides_;
  bool check_width_ = false;
};

}  // namespace syncline::dataflow
