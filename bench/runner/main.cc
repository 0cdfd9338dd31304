// Runs the named scenarios, or all, and prints their results. scripts/bench runs it with its own
// PostgreSQL.
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
#include "absl/time/clock.h"
#include "bench/runner/machine.h"
#include "bench/runner/picture.h"
#include "bench/runner/report.h"
#include "bench/scenarios/scenarios.h"

ABSL_FLAG(bool, list, false, "print the scenarios and exit");
ABSL_FLAG(std::string, dsn, "", "connection to a PostgreSQL on this machine, as a superuser");
ABSL_FLAG(std::string, psql, "psql", "psql binary for the baselines");
ABSL_FLAG(std::string, directory, "", "directory for data and logs");
ABSL_FLAG(int64_t, records, 1'000'000, "records per load");
ABSL_FLAG(int, repetitions, 5, "timed runs of ours and of the baseline");
ABSL_FLAG(double, seconds, 60, "time limit for the repetitions of a scenario; 0 disables it");
ABSL_FLAG(bool, full, false, "include 10,000,000 rows in growth-table");
ABSL_FLAG(std::string, json, "", "file for the figures");
ABSL_FLAG(std::string, picture, "", "file for the chart of ratios (SVG)");
ABSL_FLAG(std::string, plots, "", "file for the plots of the growth scenarios (SVG)");
ABSL_FLAG(std::string, sections, "", "directory for the tables (Markdown, one file per table)");

namespace syncline::bench {
namespace {

std::string Usage() {
  return absl::StrCat(
      "Compares Syncline with baselines. Scenarios:\n",
      absl::StrJoin(Scenarios(), "\n", [](std::string* out, const Scenario& scenario) {
        absl::StrAppend(out, "  ", scenario.name, " ", absl::StrJoin(scenario.ids, " "), ": ",
                        scenario.title);
      }));
}

// Returns the scenarios to run. If a word is not a scenario, prints that and returns an empty list.
std::vector<const Scenario*> Chosen(const std::vector<char*>& words) {
  std::vector<const Scenario*> chosen;
  std::vector<bool> known(words.size());
  for (const Scenario& scenario : Scenarios()) {
    bool wanted = words.empty() && scenario.by_default;
    for (size_t i = 0; i < words.size(); ++i) {
      if (!HasName(scenario, words[i])) continue;
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

// Prints the results and writes the requested files. Without results, the files of tables and
// charts are not overwritten.
bool Report(const Facts& facts, const Findings& findings) {
  bool saved = Save(absl::GetFlag(FLAGS_json), FormatJson(facts, findings));
  const std::string sections = absl::GetFlag(FLAGS_sections);
  const auto save_section = [&](const std::string& name, const std::string& table) {
    if (!sections.empty()) saved = Save(absl::StrCat(sections, "/", name), table) && saved;
  };
  if (!findings.figures.empty()) {
    std::fputs(TableOf(findings.figures).c_str(), stdout);
    saved = Save(absl::GetFlag(FLAGS_picture), DrawBars(facts, findings.figures)) && saved;
    save_section("figures", FormatMarkdown(findings.figures));
    save_section("machine", FormatMarkdown(facts));
  }
  for (const Series& series : findings.series) {
    std::printf("\n%s", TableOf(series).c_str());
    save_section(series.name, FormatMarkdown(series));
  }
  if (!findings.series.empty()) {
    saved = Save(absl::GetFlag(FLAGS_plots), DrawPlots(findings.series)) && saved;
  }
  return saved;
}

template <typename T>
void Append(const std::vector<T>& some, std::vector<T>* all) {
  all->insert(all->end(), some.begin(), some.end());
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
  Findings findings;
  bool failed = false;
  for (const Scenario* scenario : scenarios) {
    std::fprintf(stderr, "%s: %s\n", scenario->name, scenario->title);
    const absl::Time began = absl::Now();
    absl::StatusOr<Findings> found = scenario->run(**bench);
    if (!found.ok()) {
      std::fprintf(stderr, "%s failed: ", scenario->name);
      Fail(found.status());
      failed = true;
      continue;
    }
    std::fprintf(stderr, "    in %.0f s\n", absl::ToDoubleSeconds(absl::Now() - began));
    Append(found->figures, &findings.figures);
    Append(found->series, &findings.series);
  }
  return Report(*facts, findings) && !failed ? 0 : 1;
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
    std::fputs("bench_runner: --dsn and --directory are required, and counts must be positive\n",
               stderr);
    return 2;
  }
  const std::vector<const Scenario*> scenarios = syncline::bench::Chosen(words);
  return scenarios.empty() ? 2 : syncline::bench::Run(scenarios);
}
