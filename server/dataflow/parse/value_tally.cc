#include "server/dataflow/parse/value_tally.h"

#include <algorithm>

#include "base/utf8.h"

namespace syncline::dataflow {
namespace {

// Returns `name`, which must be UTF-8, in a form that PostgreSQL can store in a text column and
// index.
std::string MakeStorable(absl::string_view name) {
  std::string text(CutAtCharacter(name, kMaxFieldNameBytes));
  text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
  return text;
}

bool IsNulled(Coercion coercion) {
  return coercion == Coercion::kUnreadable || coercion == Coercion::kOutOfRange ||
         coercion == Coercion::kNotFinite || coercion == Coercion::kNulledInside;
}

}  // namespace

ValueTally::ValueTally(const TableSchema& schema) : by_column_(schema.columns.size()) {
  for (const ColumnSchema& column : schema.columns)
    names_.push_back(MakeStorable(column.input_name));
}

void ValueTally::AddChanges(absl::Span<const FieldChange> changes) {
  for (const FieldChange& change : changes) {
    ValueCounts& counts = by_column_[change.column];
    ++(IsNulled(change.coercion) ? counts.nulled : counts.truncated);
    empty_ = false;
  }
}

void ValueTally::AddUndeclared(absl::Span<const absl::string_view> names) {
  ++record_;
  for (const absl::string_view name : names) {
    empty_ = false;
    Undeclared* const found = Find(name);
    if (found == nullptr) {
      ++others_;
    } else if (found->last_record != record_) {
      found->last_record = record_;
      ++found->records;
    }
  }
}

void ValueTally::AddUndeclared(absl::string_view name, int64_t records) {
  if (records == 0) return;
  empty_ = false;
  Undeclared* const found = Find(name);
  (found == nullptr ? others_ : found->records) += records;
}

ValueTally::Undeclared* ValueTally::Find(absl::string_view name) {
  const auto known = undeclared_.find(name);
  if (known != undeclared_.end()) return &known->second;
  if (undeclared_.size() >= kMaxUndeclaredNames || name.size() > kMaxFieldNameBytes * 4) {
    return nullptr;
  }
  return &undeclared_[std::string(name)];
}

FieldCounts ValueTally::Take() {
  FieldCounts fields;
  for (size_t i = 0; i < by_column_.size(); ++i) {
    if (by_column_[i] == ValueCounts{}) continue;
    fields[names_[i]] += by_column_[i];
    by_column_[i] = ValueCounts{};
  }
  for (auto& [name, found] : undeclared_) {
    if (found.records == 0) continue;
    fields[MakeStorable(name)].undeclared += found.records;
    found.records = 0;
  }
  if (others_ > 0) fields[kOtherFields].undeclared += others_;
  others_ = 0;
  empty_ = true;
  return fields;
}

}  // namespace syncline::dataflow
