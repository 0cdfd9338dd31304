// P12: a source that writes a STATE after every record, compared with the same records and one
// STATE at their end, both piped into `syncline write`.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

constexpr int64_t kMaxRecords = 20'000;

std::string MakeState(const RecordShape& shape, int64_t records) {
  return absl::StrCat(
      R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":")",
      shape.name, R"("},"stream_state":{"records":)", records, "}}}}\n");
}

// Writes the records of `file` with a STATE after every one, or after the last one, to `name`.
absl::Status WriteMessages(const Bench& bench, const RecordShape& shape, const std::string& file,
                           const std::string& name, bool every) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string content, ReadFile(file));
  std::string messages;
  int64_t records = 0;
  for (const absl::string_view line : absl::StrSplit(content, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&messages, line, "\n");
    ++records;
    if (every) messages += MakeState(shape, records);
  }
  if (!every) messages += MakeState(shape, records);
  return bench.WriteFile(name, messages);
}

}  // namespace

absl::StatusOr<Findings> RunStates(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = std::min(bench.options().records, kMaxRecords);
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kAirbyte, {.count = records}));
  SYNCLINE_RETURN_IF_ERROR(WriteMessages(bench, shape, file, "every.jsonl", /*every=*/true));
  SYNCLINE_RETURN_IF_ERROR(WriteMessages(bench, shape, file, "one.jsonl", /*every=*/false));
  SYNCLINE_RETURN_IF_ERROR(bench.WriteFile("catalog.json", MakeCatalog(shape)));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {{.count = records}}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  const auto measure = [&](const std::string& messages) {
    return MeasureLoad(bench, *server, shape, contents,
                       [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
                         SYNCLINE_RETURN_IF_ERROR(bench.WriteFile(
                             "config.json", absl::StrCat(R"({"server":")", server->address(),
                                                         R"(","schema":")", schema, R"("})")));
                         return bench.Run({.arguments = {SYNCLINE_CLIENT_BINARY, "write",
                                                         "--config=" + bench.Path("config.json"),
                                                         "--catalog=" + bench.Path("catalog.json")},
                                           .stdin_file = bench.Path(messages)});
                       });
  };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                            bench.Alternate([&] { return measure("every.jsonl"); },
                                            [&] { return measure("one.jsonl"); }));
  return Figures{{.id = "P12",
                  .name = "a STATE per record / one STATE",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 3.0}};
}

}  // namespace syncline::bench
