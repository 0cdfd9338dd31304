// Fuzzes typed rows, which become rows of COPY BINARY.
//
// The first byte of the input selects either a serialized RowBatch or one that is built from the
// bytes, whose counts are more likely to agree.
#include "base/error.h"
#include "server/dataflow/parse/fixed_values.h"
#include "server/dataflow/parse/record_parser.h"
#include "tests/fuzz/byte_source.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/parsed_records.h"

namespace syncline::fuzz {
namespace {

using dataflow::RecordParser;
using dataflow::RejectReason;

constexpr int64_t kMaxRows = 64;

void AddText(ByteSource* source, v1::TextValues* texts) {
  const absl::string_view text = source->Text(source->Below(40));
  texts->mutable_data()->append(text.data(), text.size());
  texts->add_lengths(static_cast<uint32_t>(text.size()));
}

void AddValue(uint8_t kind, ByteSource* source, v1::ColumnValues* values) {
  const auto number = static_cast<int64_t>(source->Long());
  double real = 0;
  std::memcpy(&real, &number, sizeof(real));
  switch (kind) {
    case 0:
      return values->mutable_int64s()->add_values(number);
    case 1:
      return values->mutable_doubles()->add_values(real);
    case 2:
      return values->mutable_bools()->add_values(number % 2 != 0);
    case 3:
      return AddText(source, values->mutable_texts());
    case 4:
      return AddText(source, values->mutable_jsons());
    case 5:
      return values->mutable_timestamps_us()->add_values(number);
    default:
      return values->mutable_dates_days()->add_values(number % 4000000000);
  }
}

template <typename Number>
void AppendBytes(Number number, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Draws the bits of `row_count` records, at times with a byte too many.
template <typename Bits>
void DrawBits(int64_t row_count, ByteSource* source, Bits* bits) {
  bits->set_bit_offset(source->Below(9));
  const int64_t bytes = (row_count + bits->bit_offset() + 7) / 8 + (source->Below(16) == 0 ? 1 : 0);
  for (int64_t i = 0; i < bytes; ++i)
    bits->mutable_bits()->push_back(static_cast<char>(source->Byte()));
}

void DrawFixed(int64_t row_count, ByteSource* source, v1::FixedValues* fixed) {
  fixed->set_type(static_cast<v1::FixedType>(source->Below(23)));
  if (fixed->type() == v1::FIXED_TYPE_DECIMAL128) {
    fixed->set_scale(static_cast<int8_t>(source->Byte()));
  }
  const int64_t bytes = row_count * dataflow::GetFixedWidth(fixed->type());
  const absl::string_view drawn = source->Text(static_cast<size_t>(bytes));
  fixed->set_data(std::string(drawn));
  fixed->mutable_data()->resize(static_cast<size_t>(bytes));
}

void DrawBuffer(int64_t row_count, ByteSource* source, v1::BufferTexts* texts) {
  texts->set_wide(source->Flag());
  int64_t offset = source->Byte();
  for (int64_t row = 0; row <= row_count; ++row) {
    if (texts->wide()) {
      AppendBytes(offset, texts->mutable_offsets());
    } else {
      AppendBytes(static_cast<int32_t>(offset), texts->mutable_offsets());
    }
    if (row == row_count) return;
    const absl::string_view text = source->Text(source->Below(40));
    texts->mutable_data()->append(text.data(), text.size());
    // A decreasing offset now and then.
    offset += source->Below(32) == 0 ? -1 : static_cast<int64_t>(text.size());
  }
}

void DrawBuffers(uint8_t kind, int64_t row_count, ByteSource* source, v1::ColumnValues* values) {
  if (source->Flag()) DrawBits(row_count, source, values->mutable_validity());
  switch (kind) {
    case 7:
      return DrawFixed(row_count, source, values->mutable_fixed());
    case 8:
      return DrawBits(row_count, source, values->mutable_bits());
    case 9:
      return DrawBuffer(row_count, source, values->mutable_utf8());
    case 10:
      return DrawBuffer(row_count, source, values->mutable_json());
    default:
      return DrawBuffer(row_count, source, values->mutable_binary());
  }
}

v1::RowBatch Draw(ByteSource* source) {
  v1::RowBatch rows;
  const uint8_t row_count = source->Below(5);
  rows.set_row_count(row_count);
  for (const ColumnSchema& column : EveryType().columns) {
    const uint8_t kind = source->Below(13);
    if (kind == 12) continue;
    rows.add_columns(column.input_name);
    v1::ColumnValues* const values = rows.add_values();
    if (kind >= 7) {
      DrawBuffers(kind, row_count, source, values);
      continue;
    }
    if (source->Flag()) values->set_nulls(std::string(1, static_cast<char>(source->Byte())));
    for (int row = 0; row < row_count; ++row) AddValue(kind, source, values);
  }
  return rows;
}

void CheckInput(ByteSource source) {
  v1::RecordBatch batch;
  if (source.Flag()) {
    *batch.mutable_rows() = Draw(&source);
  } else {
    const absl::string_view bytes = source.Rest();
    if (!batch.mutable_rows()->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    if (batch.rows().row_count() > kMaxRows) return;
  }
  static auto* const parser = new RecordParser(EveryType(), {});
  const absl::StatusOr<int64_t> count = RecordParser::CountRecords(batch);
  Expect(count.ok() || GetReason(count.status()) == "INVALID_ROWS",
         "inconsistent counts are INVALID_ROWS", count.status().ToString());
  for (const ParsedRecord& record : ParseAll(parser, batch)) {
    if (!record.reject) {
      OwnChanges(record, 0);
      continue;
    }
    Expect(*record.reject == RejectReason::kInvalidUtf8 ||
               *record.reject == RejectReason::kInvalidJson ||
               *record.reject == RejectReason::kTooDeep,
           "a typed row is rejected for its texts", RejectReasonName(*record.reject));
  }
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  syncline::fuzz::CheckInput({data, size});
  return 0;
}
