#include "server/dataflow/parse/record_rules.h"

#include <algorithm>

namespace syncline::dataflow {
namespace {

// An index entry may have at most 2,704 bytes for the key and its headers (nbtree.h,
// BTMaxItemSize).
constexpr int64_t kMaxKeyBytes = 2600;
// Maximum size of a row without the values that are stored out of line (htup_details.h,
// MaxHeapTupleSize).
constexpr int64_t kMaxRowBytes = 8160;
// Rows with at most this number of columns always fit, because no column needs more than 24 bytes.
constexpr size_t kMaxUncheckedColumns = 300;
constexpr int64_t kToastPointerBytes = 18;
// Values of at most this size are never moved out of line (heaptoast.c).
constexpr int64_t kMaxInlineBytes = 24;
constexpr int64_t kTupleHeaderBytes = 23;

struct Width {
  int64_t bytes = 0;
  int64_t alignment = 1;
};

// Returns the width of a value of variable length with `payload` bytes, after every value that can
// be moved out of line has been moved.
Width Variable(int64_t payload) {
  const int64_t bytes = payload + 1;
  return {bytes > kMaxInlineBytes ? kToastPointerBytes : bytes, 1};
}

Width GetWidth(ColumnType type, const Value& value) {
  switch (type) {
    case ColumnType::kVarchar:
    case ColumnType::kBytea:
      return Variable(value.text_size);
    case ColumnType::kNumeric:
      // Two bytes per four digits, one more group because of the decimal point, and the header.
      return Variable((value.text_size + 3) / 4 * 2 + 4);
    case ColumnType::kJsonb:
      return {kMaxInlineBytes, 1};  // the size of its binary form is not known here
    case ColumnType::kBigint:
    case ColumnType::kTimestamptz:
    case ColumnType::kTimestamp:
    case ColumnType::kTime:
      return {8, 8};
    case ColumnType::kBoolean:
      return {1, 1};
    case ColumnType::kDate:
      return {4, 4};
    case ColumnType::kTimetz:
      return {12, 8};
  }
  return {};
}

int64_t AlignUp(int64_t offset, int64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

}  // namespace

RecordRules::RecordRules(const TableSchema& schema, bool require_key)
    : check_width_(schema.columns.size() > kMaxUncheckedColumns) {
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const ColumnSchema& column = schema.columns[i];
    types_.push_back(column.type);
    const bool in_key =
        require_key && std::find(schema.primary_key.begin(), schema.primary_key.end(),
                                 column.column_name) != schema.primary_key.end();
    if (in_key) key_.push_back(i);
    if (!column.nullable) required_.push_back(i);
    if (!require_key) continue;
    decides_.emplace_back();
    if (schema.cursor == column.column_name) decides_.back() = RejectReason::kCursorChanged;
    if (in_key) decides_.back() = RejectReason::kKeyChanged;
  }
}

std::optional<RejectReason> RecordRules::CheckAll(absl::Span<const Value> values) const {
  for (const size_t column : required_) {
    if (values[column].is_null()) return RejectReason::kMissingKey;
  }
  const auto is_null = [&](size_t column) { return values[column].is_null(); };
  if (!key_.empty() && std::all_of(key_.begin(), key_.end(), is_null)) {
    return RejectReason::kMissingKey;
  }
  if (KeyBytes(values) > kMaxKeyBytes) return RejectReason::kKeyTooLarge;
  if (check_width_ && !FitsPage(values)) return RejectReason::kRowTooWide;
  return std::nullopt;
}

int64_t RecordRules::KeyBytes(absl::Span<const Value> values) const {
  int64_t bytes = 0;
  for (const size_t column : key_) {
    const Value& value = values[column];
    if (value.kind != Value::Kind::kText) {
      bytes += 8;
    } else if (types_[column] == ColumnType::kNumeric) {
      bytes += value.text_size / 2 + 8;
    } else if (types_[column] == ColumnType::kJsonb &&
               (value.text_data[0] == '{' || value.text_data[0] == '[')) {
      bytes += value.text_size * 6;  // [1,1]: twelve bytes per element of two characters
    } else {
      bytes += value.text_size;
    }
  }
  return bytes;
}

bool RecordRules::FitsPage(absl::Span<const Value> values) const {
  // The meta columns: raw id (out of line), time, meta (out of line or short) and generation.
  int64_t bytes = AlignUp(kTupleHeaderBytes + (static_cast<int64_t>(values.size()) + 4 + 7) / 8, 8);
  bytes = AlignUp(bytes + kToastPointerBytes, 8) + 8;
  bytes = AlignUp(bytes + kMaxInlineBytes, 8) + 8;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].is_null()) continue;
    const Width width = GetWidth(types_[i], values[i]);
    bytes = AlignUp(bytes, width.alignment) + width.bytes;
  }
  return bytes <= kMaxRowBytes;
}

}  // namespace syncline::dataflow
