// The work whose instructions measure.sh counts: parsing and encoding the records of one case.
//
// `instructions` lists the cases. `instructions CASE` runs one and prints the number of records.
// Only MeasuredWork is counted. A batch before it warms up everything that is created once.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "bench/pipeline/batches.h"
#include "bench/pipeline/pipeline.h"

namespace syncline::bench {

// callgrind finds this function by its name, so it must not be inlined.
__attribute__((noinline)) void MeasuredWork(Pipeline* pipeline, v1::RecordBatch* batch) {
  pipeline->Run(batch);
}

namespace {

enum class Form { kJsonl, kAirbyte, kTyped };

struct Case {
  const char* name;
  const char* shape;
  Form form;
  int64_t records;
};

constexpr int64_t kWarmUpRecords = 100;
constexpr Case kCases[] = {
    {"mixed12/jsonl", "mixed12", Form::kJsonl, 2000},
    {"mixed12/airbyte", "mixed12", Form::kAirbyte, 2000},
    {"mixed12/typed", "mixed12", Form::kTyped, 2000},
    {"lineitem/jsonl", "lineitem", Form::kJsonl, 1000},
    {"wide_text/jsonl", "wide_text", Form::kJsonl, 500},
    {"narrow/jsonl", "narrow", Form::kJsonl, 2000},
    {"nested/jsonl", "nested", Form::kJsonl, 1000},
};

v1::RecordBatch BatchOf(const Case& which, const Slice& slice) {
  const RecordShape& shape = *FindRecordShape(which.shape);
  switch (which.form) {
    case Form::kJsonl:
      return LinesBatch(shape, RecordFormat::kJsonl, slice);
    case Form::kAirbyte:
      return LinesBatch(shape, RecordFormat::kAirbyte, slice);
    case Form::kTyped:
      break;
  }
  return TypedBatch(shape, slice);
}

absl::Status RunCase(const Case& which) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<Pipeline> pipeline,
                            Pipeline::Create(*FindRecordShape(which.shape)));
  v1::RecordBatch warm_up = BatchOf(which, {.count = kWarmUpRecords});
  pipeline->Run(&warm_up);
  v1::RecordBatch batch = BatchOf(which, {.count = which.records, .first = kWarmUpRecords});
  MeasuredWork(pipeline.get(), &batch);
  if (pipeline->rows() != kWarmUpRecords + which.records || pipeline->rejected() != 0) {
    return absl::InternalError(
        absl::StrCat(which.name, ": not every record became a row: ", pipeline->rows()));
  }
  std::printf("%d\n", static_cast<int>(which.records));
  return absl::OkStatus();
}

}  // namespace
}  // namespace syncline::bench

int main(int argc, char** argv) {
  using syncline::bench::kCases;
  for (const auto& which : kCases) {
    if (argc < 2) {
      std::printf("%s\n", which.name);
    } else if (absl::string_view(which.name) == argv[1]) {
      const absl::Status status = syncline::bench::RunCase(which);
      if (status.ok()) return 0;
      std::fprintf(stderr, "instructions: %s\n", std::string(status.message()).c_str());
      return 1;
    }
  }
  if (argc < 2) return 0;
  std::fprintf(stderr, "instructions: no such case: %s\n", argv[1]);
  return 2;
}
