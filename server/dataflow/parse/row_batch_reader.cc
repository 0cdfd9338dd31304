#include "server/dataflow/parse/row_batch_reader.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/utf8.h"
#include "server/dataflow/coercion/calendar.h"
#include "server/dataflow/coercion/date_range.h"
#include "server/dataflow/coercion/timestamp_range.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {
namespace {

// PostgreSQL's limit of columns. A stream has at most 1596.
constexpr int kMaxColumns = 1600;

constexpr int64_t kUnixEpochMicros = kPostgresEpochDays * kMicrosPerDay;
constexpr int64_t kMinUnixMicros = kMinTimestamp + kUnixEpochMicros;

bool IsNull(const v1::ColumnValues& values, int64_t row) {
  const auto byte = static_cast<size_t>(row / 8);
  if (byte >= values.nulls().size()) return false;
  return ((static_cast<unsigned char>(values.nulls()[byte]) >> (row % 8)) & 1) != 0;
}

int64_t CountOf(const v1::ColumnValues& values) {
  switch (values.values_case()) {
    case v1::ColumnValues::kInt64S:
      return values.int64s().values_size();
    case v1::ColumnValues::kDoubles:
      return values.doubles().values_size();
    case v1::ColumnValues::kBools:
      return values.bools().values_size();
    case v1::ColumnValues::kTexts:
      return values.texts().lengths_size();
    case v1::ColumnValues::kJsons:
      return values.jsons().lengths_size();
    case v1::ColumnValues::kTimestampsUs:
      return values.timestamps_us().values_size();
    case v1::ColumnValues::kDatesDays:
      return values.dates_days().values_size();
    case v1::ColumnValues::VALUES_NOT_SET:
      break;
  }
  return 0;
}

bool LengthsFit(const v1::TextValues& texts) {
  uint64_t sum = 0;
  for (const uint32_t length : texts.lengths()) sum += length;
  return sum == texts.data().size();
}

void CheckColumn(const v1::ColumnValues& values, int64_t row_count, const std::string& path,
                 std::vector<FieldViolation>* violations) {
  const auto null_bytes = static_cast<int64_t>(values.nulls().size());
  if (null_bytes != 0 && null_bytes != (row_count + 7) / 8) {
    violations->push_back(
        {path + ".nulls", absl::StrCat("has ", null_bytes, " bytes for ", row_count, " records")});
  }
  if (CountOf(values) != row_count) {
    violations->push_back(
        {path, absl::StrCat("has ", CountOf(values), " values for ", row_count, " records")});
  }
  const bool texts_fit = !values.has_texts() || LengthsFit(values.texts());
  const bool jsons_fit = !values.has_jsons() || LengthsFit(values.jsons());
  if (!texts_fit || !jsons_fit) {
    violations->push_back({path + (texts_fit ? ".jsons" : ".texts") + ".lengths",
                           "must add up to the length of data"});
  }
}

// Prints a number into the scratch space.
template <typename Number>
absl::string_view Print(Number number, ScratchArena* scratch) {
  constexpr size_t kMaxChars = 32;
  char* const begin = scratch->Allocate(kMaxChars);
  char* const end = std::to_chars(begin, begin + kMaxChars, number).ptr;
  scratch->TrimTo(end);
  return absl::string_view(begin, static_cast<size_t>(end - begin));
}

absl::string_view Keep(const std::string& text, ScratchArena* scratch) {
  char* const begin = scratch->Allocate(text.size());
  std::memcpy(begin, text.data(), text.size());
  return absl::string_view(begin, text.size());
}

std::string IsoDate(int64_t days) {
  const CivilDate date = CivilFromDays(days);
  if (date.year > 0) return absl::StrFormat("%04d-%02d-%02d", date.year, date.month, date.day);
  return absl::StrFormat("%04d-%02d-%02d BC", 1 - date.year, date.month, date.day);
}

std::string IsoTimestamp(int64_t unix_micros) {
  int64_t days = unix_micros / kMicrosPerDay;
  if (unix_micros % kMicrosPerDay < 0) --days;
  const int64_t micros = unix_micros - days * kMicrosPerDay;
  const int64_t seconds = micros / kMicrosPerSecond;
  const CivilDate date = CivilFromDays(days);
  std::string text =
      absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", date.year > 0 ? date.year : 1 - date.year,
                      date.month, date.day, seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micros % kMicrosPerSecond != 0) {
    absl::StrAppendFormat(&text, ".%06d", micros % kMicrosPerSecond);
  }
  return text + (date.year > 0 ? "Z" : "Z BC");
}

Coercion FromTimestamp(int64_t unix_micros, ColumnType type, const Coercer& coercer,
                       ScratchArena* scratch, Value* value) {
  if (unix_micros < kMinUnixMicros || !IsTimestampInRange(unix_micros - kUnixEpochMicros)) {
    return Coercion::kOutOfRange;
  }
  if (type == ColumnType::kTimestamp || type == ColumnType::kTimestamptz) {
    *value = Value::Scalar(unix_micros - kUnixEpochMicros);
    return Coercion::kFits;
  }
  return coercer.from_text(Keep(IsoTimestamp(unix_micros), scratch), scratch, value);
}

Coercion FromDate(int64_t unix_days, ColumnType type, const Coercer& coercer, ScratchArena* scratch,
                  Value* value) {
  constexpr int64_t kMaxDays = int64_t{1} << 31;  // exceeds the dates of every type
  if (unix_days < -kMaxDays || unix_days > kMaxDays) return Coercion::kOutOfRange;
  if (type == ColumnType::kDate) {
    const int64_t days = unix_days - kPostgresEpochDays;
    if (!IsDateInRange(days)) return Coercion::kOutOfRange;
    *value = Value::Scalar(days);
    return Coercion::kFits;
  }
  return coercer.from_text(Keep(IsoDate(unix_days), scratch), scratch, value);
}

Coercion FromDouble(double number, const Coercer& coercer, ScratchArena* scratch, Value* value) {
  if (!std::isfinite(number)) return Coercion::kUnreadable;
  return coercer.from_json(Print(number, scratch), scratch, value);
}

Coercion FromInt64(int64_t number, ColumnType type, const Coercer& coercer, ScratchArena* scratch,
                   Value* value) {
  if (type == ColumnType::kBigint) {
    *value = Value::Scalar(number);
    return Coercion::kFits;
  }
  return coercer.from_json(Print(number, scratch), scratch, value);
}

bool ValidateUtf8(absl::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

// Returns true if every text of `texts` is UTF-8. If it returns false, each text must be checked.
bool AllUtf8(const v1::TextValues& texts) {
  if (!ValidateUtf8(texts.data())) return false;
  size_t offset = 0;
  for (const uint32_t length : texts.lengths()) {
    // A text must not start in the middle of a character.
    if (length > 0 && ContinuesCharacter(texts.data()[offset])) return false;
    offset += length;
  }
  return true;
}

absl::Status InvalidRows(std::vector<FieldViolation> violations) {
  return MakeError(absl::StatusCode::kInvalidArgument, "the counts of the typed rows do not match",
                   {.reason = reason::kInvalidRows, .violations = std::move(violations)});
}

}  // namespace

absl::Status CheckRowBatch(const v1::RowBatch& rows) {
  std::vector<FieldViolation> violations;
  if (rows.columns_size() > kMaxColumns || rows.values_size() > kMaxColumns) {
    return InvalidRows({{"rows.columns", "must have at most 1600 entries"}});
  }
  if (rows.row_count() < 0) violations.push_back({"rows.row_count", "must not be negative"});
  if (rows.row_count() > 0 && rows.columns_size() == 0) {
    violations.push_back({"rows.columns", "must not be empty if row_count is positive"});
  }
  if (rows.columns_size() != rows.values_size()) {
    violations.push_back({"rows.values", absl::StrCat("has ", rows.values_size(), " entries for ",
                                                      rows.columns_size(), " columns")});
  }
  std::set<std::string> names;
  for (int i = 0; i < rows.columns_size(); ++i) {
    if (!names.insert(rows.columns(i)).second) {
      violations.push_back({absl::StrCat("rows.columns[", i, "]"), "is listed twice"});
    }
  }
  for (int i = 0; i < rows.values_size(); ++i) {
    CheckColumn(rows.values(i), rows.row_count(), absl::StrCat("rows.values[", i, "]"),
                &violations);
  }
  return violations.empty() ? absl::OkStatus() : InvalidRows(std::move(violations));
}

RowBatchReader::RowBatchReader(const TableSchema& schema, const ColumnSlots& names)
    : names_(&names) {
  for (const ColumnSchema& schema_column : schema.columns) {
    Column column;
    column.type = schema_column.type;
    column.coercer = &GetCoercer(schema_column.type, schema_column.json_shape);
    columns_.push_back(column);
  }
}

void RowBatchReader::Open(const v1::RowBatch& rows) {
  for (Column& column : columns_) column.values = nullptr;
  undeclared_.clear();
  for (int i = 0; i < rows.columns_size(); ++i) {
    const int found = names_->FindName(rows.columns(i));
    if (found < 0) {  // ignored, as in JSON
      undeclared_.push_back(rows.columns(i));
      continue;
    }
    Column& column = columns_[static_cast<size_t>(found)];
    column.values = &rows.values(i);
    column.text_row = 0;
    column.text_offset = 0;
    column.utf8_checked = (rows.values(i).has_texts() && AllUtf8(rows.values(i).texts())) ||
                          (rows.values(i).has_jsons() && AllUtf8(rows.values(i).jsons()));
  }
}

RowBatchReader::Cell RowBatchReader::Read(size_t index, int64_t row, ScratchArena* scratch,
                                          Value* value, Coercion* coercion) {
  Column& column = columns_[index];
  if (column.values == nullptr || IsNull(*column.values, row)) return Cell::kNull;
  const v1::ColumnValues& values = *column.values;
  const Coercer& coercer = *column.coercer;
  const int at = static_cast<int>(row);
  switch (values.values_case()) {
    case v1::ColumnValues::kInt64S:
      *coercion = FromInt64(values.int64s().values(at), column.type, coercer, scratch, value);
      break;
    case v1::ColumnValues::kDoubles:
      *coercion = FromDouble(values.doubles().values(at), coercer, scratch, value);
      break;
    case v1::ColumnValues::kBools:
      *coercion = coercer.from_json(values.bools().values(at) ? "true" : "false", scratch, value);
      break;
    case v1::ColumnValues::kTexts:
      return ReadText(TextAt(row, values.texts(), &column), false, column, scratch, value,
                      coercion);
    case v1::ColumnValues::kJsons:
      return ReadText(TextAt(row, values.jsons(), &column), true, column, scratch, value, coercion);
    case v1::ColumnValues::kTimestampsUs:
      *coercion =
          FromTimestamp(values.timestamps_us().values(at), column.type, coercer, scratch, value);
      break;
    case v1::ColumnValues::kDatesDays:
      *coercion = FromDate(values.dates_days().values(at), column.type, coercer, scratch, value);
      break;
    case v1::ColumnValues::VALUES_NOT_SET:
      return Cell::kNull;
  }
  return Cell::kValue;
}

absl::string_view RowBatchReader::TextAt(int64_t row, const v1::TextValues& texts, Column* column) {
  for (; column->text_row < row; ++column->text_row) {
    column->text_offset += texts.lengths(static_cast<int>(column->text_row));
  }
  return absl::string_view(texts.data())
      .substr(column->text_offset, texts.lengths(static_cast<int>(row)));
}

RowBatchReader::Cell RowBatchReader::ReadText(absl::string_view text, bool is_json,
                                              const Column& column, ScratchArena* scratch,
                                              Value* value, Coercion* coercion) {
  if (!column.utf8_checked && !ValidateUtf8(text)) return Cell::kInvalidUtf8;
  if (!is_json) {
    *coercion = column.coercer->from_text(text, scratch, value);
    return Cell::kValue;
  }
  const absl::string_view json = absl::StripAsciiWhitespace(text);
  if (json == "null") return Cell::kNull;
  // Coercers of types other than jsonb rely on the bounds of the token, which are not checked yet.
  if (json.empty() || (column.type != ColumnType::kJsonb &&
                       CheckJson(json, JsonStyle::kAsIs, scratch).status == JsonStatus::kInvalid)) {
    *coercion = Coercion::kMalformed;
  } else {
    *coercion = column.coercer->from_json(json, scratch, value);
  }
  return Cell::kValue;
}

}  // namespace syncline::dataflow
