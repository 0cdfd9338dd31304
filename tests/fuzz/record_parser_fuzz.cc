// Fuzzes lines of JSON, which become rows of COPY BINARY, and compares them with a slow JSON
// parser.
//
// The first byte of the input selects the format and the options. The rest is the batch.
#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "server/dataflow/parse/record_parser.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/decimal_reference.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/json_reference.h"
#include "tests/fuzz/parsed_records.h"

namespace syncline::fuzz {
namespace {

using dataflow::RecordParser;
using dataflow::RejectReason;
using Kind = JsonNode::Kind;

constexpr int64_t kSmallRecord = 256;
// Lines that are deeper may exceed the parser's depth limit, so nothing is expected of them.
constexpr int kReadableDepth = 900;
constexpr int kStorableDepth = 512;

struct Mode {
  bool airbyte = false;
  bool require_key = false;
  bool small_records = false;
};

bool IsMissing(const JsonNode* value) { return value == nullptr || value->kind == Kind::kNull; }

bool IsScalarOfNumber(const JsonNode& value) {
  return value.kind == Kind::kNumber || value.kind == Kind::kString;
}

// Returns the string as a varchar column stores it.
std::string WithoutNul(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
  return text;
}

absl::string_view Trimmed(absl::string_view text) {
  while (!text.empty() && absl::StrContains("\t\n\v\f\r ", text.front())) text.remove_prefix(1);
  while (!text.empty() && absl::StrContains("\t\n\v\f\r ", text.back())) text.remove_suffix(1);
  return text;
}

// Returns the number in a value that a numeric or bigint column may store.
std::optional<WrittenDecimal> NumberOf(const JsonNode& value) {
  if (!IsScalarOfNumber(value)) return std::nullopt;
  return ReadDecimal(value.kind == Kind::kString ? Trimmed(value.text) : value.token);
}

void CheckVarchar(const JsonNode& value, const CopyField& field) {
  if (value.kind == Kind::kNotFinite) return Expect(!field.has_value(), "NaN is NULL", value.token);
  Expect(field.has_value(), "varchar stores everything", value.token);
  switch (value.kind) {
    case Kind::kString:
      return Expect(*field == WithoutNul(value.text), "a string is kept", value.token, *field);
    case Kind::kNumber:
    case Kind::kBoolean:
      return Expect(*field == value.token, "a scalar is kept as written", value.token, *field);
    case Kind::kArray:
    case Kind::kObject:
      return Expect(ReadJson(*field).has_value(), "a container is kept as JSON", *field);
    case Kind::kNotFinite:
    case Kind::kNull:
      break;
  }
}

void CheckJson(const ColumnSchema& column, const JsonNode& value, const CopyField& field) {
  if (value.kind == Kind::kNotFinite) return Expect(!field.has_value(), "NaN is NULL", value.token);
  if (value.kind == Kind::kString && column.json_shape != JsonShape::kAny) {
    return Expect(!field.has_value() || ReadJson(absl::StrCat(value.text)).has_value(),
                  "a string is stored if it is JSON", value.token);
  }
  // Without an exponent, a short text cannot exceed numeric's limits.
  const bool surely_stored = value.depth <= kStorableDepth &&
                             value.token.find_first_of("eE") == absl::string_view::npos &&
                             column.json_shape == JsonShape::kAny;
  Expect(field.has_value() || !surely_stored, "jsonb stores JSON", value.token);
  if (!field.has_value()) return;
  if (!value.unstorable && !value.not_finite) {
    Expect(field->substr(1) == value.token, "JSON is kept as it is", value.token, *field);
  }
  Expect(value.depth <= kStorableDepth, "deep JSON is not stored", column.column_name);
}

void CheckNumber(ColumnType type, const JsonNode& value, const CopyField& field) {
  const std::optional<WrittenDecimal> written = NumberOf(value);
  if (!written.has_value()) {
    return Expect(!field.has_value(), "a value that is not a number is NULL", value.token);
  }
  if (type == ColumnType::kBigint) {
    const std::optional<int64_t> expected = StoreAsBigint(written->value);
    Expect(expected.has_value() == field.has_value(), "bigint stores exactly its numbers",
           value.token);
    return Expect(!expected || *expected == NumberIn(*field), "bigint keeps the value",
                  value.token);
  }
  const std::optional<StoredDecimal> expected = StoreAsNumeric(*written);
  Expect(expected.has_value() == field.has_value(), "numeric stores exactly its numbers",
         value.token);
  int64_t scale = 0;
  Expect(!expected || expected->value == ReadNumericField(*field, &scale),
         "numeric keeps the value", value.token);
}

void CheckColumn(const ColumnSchema& column, const JsonNode& value, const CopyField& field) {
  switch (column.type) {
    case ColumnType::kVarchar:
      return CheckVarchar(value, field);
    case ColumnType::kJsonb:
      return CheckJson(column, value, field);
    case ColumnType::kBigint:
    case ColumnType::kNumeric:
      return CheckNumber(column.type, value, field);
    case ColumnType::kBoolean:
      return Expect(field.has_value() == (value.kind == Kind::kBoolean),
                    "only booleans are booleans", value.token);
    case ColumnType::kBytea:
      return Expect(!field.has_value() || value.kind == Kind::kString, "bytes come from strings",
                    value.token);
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
    case ColumnType::kTimestamptz:
    case ColumnType::kTime:
    case ColumnType::kTimetz:
      return Expect(!field.has_value() || value.kind == Kind::kString, "times come from strings",
                    value.token);
  }
}

// Checks the row that was made from the fields of `data`.
void CheckRow(const JsonNode& data, size_t source_changes, const ParsedRecord& row) {
  const std::map<std::string, std::string> changes = OwnChanges(row, source_changes);
  const std::vector<ColumnSchema>& columns = EveryType().columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    const CopyField& field = row.fields[kMetaFields + i];
    const JsonNode* const value = data.Find(columns[i].input_name);
    const bool noted = changes.count(columns[i].input_name) != 0;
    if (IsMissing(value)) {
      Expect(!field.has_value() && !noted, "a missing value is NULL without a change",
             columns[i].input_name);
      continue;
    }
    Expect(field.has_value() || noted, "every nulled value is recorded", value->token);
    CheckColumn(columns[i], *value, field);
  }
}

// Returns the data of an Airbyte RECORD message, or null if it is not one.
const JsonNode* FindData(const JsonNode& message, size_t* source_changes) {
  const JsonNode* const type = message.Find("type");
  const JsonNode* const record = message.Find("record");
  if (type == nullptr || type->kind != Kind::kString || type->unstorable ||
      type->text != "RECORD" || record == nullptr || record->kind != Kind::kObject) {
    return nullptr;
  }
  const JsonNode* const meta = record->Find("meta");
  const JsonNode* const changes =
      meta == nullptr || meta->kind != Kind::kObject ? nullptr : meta->Find("changes");
  const bool has_changes = changes != nullptr && changes->kind == Kind::kArray;
  *source_changes = has_changes ? changes->items.size() : 0;
  const JsonNode* const data = record->Find("data");
  return data == nullptr || data->kind != Kind::kObject ? nullptr : data;
}

void CheckRejected(const Mode& mode, absl::string_view line, const std::optional<JsonNode>& node,
                   const JsonNode* data, const ParsedRecord& record) {
  Expect(record.raw == line, "a rejected record is kept unchanged", line, record.raw);
  const bool is_object = node.has_value() && node->kind == Kind::kObject;
  switch (*record.reject) {
    case RejectReason::kInvalidJson:
      return Expect(!node.has_value() || !IsUtf8(line), "INVALID_JSON is not JSON", line);
    case RejectReason::kInvalidUtf8:
      return Expect(!IsUtf8(line), "INVALID_UTF8 is not UTF-8", line);
    case RejectReason::kNotAnObject:
      return Expect(node.has_value() && !is_object, "NOT_AN_OBJECT is not an object", line);
    case RejectReason::kTooDeep:
      return Expect(!node.has_value() || node->depth > kReadableDepth, "TOO_DEEP is deep", line);
    case RejectReason::kRecordTooLarge:
      return Expect(mode.small_records && line.size() > kSmallRecord, "RECORD_TOO_LARGE", line);
    case RejectReason::kNotARecord:
      return Expect(mode.airbyte && is_object && data == nullptr, "NOT_A_RECORD is not a record",
                    line);
    case RejectReason::kMissingKey:
      return Expect(mode.require_key && data != nullptr, "MISSING_KEY needs a key", line);
    case RejectReason::kKeyChanged:
      return Expect(mode.require_key && data != nullptr, "KEY_CHANGED needs a key", line);
    case RejectReason::kCursorChanged:
    case RejectReason::kKeyTooLarge:
    case RejectReason::kRowTooWide:
      return Expect(false, "there is no cursor, and neither key nor row can be too large", line);
  }
}

void CheckRecord(const Mode& mode, absl::string_view line, const ParsedRecord& record) {
  const std::optional<JsonNode> node = ReadJson(line);
  size_t source_changes = 0;
  const JsonNode* data = nullptr;
  if (node.has_value() && node->kind == Kind::kObject) {
    data = mode.airbyte ? FindData(*node, &source_changes) : &*node;
  }
  if (record.reject) return CheckRejected(mode, line, node, data, record);
  Expect(IsUtf8(line), "an accepted line is UTF-8", line);
  if (!node.has_value())
    return Expect(line.size() > kReadableDepth, "an accepted line is JSON", line);
  Expect(data != nullptr, "a row has data", line);
  CheckRow(*data, source_changes, record);
}

RecordParser* ParserFor(const Mode& mode) {
  dataflow::RecordParserOptions options;
  options.require_key = mode.require_key;
  if (mode.small_records) options.max_record_bytes = kSmallRecord;
  static std::unique_ptr<RecordParser> parsers[2][2];
  std::unique_ptr<RecordParser>& parser = parsers[mode.require_key][mode.small_records];
  if (parser == nullptr) parser = std::make_unique<RecordParser>(EveryType(), options);
  return parser.get();
}

v1::RecordBatch BatchOf(const Mode& mode, absl::string_view lines, int64_t first_offset) {
  v1::RecordBatch batch;
  batch.set_first_offset(first_offset);
  (mode.airbyte ? batch.mutable_airbyte_jsonl() : batch.mutable_jsonl())
      ->assign(lines.data(), lines.size());
  return batch;
}

void CheckInput(ByteSource source) {
  const uint8_t bits = source.Byte();
  const Mode mode{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
  constexpr int64_t kFirstOffset = 100;
  const absl::string_view lines = source.Rest();
  const std::vector<ParsedRecord> records =
      ParseAll(ParserFor(mode), BatchOf(mode, lines, kFirstOffset));
  std::vector<absl::string_view> expected = absl::StrSplit(lines, '\n');
  if (expected.back().empty()) expected.pop_back();
  Expect(records.size() == expected.size(), "each line is one record", records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    CheckRecord(mode, expected[i], records[i]);
    const int64_t offset = kFirstOffset + static_cast<int64_t>(i);
    const std::vector<ParsedRecord> alone =
        ParseAll(ParserFor(mode), BatchOf(mode, absl::StrCat(expected[i], "\n"), offset));
    Expect(alone.size() == 1 && alone[0] == records[i], "a record does not depend on others",
           expected[i]);
  }
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  syncline::fuzz::CheckInput({data, size});
  return 0;
}
