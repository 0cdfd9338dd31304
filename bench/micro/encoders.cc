// Nanoseconds per value of every COPY BINARY encoder, and per row of twelve values.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/byte_buffer.h"
#include "bench/data/draws.h"
#include "server/model/value.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::bench {
namespace {

constexpr size_t kValues = 1024;
constexpr size_t kBlockBytes = 256 << 10;

// The texts, and the values that point into them.
struct Values {
  std::vector<std::string> texts;
  std::vector<Value> values;
};

template <typename Make>
Values Texts(Make make) {
  Values made;
  for (size_t i = 0; i < kValues; ++i) made.texts.push_back(make(i));
  for (const std::string& text : made.texts) made.values.push_back(Value::Text(text));
  return made;
}

template <typename Make>
Values Scalars(Make make) {
  Values made;
  for (size_t i = 0; i < kValues; ++i) made.values.push_back(Value::Scalar(make(i)));
  return made;
}

void Encode(benchmark::State& state, ColumnType type, const Values& values) {
  const postgres::FieldEncoder encode = postgres::FieldEncoderFor(type);
  ByteBuffer block(2 * kBlockBytes);
  for (auto _ : state) {
    for (const Value& value : values.values) {
      if (block.size() >= kBlockBytes) block.Clear();
      encode(value, &block);
    }
    benchmark::DoNotOptimize(block.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(values.values.size()));
}

void Bigint(benchmark::State& state) {
  Draws draws(1);
  Encode(state, ColumnType::kBigint,
         Scalars([&](size_t) { return static_cast<int64_t>(draws.Next()); }));
}
BENCHMARK(Bigint)->Name("encode/int8");

void NumericShort(benchmark::State& state) {
  Draws draws(2);
  Encode(state, ColumnType::kNumeric,
         Texts([&](size_t) { return draws.Cents(-99'999, 9'999'999); }));
}
BENCHMARK(NumericShort)->Name("encode/numeric 123.45");

void NumericLong(benchmark::State& state) {
  Draws draws(3);
  Encode(state, ColumnType::kNumeric, Texts([&](size_t) {
           std::string digits = "1";
           while (digits.size() < 40) digits += static_cast<char>('0' + draws.Between(0, 9));
           return digits.insert(30, ".");
         }));
}
BENCHMARK(NumericLong)->Name("encode/numeric of 40 digits");

void Text(benchmark::State& state) {
  Draws draws(4);
  Encode(state, ColumnType::kVarchar, Texts([&](size_t) { return draws.Text(state.range(0)); }));
}
BENCHMARK(Text)->Name("encode/text of bytes")->Arg(10)->Arg(2000);

void Boolean(benchmark::State& state) {
  Encode(state, ColumnType::kBoolean,
         Scalars([](size_t i) { return static_cast<int64_t>(i % 3 == 0); }));
}
BENCHMARK(Boolean)->Name("encode/bool");

void Date(benchmark::State& state) {
  Encode(state, ColumnType::kDate, Scalars([](size_t i) { return static_cast<int64_t>(i) * 7; }));
}
BENCHMARK(Date)->Name("encode/date");

void Timestamptz(benchmark::State& state) {
  Encode(state, ColumnType::kTimestamptz,
         Scalars([](size_t i) { return static_cast<int64_t>(i) * 123'456'789; }));
}
BENCHMARK(Timestamptz)->Name("encode/timestamptz");

void Time(benchmark::State& state) {
  Encode(state, ColumnType::kTime,
         Scalars([](size_t i) { return static_cast<int64_t>(i) * 84'000'000; }));
}
BENCHMARK(Time)->Name("encode/time");

void Timetz(benchmark::State& state) {
  Values values;
  for (size_t i = 0; i < kValues; ++i) {
    values.values.push_back(Value::TimeWithZone(static_cast<int64_t>(i) * 84'000'000, -3600));
  }
  Encode(state, ColumnType::kTimetz, values);
}
BENCHMARK(Timetz)->Name("encode/timetz");

void Jsonb(benchmark::State& state) {
  Draws draws(5);
  Encode(state, ColumnType::kJsonb, Texts([&](size_t) {
           return R"({"tier": 3, "tag": ")" + std::string(draws.Word()) + R"("})";
         }));
}
BENCHMARK(Jsonb)->Name("encode/jsonb of 30 bytes");

void Null(benchmark::State& state) {
  Values values;
  values.values.resize(kValues);
  Encode(state, ColumnType::kVarchar, values);
}
BENCHMARK(Null)->Name("encode/null");

// Only the four meta columns: a row without other columns.
void MetaColumns(benchmark::State& state) {
  const postgres::RowEncoder encoder(std::vector<ColumnType>{},
                                     RawIdGenerator("sync", {"bench", "stream"}, "writer"), 1);
  const std::string meta_json = R"({"sync_id":1,"changes":[]})";
  ByteBuffer block(2 * kBlockBytes);
  RecordMeta meta;
  meta.meta_json = meta_json;
  for (auto _ : state) {
    if (block.size() >= kBlockBytes) block.Clear();
    ++meta.offset;
    encoder.AppendRow(meta, {}, &block);
    benchmark::DoNotOptimize(block.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(MetaColumns)->Name("encode/the four meta columns");

}  // namespace
}  // namespace syncline::bench
