#include "server/dataflow/parse/row_batch_reader.h"

#include <simdjson.h>

#include <string>

#include "absl/strings/ascii.h"
#include "base/utf8.h"
#include "server/dataflow/parse/fixed_values.h"
#include "server/dataflow/text/json_text.h"

namespace syncline::dataflow {
namespace {

bool IsBitSet(const std::string& bits, int64_t index) {
  return ((static_cast<unsigned char>(bits[static_cast<size_t>(index / 8)]) >> (index % 8)) & 1) !=
         0;
}

bool IsNull(const v1::ColumnValues& values, int64_t row) {
  if (values.has_validity()) {
    return !IsBitSet(values.validity().bits(), values.validity().bit_offset() + row);
  }
  return !values.nulls().empty() && IsBitSet(values.nulls(), row);
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

bool AllUtf8(const v1::BufferTexts& texts, const BufferTextsView& view) {
  if (!ValidateUtf8(texts.data())) return false;
  for (int64_t row = 0; row + 1 < view.count(); ++row) {
    const absl::string_view text = view.TextAt(row);
    if (!text.empty() && ContinuesCharacter(text[0])) return false;
  }
  return true;
}

}  // namespace

RowBatchReader::RowBatchReader(const TableSchema& schema, const ColumnSlots& names)
    : names_(&names) {
  for (const ColumnSchema& schema_column : schema.columns) {
    Column column;
    column.target = {schema_column.type, &GetCoercer(schema_column.type, schema_column.json_shape)};
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
    const v1::ColumnValues& values = rows.values(i);
    column.values = &values;
    column.text_row = 0;
    column.text_offset = 0;
    if (values.has_utf8() || values.has_json()) {
      const v1::BufferTexts& texts = values.has_utf8() ? values.utf8() : values.json();
      column.buffer = BufferTextsView(texts);
      column.utf8_checked = AllUtf8(texts, column.buffer);
      continue;
    }
    if (values.has_binary()) column.buffer = BufferTextsView(values.binary());
    column.utf8_checked = (values.has_texts() && AllUtf8(values.texts())) ||
                          (values.has_jsons() && AllUtf8(values.jsons()));
  }
}

RowBatchReader::Cell RowBatchReader::Read(size_t index, int64_t row, ScratchArena* scratch,
                                          Value* value, Coercion* coercion) {
  Column& column = columns_[index];
  if (column.values == nullptr || IsNull(*column.values, row)) return Cell::kNull;
  const v1::ColumnValues& values = *column.values;
  const TypedTarget& target = column.target;
  const int at = static_cast<int>(row);
  switch (values.values_case()) {
    case v1::ColumnValues::kInt64S:
      *coercion = FromInt64(values.int64s().values(at), target, scratch, value);
      break;
    case v1::ColumnValues::kDoubles:
      *coercion = FromDouble(values.doubles().values(at), target, scratch, value);
      break;
    case v1::ColumnValues::kBools:
      *coercion = FromBool(values.bools().values(at), target, scratch, value);
      break;
    case v1::ColumnValues::kTexts:
      return ReadText(TextAt(row, values.texts(), &column), false, column, scratch, value,
                      coercion);
    case v1::ColumnValues::kJsons:
      return ReadText(TextAt(row, values.jsons(), &column), true, column, scratch, value, coercion);
    case v1::ColumnValues::kTimestampsUs:
      *coercion = FromTimestamp(values.timestamps_us().values(at), target, scratch, value);
      break;
    case v1::ColumnValues::kDatesDays:
      *coercion = FromDate(values.dates_days().values(at), target, scratch, value);
      break;
    case v1::ColumnValues::kFixed:
    case v1::ColumnValues::kBits:
    case v1::ColumnValues::kUtf8:
    case v1::ColumnValues::kJson:
    case v1::ColumnValues::kBinary:
      return ReadBuffer(row, column, scratch, value, coercion);
    case v1::ColumnValues::VALUES_NOT_SET:
      return Cell::kNull;
  }
  return Cell::kValue;
}

RowBatchReader::Cell RowBatchReader::ReadBuffer(int64_t row, const Column& column,
                                                ScratchArena* scratch, Value* value,
                                                Coercion* coercion) {
  const v1::ColumnValues& values = *column.values;
  if (values.has_fixed()) {
    *coercion = ReadFixed(values.fixed(), row, column.target, scratch, value);
    return Cell::kValue;
  }
  if (values.has_bits()) {
    const bool flag = IsBitSet(values.bits().bits(), values.bits().bit_offset() + row);
    *coercion = FromBool(flag, column.target, scratch, value);
    return Cell::kValue;
  }
  const absl::string_view text = column.buffer.TextAt(row);
  if (!values.has_binary()) {
    return ReadText(text, values.has_json(), column, scratch, value, coercion);
  }
  *coercion = FromBytes(text, column.target, scratch, value);
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
  const Coercer& coercer = *column.target.coercer;
  if (!is_json) {
    *coercion = coercer.from_text(text, scratch, value);
    return Cell::kValue;
  }
  const absl::string_view json = absl::StripAsciiWhitespace(text);
  if (json == "null") return Cell::kNull;
  // Coercers of types other than jsonb rely on the bounds of the token, which are not checked yet.
  if (json.empty() || (column.target.type != ColumnType::kJsonb &&
                       CheckJson(json, JsonStyle::kAsIs, scratch).status == JsonStatus::kInvalid)) {
    *coercion = Coercion::kMalformed;
  } else {
    *coercion = coercer.from_json(json, scratch, value);
  }
  return Cell::kValue;
}

}  // namespace syncline::dataflow
