// Nanoseconds per record from message to row: JSON lines in both formats, and typed rows.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "bench/pipeline/batches.h"
#include "bench/pipeline/pipeline.h"

namespace syncline::bench {
namespace {

constexpr int64_t kRecords = 500;

void Run(benchmark::State& state, const RecordShape& shape, v1::RecordBatch batch) {
  const auto pipeline = Pipeline::Create(shape);
  if (!pipeline.ok()) return state.SkipWithError("no pipeline");
  for (auto _ : state) (*pipeline)->Run(&batch);
  if ((*pipeline)->rejected() > 0) return state.SkipWithError("records are rejected");
  state.SetItemsProcessed((*pipeline)->rows());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.ByteSizeLong()));
}

void Lines(benchmark::State& state, const char* shape, RecordFormat format) {
  const RecordShape& found = *FindRecordShape(shape);
  Run(state, found, LinesBatch(found, format, {.count = kRecords}));
}

BENCHMARK_CAPTURE(Lines, mixed, "mixed12", RecordFormat::kJsonl)->Name("record/12 columns, jsonl");
BENCHMARK_CAPTURE(Lines, message, "mixed12", RecordFormat::kAirbyte)
    ->Name("record/12 columns, airbyte_jsonl");
BENCHMARK_CAPTURE(Lines, lineitem, "lineitem", RecordFormat::kJsonl)
    ->Name("record/lineitem, jsonl");
BENCHMARK_CAPTURE(Lines, narrow, "narrow", RecordFormat::kJsonl)->Name("record/narrow, jsonl");
BENCHMARK_CAPTURE(Lines, wide, "wide_text", RecordFormat::kJsonl)
    ->Name("record/2 KB of text, jsonl");
BENCHMARK_CAPTURE(Lines, nested, "nested", RecordFormat::kJsonl)->Name("record/nested, jsonl");

void Typed(benchmark::State& state) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  Run(state, shape, TypedBatch(shape, {.count = kRecords}));
}
BENCHMARK(Typed)->Name("record/12 columns, typed rows");

}  // namespace
}  // namespace syncline::bench
