#include "server/postgres/copy/array_frame.h"

#include <cstddef>

#include "server/model/column_type.h"
#include "server/model/evolution_plan.h"
#include "server/postgres/copy/field_bytes.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::postgres {
namespace {

constexpr size_t kCountBytes = 2;
constexpr size_t kLengthBytes = 4;
// Dimensions, flag, oid, length, first index.
constexpr size_t kFrameBytes = 5 * sizeof(uint32_t);

constexpr ElementType kVarchar = {1043, "varchar"};
constexpr ElementType kBigint = {20, "int8"};
constexpr ElementType kJsonb = {3802, "jsonb"};
constexpr ElementType kTimestamptz = {1184, "timestamptz"};

ElementType GetElementType(ColumnType type) {
  switch (type) {
    case ColumnType::kVarchar:
      return kVarchar;
    case ColumnType::kBytea:
      return {17, "bytea"};
    case ColumnType::kNumeric:
      return {1700, "numeric"};
    case ColumnType::kBigint:
      return kBigint;
    case ColumnType::kBoolean:
      return {16, "bool"};
    case ColumnType::kDate:
      return {1082, "date"};
    case ColumnType::kTimestamptz:
      return kTimestamptz;
    case ColumnType::kTimestamp:
      return {1114, "timestamp"};
    case ColumnType::kTimetz:
      return {1266, "timetz"};
    case ColumnType::kTime:
      return {1083, "time"};
    case ColumnType::kJsonb:
      return kJsonb;
  }
  return kJsonb;
}

// The types of FieldEncoderFor(column), by the name without a modifier.
ElementType GetElementType(const ColumnSchema& column) {
  struct UserType {
    absl::string_view name;
    ElementType element;
  };
  static constexpr UserType kUserTypes[] = {
      {"smallint", {21, "int2"}},      {"integer", {23, "int4"}},
      {"real", {700, "float4"}},       {"double precision", {701, "float8"}},
      {"json", {114, "json"}},         {"text", {25, "text"}},
      {"character", {1042, "bpchar"}}, {"uuid", {2950, "uuid"}}};
  const std::string base = WithoutModifier(column.table_type);
  for (const UserType& type : kUserTypes) {
    if (base == type.name) return type.element;
  }
  return GetElementType(column.type);
}

uint32_t ReadBigEndian(absl::string_view bytes, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Returns the length in front of a field, which is -1 for NULL.
int32_t ReadLength(absl::string_view field) {
  return static_cast<int32_t>(ReadBigEndian(field, kLengthBytes));
}

// Appends the fields of the row with which `bytes` starts, each to its array. Returns the row's
// size.
size_t AppendRow(absl::string_view bytes, std::vector<std::optional<std::string>>* arrays) {
  size_t at = kCountBytes;
  for (std::optional<std::string>& array : *arrays) {
    const int32_t length = ReadLength(bytes.substr(at));
    const size_t size = kLengthBytes + (length > 0 ? static_cast<size_t>(length) : 0);
    array->append(bytes.data() + at, size);
    at += size;
  }
  return at;
}

std::vector<std::optional<std::string>> GetFields(absl::string_view row, size_t columns) {
  std::vector<std::optional<std::string>> fields(columns);
  row.remove_prefix(kCountBytes);
  for (std::optional<std::string>& field : fields) {
    const int32_t length = ReadLength(row);
    row.remove_prefix(kLengthBytes);
    if (length < 0) continue;
    field.emplace(row.substr(0, static_cast<size_t>(length)));
    row.remove_prefix(static_cast<size_t>(length));
  }
  return fields;
}

std::vector<std::optional<std::string>> FrameArrays(absl::Span<const ByteBuffer> blocks,
                                                    int64_t rows,
                                                    const std::vector<ElementType>& types) {
  std::vector<std::optional<std::string>> arrays(types.size(), std::string(kFrameBytes, '\0'));
  for (size_t block = 0; block < blocks.size(); ++block) {
    absl::string_view bytes = blocks[block].view();
    if (block == 0) bytes.remove_prefix(kCopyHeaderBytes);
    while (!bytes.empty()) bytes.remove_prefix(AppendRow(bytes, &arrays));
  }
  for (size_t i = 0; i < arrays.size(); ++i) {
    char* const frame = arrays[i]->data();
    PutBigEndian32(frame, 1);
    PutBigEndian32(frame + 4, 1);
    PutBigEndian32(frame + 8, types[i].oid);
    PutBigEndian32(frame + 12, static_cast<uint32_t>(rows));
    PutBigEndian32(frame + 16, 1);
  }
  return arrays;
}

}  // namespace

std::vector<ElementType> GetElementTypes(const TableSchema& schema) {
  std::vector<ElementType> types;
  if (schema.meta == TableMeta::kFull) types = {kVarchar, kTimestamptz, kJsonb};
  if (schema.meta != TableMeta::kNone) types.push_back(kBigint);
  for (const ColumnSchema& column : schema.columns) types.push_back(GetElementType(column));
  return types;
}

std::vector<std::optional<std::string>> FrameRows(absl::Span<const ByteBuffer> blocks, int64_t rows,
                                                  const std::vector<ElementType>& types) {
  if (rows != 1) return FrameArrays(blocks, rows, types);
  // COPY's header and the row may lie in different blocks.
  absl::string_view row = blocks.front().view().substr(kCopyHeaderBytes);
  for (size_t block = 1; row.empty() && block < blocks.size(); ++block) row = blocks[block].view();
  return GetFields(row, types.size());
}

}  // namespace syncline::postgres
