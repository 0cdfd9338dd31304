#include "tests/fuzz/copy_row.h"

#include "server/model/value.h"
#include "tests/fuzz/decimal_reference.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/json_reference.h"

namespace syncline::fuzz {
namespace {

constexpr size_t kRawIdBytes = 36;
// Limits of numeric_in, date_in and timestamp_in, from PostgreSQL's manual (8.1, 8.5).
constexpr int64_t kFirstDate = -2451545;                  // 4714-11-24 BC
constexpr int64_t kLastDate = 2145031948;                 // 5874897-12-31
constexpr int64_t kFirstTimestamp = -211813488000000000;  // 4714-11-24 00:00 BC
constexpr int64_t kTimestampEnd = 9223371331200000000;    // 294277-01-01 00:00
constexpr int64_t kMaxZoneSeconds = 16 * 3600 - 1;
constexpr int kJsonbDepthLimit = 512;

int64_t TakeBigEndian(absl::string_view* bytes, size_t count) {
  Expect(bytes->size() >= count, "the row is complete", *bytes);
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>((*bytes)[i]);
  bytes->remove_prefix(count);
  const int shift = 64 - 8 * static_cast<int>(count);
  return static_cast<int64_t>(value << shift) >> shift;
}

void CheckTimeOfDay(int64_t micros) {
  Expect(micros >= 0 && micros <= kMicrosPerDay, "a time is between 00:00 and 24:00", micros);
}

void CheckJsonb(JsonShape shape, absl::string_view bytes) {
  Expect(!bytes.empty() && bytes[0] == 1, "jsonb has version 1", bytes);
  const absl::string_view text = bytes.substr(1);
  Expect(IsUtf8(text), "jsonb is UTF-8", text);
  const std::optional<JsonNode> node = ReadJson(text);
  Expect(node.has_value(), "jsonb is JSON", text);
  Expect(!node->unstorable, "jsonb has neither \\u0000 nor lone surrogates", text);
  Expect(node->depth <= kJsonbDepthLimit, "jsonb is not deeper than 512", node->depth);
  Expect(shape != JsonShape::kObject || node->kind == JsonNode::Kind::kObject,
         "an object column has an object", text);
  Expect(shape != JsonShape::kArray || node->kind == JsonNode::Kind::kArray,
         "an array column has an array", text);
}

void ExpectSize(absl::string_view bytes, size_t size) {
  Expect(bytes.size() == size, "a field of a fixed-size type has that size", bytes);
}

}  // namespace

CopyField TakeField(absl::string_view* bytes) {
  const int64_t length = TakeBigEndian(bytes, 4);
  if (length == -1) return std::nullopt;
  Expect(length >= 0 && static_cast<size_t>(length) <= bytes->size(), "a field's length fits",
         length);
  const std::string field(bytes->substr(0, static_cast<size_t>(length)));
  bytes->remove_prefix(field.size());
  return field;
}

int64_t NumberIn(absl::string_view field) {
  return TakeBigEndian(&field, field.size() < 8 ? 4 : 8);
}

void CheckField(ColumnType type, JsonShape shape, const CopyField& field) {
  if (!field.has_value()) return;
  const absl::string_view bytes = *field;
  switch (type) {
    case ColumnType::kVarchar:
      Expect(IsUtf8(bytes), "varchar is UTF-8", bytes);
      return Expect(bytes.find('\0') == absl::string_view::npos, "varchar has no NUL", bytes);
    case ColumnType::kBytea:
      return;
    case ColumnType::kJsonb:
      return CheckJsonb(shape, bytes);
    case ColumnType::kNumeric: {
      int64_t scale = 0;
      ReadNumericField(bytes, &scale);
      return;
    }
    case ColumnType::kBoolean:
      ExpectSize(bytes, 1);
      return Expect(bytes[0] == 0 || bytes[0] == 1, "a boolean is 0 or 1", bytes);
    case ColumnType::kBigint:
      return ExpectSize(bytes, 8);
    case ColumnType::kDate:
      ExpectSize(bytes, 4);
      return Expect(NumberIn(bytes) >= kFirstDate && NumberIn(bytes) <= kLastDate,
                    "a date is in PostgreSQL's range", NumberIn(bytes));
    case ColumnType::kTimestamp:
    case ColumnType::kTimestamptz:
      ExpectSize(bytes, 8);
      return Expect(NumberIn(bytes) >= kFirstTimestamp && NumberIn(bytes) < kTimestampEnd,
                    "a timestamp is in PostgreSQL's range", NumberIn(bytes));
    case ColumnType::kTime:
      ExpectSize(bytes, 8);
      return CheckTimeOfDay(NumberIn(bytes));
    case ColumnType::kTimetz: {
      ExpectSize(bytes, 12);
      CheckTimeOfDay(NumberIn(bytes));
      const int64_t west = NumberIn(bytes.substr(8));
      return Expect(west >= -kMaxZoneSeconds && west <= kMaxZoneSeconds,
                    "a zone is in PostgreSQL's range", west);
    }
  }
}

std::vector<CopyField> ReadRow(absl::string_view bytes, const TableSchema& schema) {
  const int64_t count = TakeBigEndian(&bytes, 2);
  Expect(count == static_cast<int64_t>(kMetaFields + schema.columns.size()),
         "a row has one field per column", count);
  std::vector<CopyField> fields;
  for (int64_t i = 0; i < count; ++i) fields.push_back(TakeField(&bytes));
  Expect(bytes.empty(), "no bytes follow the fields of a row", bytes);
  for (size_t i = 0; i < kMetaFields; ++i) Expect(fields[i].has_value(), "meta is never NULL", i);
  ExpectSize(*fields[0], kRawIdBytes);
  CheckField(ColumnType::kVarchar, JsonShape::kAny, fields[0]);
  CheckField(ColumnType::kTimestamptz, JsonShape::kAny, fields[1]);
  CheckField(ColumnType::kJsonb, JsonShape::kObject, fields[2]);
  CheckField(ColumnType::kBigint, JsonShape::kAny, fields[3]);
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const ColumnSchema& column = schema.columns[i];
    CheckField(column.type, column.json_shape, fields[kMetaFields + i]);
  }
  return fields;
}

}  // namespace syncline::fuzz
