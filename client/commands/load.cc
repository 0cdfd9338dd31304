#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/destination.h"
#include "client/dry_run.h"
#include "client/exit_code.h"
#include "client/failure.h"
#include "client/interrupt.h"
#include "client/load_flags.h"
#include "client/load_preparation.h"
#include "client/load_report_text.h"
#include "client/load_request.h"
#include "client/load_session.h"
#include "client/output.h"
#include "client/sync_id.h"
#include "client/validation_text.h"

namespace syncline::client {
namespace {

// Writes a line to stdout. Returns the exit code.
int WriteOutput(const std::string& line) {
  LineOutput output(STDOUT_FILENO);
  output.WriteLine(line);
  return ReportOutput(output);
}

// Returns the exit code as WriteOutput does.
int PrintReport(const LoadReport& report, const std::string& sync_id, absl::Duration took,
                bool json) {
  if (json) return WriteOutput(LoadReportJson(report, sync_id, took));
  for (const std::string& line : LoadReportLines(report, took)) PrintMessage(line);
  return kExitOk;
}

// Ends a load that was not published or was only validated.
int FinishUnpublished(const LoadReport& report, bool staged) {
  if (report.earlier_rows_kept) {
    PrintMessage(
        "rows that earlier loads staged for the table are kept; the next load publishes them");
  }
  if (report.refused.empty()) {
    PrintMessage(
        "validated only: the table is unchanged and the records that were sent are discarded");
    return GuardHolds(*report.validation) ? kExitOk : kExitFailed;
  }
  PrintMessage(absl::StrCat(
      "not completed: ", report.refused,
      staged ? "; the table is unchanged and the records that were sent are discarded; load again "
               "without this --sync_id"
             : "; the rows that were loaded stay in the table"));
  return kExitFailed;
}

int Finish(const LoadReport& report, const std::string& sync_id, absl::Duration took,
           const CommandLine& command_line, const std::string& server) {
  const std::string position =
      absl::StrCat(report.durable_offset, " records are committed; run again with --sync_id ",
                   sync_id, " to resume");
  if (!report.status.ok()) {
    const bool started = !report.stream.plan.table_name().empty();
    PrintMessage(absl::StrCat(NameFlags(Explain(report.status, server), report.status),
                              started ? absl::StrCat(" (", position, ")") : ""));
    return kExitFailed;
  }
  if (report.completed_before) {
    PrintMessage(absl::StrCat("sync ", sync_id, " has already loaded this input; nothing to do"));
  }
  const int printed = PrintReport(report, sync_id, took, command_line.Json());
  if (report.interrupted) {
    PrintMessage("interrupted: " + position);
    return kExitFailed;
  }
  if (!report.refused.empty() || report.validation.has_value()) {
    return std::max(printed, FinishUnpublished(report, command_line.Text("mode") != "append"));
  }
  const std::string faults =
      command_line.Switch("strict") ? DescribeStrictFaults(report.stream) : "";
  if (!faults.empty()) {
    PrintMessage("failed because of --strict: " + faults);
    return kExitFailed;
  }
  if (printed != kExitOk) return printed;
  return report.stream.summary.records_rejected() > 0 && !command_line.Switch("allow_rejected")
             ? kExitRejected
             : kExitOk;
}

int FinishEmpty(const CommandLine& command_line, const v1::StartSyncRequest& request) {
  PrintMessage("the input contains no records; nothing was changed");
  if (!command_line.Json()) return kExitOk;
  LoadReport nothing;
  *nothing.stream.plan.mutable_descriptor() = request.streams(0).descriptor();
  return PrintReport(nothing, request.sync_id(), absl::ZeroDuration(), true);
}

LoadOptions SessionOptions(const CommandLine& command_line, const v1::StartSyncRequest& request) {
  LoadOptions options;
  options.start = request;
  if (options.start.sync_id().empty()) {
    options.start.set_sync_id(RandomSyncId("load"));
    options.sole_caller = true;
    PrintMessage(
        absl::StrCat("sync_id ", options.start.sync_id(),
                     ": if this load is interrupted, run it again with this --sync_id to resume"));
  }
  options.other_writers = !command_line.Text("writer_id").empty();
  options.keep_open = command_line.Switch("keep_open");
  options.staged = command_line.Text("mode") != "append";
  options.validate_only = command_line.Switch("validate_only");
  options.end_rules = MakeEndRules(command_line);
  options.retry_for = command_line.Duration("retry_for");
  options.replay_window_bytes = command_line.Count("replay_window_bytes");
  return options;
}

// Returns whether the server is too old to plan a load: it misses the sync id, which is left out so
// that such a server starts nothing.
bool CannotPlan(const absl::Status& status) {
  const std::vector<FieldViolation> violations = GetDetail(status).violations;
  return std::any_of(violations.begin(), violations.end(),
                     [](const FieldViolation& violation) { return violation.field == "sync_id"; });
}

int RunDry(const CommandLine& command_line, const LoadPreparation& preparation,
           const Destination& destination) {
  v1::StartSyncRequest request = preparation.request();
  request.set_plan_only(true);
  request.clear_sync_id();
  const auto planned = destination.client()->StartSync(request);
  const bool unknown = IsUnreachable(planned.status()) || CannotPlan(planned.status());
  if (!planned.ok() && !unknown) {
    PrintMessage(NameFlags(Explain(planned.status(), destination.name()), planned.status()));
    return kExitFailed;
  }
  const v1::StreamPlan* const plan =
      planned.ok() && planned->streams_size() == 1 ? &planned->streams(0) : nullptr;
  const auto text = DryRunText(preparation, command_line, plan);
  if (!text.ok()) return ReportFailure(text.status());
  const int exit_code = WriteOutput(*text);
  if (unknown) {
    PrintMessage(absl::StrCat("what an existing table would change is not known: ",
                              CannotPlan(planned.status())
                                  ? "the server is too old to plan a load"
                                  : Explain(planned.status(), destination.name())));
  }
  PrintMessage("dry run: nothing was loaded");
  return exit_code;
}

}  // namespace

int RunLoad(const CommandLine& command_line) {
  InstallInterruptHandler();
  const auto preparation = LoadPreparation::Make(command_line);
  if (!preparation.ok()) return ReportFailure(preparation.status());
  const v1::StartSyncRequest& request = (*preparation)->request();
  if ((*preparation)->empty()) return FinishEmpty(command_line, request);
  const auto destination = Destination::Open(command_line);
  if (!destination.ok()) return ReportFailure(destination.status());
  if (command_line.Switch("dry_run")) return RunDry(command_line, **preparation, *destination);
  LoadOptions options = SessionOptions(command_line, request);
  const std::string sync_id = options.start.sync_id();
  const absl::Time began = absl::Now();
  ProgressLine progress;
  LoadSession session(destination->client(), std::move(options),
                      (*preparation)->MakeSources(command_line), &progress);
  const LoadReport report = session.Run();
  const int exit_code =
      Finish(report, sync_id, absl::Now() - began, command_line, destination->name());
  if (const std::string directory = command_line.Text("embedded_postgres"); !directory.empty()) {
    PrintMessage(absl::StrCat("the private PostgreSQL in ", directory,
                              " stops now; to query it, run syncline-server --embedded_postgres ",
                              directory));
  }
  return exit_code;
}

}  // namespace syncline::client
