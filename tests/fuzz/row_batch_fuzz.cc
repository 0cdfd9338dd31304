// Fuzzes typed rows, which become rows of COPY BINARY.
//
// The first byte of the input selects either a serialized RowBatch or one that is built from the
// bytes, whose counts are more likely to agree.
#include "base/error.h"
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

v1::RowBatch Draw(ByteSource* source) {
  v1::RowBatch rows;
  const uint8_t row_count = source->Below(5);
  rows.set_row_count(row_count);
  for (const ColumnSchema& column : EveryType().columns) {
    const uint8_t kind = source->Below(8);
    if (kind == 7) continue;
    rows.add_columns(column.input_name);
    v1::ColumnValues* const values = rows.add_values();
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
