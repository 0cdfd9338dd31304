#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/interrupt.h"
#include "client/json_text.h"
#include "client/load_input.h"
#include "client/load_report_text.h"
#include "client/load_request.h"
#include "client/load_session.h"
#include "client/output.h"
#include "client/sync_id.h"
#include "client/validation_text.h"

namespace syncline::client {
namespace {

absl::StatusOr<std::string> ReadSchema(const std::string& file) {
  SYNCLINE_ASSIGN_OR_RETURN(std::string schema, ReadFile(file));
  const auto object = ParseJson(schema);
  const auto properties = object.has_value() ? FindMember(*object, "properties") : std::nullopt;
  if (!properties.has_value() || properties->kind != JsonKind::kObject || !IsUtf8(schema)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " is not a UTF-8 JSON Schema of an object with properties"));
  }
  return schema;
}

// Checks that the schema of `survey` can be used for all of the input.
absl::Status CheckInferred(const InputSurvey& survey, bool csv) {
  if (survey.records > 0 && survey.objects == 0 && survey.inference.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("none of the ", survey.records, " examined lines is a JSON object; ",
                     csv ? "" : "a CSV file whose name does not end in .csv needs --format csv"));
  }
  if (survey.records == 0 && survey.inference.empty()) {
    return absl::InvalidArgumentError(
        "the input contains no record to infer a schema from; give one with --schema");
  }
  return absl::OkStatus();
}

// The result of examining flags and input before the load begins.
struct Preparation {
  bool empty = false;  // there is no record to load
  v1::StartSyncRequest request;
};

absl::StatusOr<Preparation> Prepare(const CommandLine& command_line, LoadInput* input) {
  Preparation preparation;
  SYNCLINE_ASSIGN_OR_RETURN(preparation.request, MakeLoadRequest(command_line));
  v1::StreamConfig* const stream = preparation.request.mutable_streams(0);
  const std::string schema_file = command_line.Text("schema");
  SYNCLINE_ASSIGN_OR_RETURN(const InputSurvey survey, input->Survey(!schema_file.empty()));
  const bool replace = command_line.Text("mode") == "overwrite";
  // One of several writers may have no records to send.
  const bool only_writer = command_line.Text("writer_id").empty();
  preparation.empty = survey.whole && survey.records == 0 && only_writer;
  if (preparation.empty && replace && !command_line.Switch("allow_empty")) {
    return absl::InvalidArgumentError(
        "the input contains no records; nothing was changed; --allow_empty replaces the table with "
        "an empty one");
  }
  if (replace && survey.whole && survey.ends_inside_record) {
    return absl::InvalidArgumentError(
        "the input is truncated: it ends inside a record; nothing was changed");
  }
  if (preparation.empty && !replace) return preparation;
  if (!schema_file.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(*stream->mutable_json_schema(), ReadSchema(schema_file));
  } else {
    if (!preparation.empty) {
      SYNCLINE_RETURN_IF_ERROR(CheckInferred(survey, input->format().csv));
    }
    stream->set_json_schema(survey.inference.JsonSchema());
    stream->set_inferred_schema(!survey.inference.empty());
  }
  // Each of several writers has its own input.
  if (only_writer) {
    SYNCLINE_ASSIGN_OR_RETURN(*preparation.request.mutable_input_digest(), input->Digest());
  }
  preparation.empty = false;
  return preparation;
}

void PrintReport(const LoadReport& report, const std::string& sync_id, absl::Duration took,
                 bool json) {
  if (json) {
    LineOutput(STDOUT_FILENO).WriteLine(LoadReportJson(report, sync_id, took));
    return;
  }
  for (const std::string& line : LoadReportLines(report, took)) PrintMessage(line);
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
           const CommandLine& command_line) {
  const std::string position =
      absl::StrCat(report.durable_offset, " records are committed; run again with --sync_id ",
                   sync_id, " to resume");
  if (!report.status.ok()) {
    const bool started = !report.stream.plan.table_name().empty();
    PrintMessage(absl::StrCat(Explain(report.status, command_line.Text("server")),
                              started ? absl::StrCat(" (", position, ")") : ""));
    return kExitFailed;
  }
  if (report.completed_before) {
    PrintMessage(absl::StrCat("sync ", sync_id, " has already loaded this input; nothing to do"));
  }
  PrintReport(report, sync_id, took, command_line.Json());
  if (report.interrupted) {
    PrintMessage("interrupted: " + position);
    return kExitFailed;
  }
  if (!report.refused.empty() || report.validation.has_value()) {
    return FinishUnpublished(report, command_line.Text("mode") != "append");
  }
  const std::string faults =
      command_line.Switch("strict") ? DescribeStrictFaults(report.stream) : "";
  if (!faults.empty()) {
    PrintMessage("failed because of --strict: " + faults);
    return kExitFailed;
  }
  return report.stream.summary.records_rejected() > 0 && !command_line.Switch("allow_rejected")
             ? kExitRejected
             : kExitOk;
}

int FinishEmpty(const CommandLine& command_line, const v1::StartSyncRequest& request) {
  PrintMessage("the input contains no records; nothing was changed");
  if (!command_line.Json()) return kExitOk;
  LoadReport nothing;
  *nothing.stream.plan.mutable_descriptor() = request.streams(0).descriptor();
  PrintReport(nothing, request.sync_id(), absl::ZeroDuration(), true);
  return kExitOk;
}

LoadOptions SessionOptions(const CommandLine& command_line, v1::StartSyncRequest request) {
  LoadOptions options;
  options.start = std::move(request);
  if (options.start.sync_id().empty()) {
    options.start.set_sync_id(RandomSyncId("load"));
    options.sole_caller = true;
    PrintMessage(
        absl::StrCat("sync_id ", options.start.sync_id(),
                     ": if this load is interrupted, run it again with this --sync_id to resume"));
  }
  options.writer_id = command_line.Text("writer_id");
  options.keep_open = command_line.Switch("keep_open");
  options.staged = command_line.Text("mode") != "append";
  options.validate_only = command_line.Switch("validate_only");
  options.end_rules = MakeEndRules(command_line);
  options.retry_for = command_line.Duration("retry_for");
  options.replay_window_bytes = command_line.Count("replay_window_bytes");
  return options;
}

int Fail(const absl::Status& status, ExitCode exit_code) {
  PrintMessage(status.message());
  return exit_code;
}

}  // namespace

int RunLoad(const CommandLine& command_line) {
  if (command_line.Text("delimiter").size() != 1) {
    return Fail(absl::InvalidArgumentError("--delimiter must be one character"), kExitUsage);
  }
  // Report errors of the flags before opening a file.
  if (const auto request = MakeLoadRequest(command_line); !request.ok()) {
    return Fail(request.status(), kExitUsage);
  }
  InstallInterruptHandler();
  const auto input = LoadInput::Open(command_line);
  if (!input.ok()) return Fail(input.status(), kExitFailed);
  auto preparation = Prepare(command_line, input->get());
  if (!preparation.ok()) return Fail(preparation.status(), kExitFailed);
  if (preparation->empty) return FinishEmpty(command_line, preparation->request);
  const auto client = SyncClient::Create(command_line.Connection());
  if (!client.ok()) return Fail(client.status(), kExitFailed);
  LoadOptions options = SessionOptions(command_line, std::move(preparation->request));
  const std::string sync_id = options.start.sync_id();
  const absl::Time began = absl::Now();
  ProgressLine progress;
  LoadSession session(
      client->get(), std::move(options),
      [&input](const v1::StreamPlan& plan) { return (*input)->OpenRecords(plan); },
      (*input)->rereadable(), &progress);
  const LoadReport report = session.Run();
  return Finish(report, sync_id, absl::Now() - began, command_line);
}

}  // namespace syncline::client
