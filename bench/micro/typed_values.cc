// Nanoseconds per value of typed rows, by kind: from the message to the value of its column.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "bench/data/draws.h"
#include "server/dataflow/parse/column_slots.h"
#include "server/dataflow/parse/row_batch_reader.h"

namespace syncline::bench {
namespace {

constexpr int64_t kRows = 2048;

// Reads a batch of one column, repeatedly.
void Read(benchmark::State& state, ColumnType type, const v1::ColumnValues& values) {
  TableSchema schema;
  schema.columns.push_back({"value", "value", type});
  v1::RowBatch rows;
  rows.set_row_count(kRows);
  rows.add_columns("value");
  *rows.add_values() = values;
  const dataflow::ColumnSlots slots(schema);
  dataflow::RowBatchReader reader(schema, slots);
  dataflow::ScratchArena scratch;
  Value value;
  dataflow::Coercion coercion = dataflow::Coercion::kFits;
  for (auto _ : state) {
    reader.Open(rows);
    for (int64_t row = 0; row < kRows; ++row) {
      scratch.Reset();
      benchmark::DoNotOptimize(reader.Read(0, row, &scratch, &value, &coercion));
      benchmark::DoNotOptimize(value);
    }
  }
  if (coercion != dataflow::Coercion::kFits) return state.SkipWithError("values do not fit");
  state.SetItemsProcessed(state.iterations() * kRows);
}

template <typename Number, typename Make>
v1::ColumnValues Fixed(v1::FixedType type, Make make) {
  v1::ColumnValues values;
  values.mutable_fixed()->set_type(type);
  for (int64_t row = 0; row < kRows; ++row) {
    const Number number = make(row);
    values.mutable_fixed()->mutable_data()->append(reinterpret_cast<const char*>(&number),
                                                   sizeof(number));
  }
  return values;
}

void Listed(benchmark::State& state) {
  v1::ColumnValues values;
  for (int64_t row = 0; row < kRows; ++row) values.mutable_int64s()->add_values(row * 77);
  Read(state, ColumnType::kBigint, values);
}
BENCHMARK(Listed)->Name("typed/int64s");

void Integer(benchmark::State& state) {
  Read(state, ColumnType::kBigint,
       Fixed<int64_t>(v1::FIXED_TYPE_INT64, [](int64_t row) { return row * 77; }));
}
BENCHMARK(Integer)->Name("typed/fixed int64");

void Nullable(benchmark::State& state) {
  v1::ColumnValues values =
      Fixed<int64_t>(v1::FIXED_TYPE_INT64, [](int64_t row) { return row * 77; });
  values.mutable_validity()->set_bits(std::string(kRows / 8, '\x77'));
  Read(state, ColumnType::kBigint, values);
}
BENCHMARK(Nullable)->Name("typed/fixed int64, a quarter NULL");

void Double(benchmark::State& state) {
  Read(state, ColumnType::kNumeric, Fixed<double>(v1::FIXED_TYPE_FLOAT64, [](int64_t row) {
         return static_cast<double>(row) * 1.01;
       }));
}
BENCHMARK(Double)->Name("typed/fixed float64 to numeric");

void Timestamp(benchmark::State& state) {
  Read(state, ColumnType::kTimestamptz,
       Fixed<int64_t>(v1::FIXED_TYPE_TIMESTAMP_NS,
                      [](int64_t row) { return 1700000000000000000 + row * 1001; }));
}
BENCHMARK(Timestamp)->Name("typed/fixed timestamp in ns");

void Decimal(benchmark::State& state) {
  v1::ColumnValues values;
  values.mutable_fixed()->set_type(v1::FIXED_TYPE_DECIMAL128);
  values.mutable_fixed()->set_scale(2);
  for (int64_t row = 0; row < kRows; ++row) {
    const int64_t parts[] = {row * 1003, 0};
    values.mutable_fixed()->mutable_data()->append(reinterpret_cast<const char*>(parts),
                                                   sizeof(parts));
  }
  Read(state, ColumnType::kNumeric, values);
}
BENCHMARK(Decimal)->Name("typed/fixed decimal128 to numeric");

void Boolean(benchmark::State& state) {
  v1::ColumnValues values;
  values.mutable_bits()->set_bits(std::string(kRows / 8, '\x5A'));
  Read(state, ColumnType::kBoolean, values);
}
BENCHMARK(Boolean)->Name("typed/bits");

// Texts of about 20 bytes.
void Texts(benchmark::State& state, ColumnType type, bool json) {
  Draws draws(6);
  v1::ColumnValues values;
  v1::BufferTexts* const texts = json ? values.mutable_json() : values.mutable_utf8();
  for (int64_t row = 0; row <= kRows; ++row) {
    const auto offset = static_cast<int32_t>(texts->data().size());
    texts->mutable_offsets()->append(reinterpret_cast<const char*>(&offset), sizeof(offset));
    if (row == kRows) break;
    texts->mutable_data()->append(json ? R"({"tier": 3, "n": 12})" : draws.Text(20));
  }
  Read(state, type, values);
}
BENCHMARK_CAPTURE(Texts, utf8, ColumnType::kVarchar, false)->Name("typed/utf8 of 20 bytes");
BENCHMARK_CAPTURE(Texts, json, ColumnType::kJsonb, true)->Name("typed/json of 20 bytes");

}  // namespace
}  // namespace syncline::bench
