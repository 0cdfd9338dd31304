// Runs the scenarios that are named, or all, and prints what they found. scripts/bench calls it
// with a PostgreSQL of its own.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bench/runner/machine.h"
#include "bench/runner/report.h"
#include "bench/scenarios/scenarios.h"

ABSL_FLAG(bool, list, false, "print the scenarios and do nothing");
ABSL_FLAG(std::string, dsn, "", "PostgreSQL on this machine, as a superuser");
ABSL_FLAG(std::string, psql, "psql", "the program of the baselines");
ABSL_FLAG(std::string, directory, "", "for data and logs");
ABSL_FLAG(int64_t, records, 1'000'000, "records of a load");
ABSL_FLAG(int, repetitions, 5, "timed runs of each side");
ABSL_FLAG(double, seconds, 0, "limit of a scenario's repetitions; 0 is none");
ABSL_FLAG(bool, full, false, "the sizes of the targets where the default is smaller");
ABSL_FLAG(std::string, json, "", "file for the figures");
ABSL_FLAG(std::string, picture, "", "file for the figures as SVG");

namespace syncline::bench {
namespace {

std::string Usage() {
  return absl::StrCat(
      "measures Syncline against what it is compared with. Scenarios:\n",
      absl::StrJoin(Scenarios(), "\n", [](std::string* out, const Scenario& scenario) {
        absl::StrAppend(out, "  ", scenario.name, " ", absl::StrJoin(scenario.ids, " "), ": ",
                        scenario.title);
      }));
}

// Empty when a word is no scenario: that is said.
std::vector<const Scenario*> Chosen(const std::vector<char*>& words) {
  std::vector<const Scenario*> chosen;
  std::vector<bool> known(words.size());
  for (const Scenario& scenario : Scenarios()) {
    bool wanted = words.empty();
    for (size_t i = 0; i < words.size(); ++i) {
      if (!IsCalled(scenario, words[i])) continue;
      wanted = true;
      known[i] = true;
    }
    if (wanted) chosen.push_back(&scenario);
  }
  for (size_t i = 0; i < words.size(); ++i) {
    if (known[i]) continue;
    std::fprintf(stderr, "no such scenario: %s\n%s\n", words[i], Usage().c_str());
    return {};
  }
  return chosen;
}

bool Save(const std::string& path, const std::string& content) {
  if (path.empty()) return true;
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (!file.good()) std::fprintf(stderr, "cannot write %s\n", path.c_str());
  return file.good();
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

int Run(const std::vector<const Scenario*>& scenarios) {
  BenchOptions options;
  options.dsn = absl::GetFlag(FLAGS_dsn);
  options.psql = absl::GetFlag(FLAGS_psql);
  options.directory = absl::GetFlag(FLAGS_directory);
  options.records = absl::GetFlag(FLAGS_records);
  options.repetitions = absl::GetFlag(FLAGS_repetitions);
  options.full = absl::GetFlag(FLAGS_full);
  if (absl::GetFlag(FLAGS_seconds) > 0) options.limit = absl::Seconds(absl::GetFlag(FLAGS_seconds));
  const absl::StatusOr<std::unique_ptr<Bench>> bench = Bench::Create(std::move(options));
  if (!bench.ok()) return Fail(bench.status());
  const absl::StatusOr<Facts> facts = DescribeRun(**bench);
  if (!facts.ok()) return Fail(facts.status());
  std::vector<Figure> figures;
  bool failed = false;
  for (const Scenario* scenario : scenarios) {
    std::fprintf(stderr, "%s: %s\n", scenario->name, scenario->title);
    absl::StatusOr<Figures> found = scenario->run(**bench);
    if (!found.ok()) {
      std::fprintf(stderr, "%s failed: ", scenario->name);
      Fail(found.status());
      failed = true;
      continue;
    }
    figures.insert(figures.end(), found->begin(), found->end());
  }
  std::fputs(TableOf(figures).c_str(), stdout);
  const bool saved = Save(absl::GetFlag(FLAGS_json), JsonOf(*facts, figures)) &&
                     Save(absl::GetFlag(FLAGS_picture), PictureOf(*facts, figures));
  return failed || !saved ? 1 : 0;
}

}  // namespace
}  // namespace syncline::bench

int main(int argc, char** argv) {
  using syncline::bench::Scenario;
  absl::SetProgramUsageMessage(syncline::bench::Usage());
  std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  words.erase(words.begin());
  if (absl::GetFlag(FLAGS_list)) {
    std::printf("%s\n", syncline::bench::Usage().c_str());
    return 0;
  }
  if (absl::GetFlag(FLAGS_dsn).empty() || absl::GetFlag(FLAGS_directory).empty() ||
      absl::GetFlag(FLAGS_records) < 1 || absl::GetFlag(FLAGS_repetitions) < 1) {
    std::fputs("bench_runner: needs --dsn, --directory, and counts above 0\n", stderr);
    return 2;
  }
  const std::vector<const Scenario*> scenarios = syncline::bench::Chosen(words);
  return scenarios.empty() ? 2 : syncline::bench::Run(scenarios);
}
