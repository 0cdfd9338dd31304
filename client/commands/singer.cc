#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/file.h"
#include "base/version.h"
#include "client/advice.h"
#include "client/airbyte/open_destination.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "client/singer/about.h"
#include "client/singer/config.h"
#include "client/singer/target_session.h"
#include "client/sync_id.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

void Print(const std::vector<ReportEntry>& entries) {
  for (const ReportEntry& entry : entries) PrintMessage(entry.text);
}

int PrintLine(const std::string& line) {
  LineOutput output(STDOUT_FILENO);
  output.WriteLine(line);
  return ReportOutput(output);
}

// Returns the error in words. One of a message names its line and its reason, because no call to
// the server failed.
std::string ExplainRun(const absl::Status& status, const std::string& destination) {
  const std::string reason = GetReason(status);
  if (absl::StartsWith(reason, "SINGER_")) {
    return absl::StrCat(status.message(), " (", reason, "); ",
                        AdviceFor(status, Frontend::kConnector));
  }
  if (reason.empty() && absl::IsInvalidArgument(status)) return std::string(status.message());
  return Explain(status, destination, Frontend::kConnector);
}

int Finish(const TargetReport& report, const TargetOptions& options, const std::string& destination,
           const LineOutput& output) {
  for (const StreamReport& stream : report.streams) Print(RecordEntries(stream));
  if (report.withheld_states > 0) {
    PrintMessage(absl::StrCat(report.withheld_states,
                              " STATE messages were not printed, because what they cover is not "
                              "committed"));
  }
  for (const TargetReport::Incomplete& stream : report.incomplete) {
    PrintMessage(absl::StrCat("stream ", stream.stream, " is not complete: ", stream.reason));
  }
  if (!report.status.ok()) {
    PrintMessage(ExplainRun(report.status, destination));
    return kExitFailed;
  }
  if (report.interrupted) {
    PrintMessage("interrupted");
    return kExitFailed;
  }
  if (const int written = ReportOutput(output); written != kExitOk) return written;
  if (!report.incomplete.empty()) return kExitFailed;
  PrintMessage(absl::StrCat("sync ", options.sync_id, ": ", report.records, " records, ",
                            report.rejected, " rejected"));
  return report.rejected > 0 && options.config.destination.fail_on_rejected ? kExitRejected
                                                                            : kExitOk;
}

}  // namespace

int RunSinger(const CommandLine& command_line) {
  if (command_line.Switch("about")) {
    return PrintLine(command_line.Text("format") == "json" ? AboutJson() : AboutText());
  }
  if (command_line.Switch("version")) {
    return PrintLine(absl::StrCat("target-syncline ", Version()));
  }
  const std::string file = command_line.Text("config");
  if (file.empty()) return ReportFailure(UsageError("--config is required"));
  InstallInterruptHandler();
  const auto text = ReadFile(file);
  if (!text.ok()) return ReportFailure(text.status());
  TargetOptions options;
  const auto config = ReadSingerConfig(*text);
  if (!config.ok()) return ReportFailure(config.status());
  options.config = *config;
  options.sync_id = RandomSyncId("singer");
  options.retry_for = command_line.Duration("retry_for");
  options.replay_window_bytes = command_line.Count("replay_window_bytes");
  const auto destination = OpenDestination(options.config.destination);
  if (!destination.ok()) return ReportFailure(destination.status());
  OutageNotice* const outage = destination->client()->outage();
  outage->SetPrint(PrintMessage, Frontend::kConnector);
  if (command_line.Given("retry_for")) outage->SetFirstContactLimit(absl::InfiniteDuration());
  LineOutput output(STDOUT_FILENO);
  TargetSession session(
      destination->client(), options,
      [&output](const std::string& state) { output.WriteLine(state); },
      [](const v1::StreamPlan& plan) { Print(PlanEntries(plan)); });
  LineReader input(STDIN_FILENO);
  ProgressLine progress;
  const TargetReport report = session.Run(&input, &progress);
  return Finish(report, options, destination->name(), output);
}

}  // namespace syncline::client
