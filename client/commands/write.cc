#include <unistd.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "client/airbyte/config.h"
#include "client/airbyte/failure_type.h"
#include "client/airbyte/messages.h"
#include "client/airbyte/open_destination.h"
#include "client/airbyte/write_session.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "client/report.h"
#include "client/sync_id.h"

namespace syncline::client {
namespace {

// A source sends other records when it runs again, so each run is a new sync unless the user gives
// a --sync_id.
WriteSessionOptions SessionOptions(const CommandLine& command_line, const DestinationConfig& config,
                                   const Catalog& catalog) {
  WriteSessionOptions options;
  options.sync_id = command_line.Text("sync_id");
  options.resumable = !options.sync_id.empty();
  if (!options.resumable) {
    options.sync_id = RandomSyncId(absl::StrCat("airbyte-", catalog.airbyte_sync_id));
  }
  options.connection_id = config.connection_id;
  options.complete_without_status = config.complete_without_status;
  options.strict = command_line.Switch("strict");
  options.retry_for = command_line.Duration("retry_for");
  options.replay_window_bytes = command_line.Count("replay_window_bytes");
  return options;
}

int Fail(LineOutput* output, const std::string& words, FailureType type,
         const std::optional<StreamName>& stream = std::nullopt) {
  output->WriteLine(TraceErrorMessage(words, type, absl::ToUnixMillis(absl::Now()), stream));
  PrintMessage(words);
  return kExitFailed;
}

// Prints words for the platform on stdout and for users on stderr.
void PrintLog(bool warning, absl::string_view words, LineOutput* output) {
  output->WriteLine(LogMessage(warning, words));
  PrintMessage(words);
}

void Print(const std::vector<ReportEntry>& entries, LineOutput* output) {
  for (const ReportEntry& entry : entries) PrintLog(entry.warning, entry.text, output);
}

// Prints what became of each stream's records, and the streams that failed.
void PrintStreams(const WriteReport& report, const std::string& destination, LineOutput* output) {
  for (const StreamReport& stream : report.streams) Print(RecordEntries(stream), output);
  for (const WriteReport::Failure& failure : report.failures) {
    Fail(output,
         absl::StrCat("stream ", failure.title, ": ",
                      Explain(failure.status, destination, Frontend::kConnector),
                      failure.skipped == 0
                          ? ""
                          : absl::StrCat(" (", failure.skipped, " of its records were skipped)")),
         ClassifyFailure(failure.status), failure.stream);
  }
  if (report.foreign_lines > 0) {
    PrintLog(
        true,
        absl::StrCat(report.foreign_lines, report.foreign_lines == 1 ? " line is" : " lines are",
                     " JSON but no Airbyte message and not used; the first is line ",
                     report.first_foreign_line, " of the input"),
        output);
  }
  if (report.withheld_states > 0) {
    Print({{true, absl::StrCat(report.withheld_states,
                               " STATE messages were not emitted, because what they cover is not "
                               "committed")}},
          output);
  }
}

// Reports the run and returns the exit code.
int Finish(const WriteReport& report, const WriteSessionOptions& options,
           const std::string& destination, bool fail_on_rejected, LineOutput* output) {
  PrintStreams(report, destination, output);
  const std::string position =
      absl::StrCat(report.durable, " records are committed; run again with --sync_id ",
                   options.sync_id, " and the same input to resume");
  if (!report.status.ok()) {
    return Fail(output,
                absl::StrCat(Explain(report.status, destination, Frontend::kConnector),
                             IsRetryableCall(report.status) || options.resumable
                                 ? absl::StrCat(" (", position, ")")
                                 : ""),
                ClassifyFailure(report.status));
  }
  if (report.interrupted) return Fail(output, "interrupted: " + position, FailureType::kTransient);
  for (const WriteReport::Incomplete& stream : report.incomplete) {
    Fail(output,
         absl::StrCat("stream ", stream.title, " is not complete: ", stream.reason,
                      "; its records are kept for the next sync"),
         FailureType::kTransient, stream.stream);
  }
  if (!report.incomplete.empty() || !report.failures.empty()) return kExitFailed;
  if (!output->status().ok()) {
    PrintMessage(output->status().message());
    return kExitFailed;
  }
  PrintMessage(absl::StrCat("sync ", options.sync_id, ": ", report.records, " records, ",
                            report.rejected, " rejected"));
  return report.rejected > 0 && fail_on_rejected ? kExitRejected : kExitOk;
}

}  // namespace

int RunWrite(const CommandLine& command_line) {
  InstallInterruptHandler();
  LineOutput output(STDOUT_FILENO);
  const auto config_text = ReadFile(command_line.Text("config"));
  const auto config = config_text.ok() ? ReadConfig(*config_text) : config_text.status();
  if (!config.ok()) {
    return Fail(&output, std::string(config.status().message()), FailureType::kConfig);
  }
  const auto catalog_text = ReadFile(command_line.Text("catalog"));
  const auto catalog =
      catalog_text.ok() ? ReadCatalog(*catalog_text, *config) : catalog_text.status();
  if (!catalog.ok()) {
    return Fail(&output, std::string(catalog.status().message()), FailureType::kConfig);
  }
  const auto destination = OpenDestination(*config);
  if (!destination.ok()) {
    const absl::Status& status = destination.status();
    return Fail(&output,
                GetReason(status).empty() ? std::string(status.message())
                                          : Explain(status, "", Frontend::kConnector),
                FailureType::kConfig);
  }
  OutageNotice* const outage = destination->client()->outage();
  outage->SetPrint([&output](absl::string_view words) { PrintLog(true, words, &output); },
                   Frontend::kConnector);
  if (command_line.Given("retry_for")) outage->SetFirstContactLimit(absl::InfiniteDuration());
  const WriteSessionOptions options = SessionOptions(command_line, *config, *catalog);
  WriteSession session(destination->client(), *catalog, options,
                       [&output](const std::string& line) { output.WriteLine(line); });
  if (const absl::Status started = session.Start(); !started.ok()) {
    return Fail(&output, Explain(started, destination->name(), Frontend::kConnector),
                ClassifyFailure(started));
  }
  for (const v1::StreamPlan& plan : session.plans()) Print(PlanEntries(plan), &output);
  LineReader input(STDIN_FILENO);
  ProgressLine progress([&output](absl::string_view words) { PrintLog(false, words, &output); });
  const WriteReport done = session.Run(&input, &progress);
  return Finish(done, options, destination->name(),
                config->fail_on_rejected && !command_line.Switch("allow_rejected"), &output);
}

}  // namespace syncline::client
