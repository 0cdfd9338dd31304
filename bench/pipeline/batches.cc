#include "bench/pipeline/batches.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace syncline::bench {
namespace {

int64_t IntegerOf(const std::string& text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

int64_t MicrosecondsOf(const std::string& text) {
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, text, &time, nullptr) ? absl::ToUnixMicros(time) : 0;
}

int64_t DaysOf(const std::string& text) {
  absl::CivilDay day;
  return absl::ParseCivilTime(text, &day) ? day - absl::CivilDay(1970, 1, 1) : 0;
}

void AppendText(const std::string& text, v1::TextValues* values) {
  values->mutable_data()->append(text);
  values->add_lengths(static_cast<uint32_t>(text.size()));
}

void AppendValue(CellKind kind, const std::string& text, v1::ColumnValues* values) {
  switch (kind) {
    case CellKind::kInteger:
      values->mutable_int64s()->add_values(IntegerOf(text));
      break;
    case CellKind::kBoolean:
      values->mutable_bools()->add_values(text == "true");
      break;
    case CellKind::kNumber:
    case CellKind::kText:
      AppendText(text, values->mutable_texts());
      break;
    case CellKind::kDate:
      values->mutable_dates_days()->add_values(DaysOf(text));
      break;
    case CellKind::kTimestamp:
      values->mutable_timestamps_us()->add_values(MicrosecondsOf(text));
      break;
    case CellKind::kJson:
      AppendText(text, values->mutable_jsons());
      break;
  }
}

// Calls `take(row, cells)` for each record of `slice`.
template <typename Take>
void ForEachRecord(const RecordShape& shape, const Slice& slice, Take take) {
  std::vector<Cell> cells;
  for (int64_t row = 0; row < slice.count; ++row) {
    FillRecord(shape, slice.first + row * slice.step, slice.revision, &cells);
    take(row, cells);
  }
}

}  // namespace

v1::RecordBatch LinesBatch(const RecordShape& shape, RecordFormat format, const Slice& slice) {
  v1::RecordBatch batch;
  batch.set_first_offset(slice.first);
  std::string* const lines =
      format == RecordFormat::kAirbyte ? batch.mutable_airbyte_jsonl() : batch.mutable_jsonl();
  ForEachRecord(shape, slice, [&](int64_t, const std::vector<Cell>& cells) {
    AppendRecord(shape, cells, format, lines);
  });
  return batch;
}

v1::RecordBatch TypedBatch(const RecordShape& shape, const Slice& slice) {
  v1::RecordBatch batch;
  batch.set_first_offset(slice.first);
  v1::RowBatch* const rows = batch.mutable_rows();
  rows->set_row_count(slice.count);
  for (const Column& column : shape.columns) {
    rows->add_columns(column.name);
    rows->add_values()->mutable_nulls()->resize(static_cast<size_t>((slice.count + 7) / 8));
  }
  ForEachRecord(shape, slice, [&](int64_t row, const std::vector<Cell>& cells) {
    for (size_t c = 0; c < cells.size(); ++c) {
      v1::ColumnValues* const values = rows->mutable_values(static_cast<int>(c));
      if (cells[c].null) {
        char& bits = (*values->mutable_nulls())[static_cast<size_t>(row / 8)];
        bits = static_cast<char>(static_cast<unsigned char>(bits) | (1U << (row % 8)));
      }
      AppendValue(shape.columns[c].kind, cells[c].text, values);
    }
  });
  return batch;
}

}  // namespace syncline::bench
