// Prints the benchmark's records: `generate_records --shape mixed12 --records 1000000 > file`.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "bench/data/record_text.h"

ABSL_FLAG(std::string, shape, "mixed12", "mixed12, lineitem, wide_text, narrow or nested");
ABSL_FLAG(std::string, format, "jsonl", "jsonl, airbyte or copy (the text form of COPY)");
ABSL_FLAG(int64_t, records, 1000, "how many");
ABSL_FLAG(int64_t, first, 0, "number of the first record");
ABSL_FLAG(int64_t, step, 1, "difference between the numbers of two records");
ABSL_FLAG(int64_t, revision, 0, "another revision changes all columns except the first");

int main(int argc, char** argv) {
  using syncline::bench::RecordFormat;
  absl::SetProgramUsageMessage("prints the benchmark's records");
  absl::ParseCommandLine(argc, argv);
  const std::map<std::string, RecordFormat> formats = {{"jsonl", RecordFormat::kJsonl},
                                                       {"airbyte", RecordFormat::kAirbyte},
                                                       {"copy", RecordFormat::kCopy}};
  const auto* const shape = syncline::bench::FindRecordShape(absl::GetFlag(FLAGS_shape));
  const auto format = formats.find(absl::GetFlag(FLAGS_format));
  if (shape == nullptr || format == formats.end()) {
    std::fputs("generate_records: unknown shape or format; see --help\n", stderr);
    return 2;
  }
  const absl::Status written =
      syncline::bench::WriteRecords(*shape, format->second,
                                    {.count = absl::GetFlag(FLAGS_records),
                                     .first = absl::GetFlag(FLAGS_first),
                                     .step = absl::GetFlag(FLAGS_step),
                                     .revision = absl::GetFlag(FLAGS_revision)},
                                    STDOUT_FILENO);
  if (!written.ok()) {
    std::fprintf(stderr, "generate_records: %s\n", std::string(written.message()).c_str());
    return 1;
  }
  return 0;
}
