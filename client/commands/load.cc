#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/airbyte/config.h"
#include "client/call_error.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/interrupt.h"
#include "client/load_session.h"
#include "client/output.h"
#include "client/schema_inference.h"
#include "client/sources/csv_source.h"
#include "client/sources/jsonl_source.h"
#include "client/sync_id.h"
#include "server/base/status_macros.h"

namespace syncline::client {
namespace {

constexpr size_t kMaxHeadBytes = size_t{64} << 20;

// The opened FILE and how to read it.
struct Input {
  int fd = -1;
  bool rereadable = false;  // a regular file
  bool csv = false;
  char delimiter = ',';
  std::unique_ptr<LineReader> reader;  // stands at the first byte

  ~Input() {
    if (fd > STDERR_FILENO) close(fd);
  }
};

absl::Status OpenInput(const CommandLine& command_line, Input* input) {
  const std::string& file = command_line.arguments()[0];
  input->fd = file == "-" ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info = {};
  if (input->fd < 0 || fstat(input->fd, &info) != 0) {
    return absl::NotFoundError(absl::StrCat("cannot open ", file, ": ", strerror(errno)));
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(file, " is a directory"));
  }
  input->rereadable = file != "-" && S_ISREG(info.st_mode);
  const std::string format = command_line.Text("format");
  input->csv = format.empty() ? absl::EndsWithIgnoreCase(file, ".csv") : format == "csv";
  input->delimiter = command_line.Text("delimiter")[0];
  input->reader = std::make_unique<LineReader>(input->fd);
  return absl::OkStatus();
}

struct Schema {
  std::string json;
  ColumnTypes types;  // for CSV
};

absl::StatusOr<Schema> GivenSchema(const std::string& file) {
  Schema schema;
  SYNCLINE_ASSIGN_OR_RETURN(schema.json, ReadWholeFile(file));
  const auto object = ParseJson(schema.json);
  const auto properties = object.has_value() ? FindMember(*object, "properties") : std::nullopt;
  if (!properties.has_value() || properties->kind != JsonKind::kObject) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " is not a JSON Schema of an object with properties"));
  }
  ForEachMember(*properties, [&schema](absl::string_view key, JsonText property) {
    const JsonText quoted{JsonKind::kString, absl::string_view(key.data() - 1, key.size() + 2)};
    schema.types[UnescapeJson(quoted)] = TypeOfSchema(property);
  });
  return schema;
}

absl::StatusOr<Schema> InferSchema(int64_t records, Input* input) {
  // One line more than asked for: the header of a CSV file.
  SYNCLINE_ASSIGN_OR_RETURN(const absl::string_view head,
                            input->reader->Peek(records + 1, kMaxHeadBytes));
  SchemaInference inference;
  if (input->csv) {
    SYNCLINE_ASSIGN_OR_RETURN(inference,
                              InferCsvSchema(head, !absl::EndsWith(head, "\n"), input->delimiter));
  } else {
    SYNCLINE_RETURN_IF_ERROR(ForEachRecordLine(head, [&inference](absl::string_view line) {
      if (const auto record = ParseJson(line)) inference.AddRecord(*record);
      return absl::OkStatus();
    }));
  }
  if (inference.empty()) {
    return absl::InvalidArgumentError(
        "the input's head holds no record to infer a schema from; give one with --schema");
  }
  Schema schema;
  schema.json = inference.JsonSchema();
  schema.types.insert(inference.columns().begin(), inference.columns().end());
  return schema;
}

absl::StatusOr<v1::StartSyncRequest> MakeRequest(const CommandLine& command_line,
                                                 const std::string& json_schema) {
  v1::StartSyncRequest request;
  request.set_sync_id(command_line.Text("sync_id"));
  request.set_connection_id(command_line.Text("connection_id"));
  v1::StreamConfig* const stream = request.add_streams();
  const std::string table = command_line.Text("table");
  const size_t dot = table.find('.');
  v1::StreamDescriptor* const descriptor = stream->mutable_descriptor();
  if (dot != std::string::npos) descriptor->set_namespace_(table.substr(0, dot));
  descriptor->set_name(dot == std::string::npos ? table : table.substr(dot + 1));
  stream->set_json_schema(json_schema);
  const std::string mode = command_line.Text("mode");
  const std::vector<std::string> key = command_line.List("primary_key");
  const std::string cursor = command_line.Text("cursor");
  if (mode == "dedup" && key.empty()) {
    return absl::InvalidArgumentError("--mode dedup needs --primary_key");
  }
  if (mode != "dedup" && (!key.empty() || !cursor.empty())) {
    return absl::InvalidArgumentError("--primary_key and --cursor are for --mode dedup");
  }
  stream->set_write_mode(mode == "dedup" ? v1::WRITE_MODE_DEDUP : v1::WRITE_MODE_APPEND);
  stream->set_overwrite(mode == "overwrite");
  for (const std::string& column : key) stream->add_primary_key()->add_path(column);
  if (!cursor.empty()) stream->mutable_cursor()->add_path(cursor);
  return request;
}

// Opens the source anew for each attempt; the first takes the reader that was peeked at.
LoadSession::OpenSource SourceOpener(Input* input, const ColumnTypes& types) {
  return [input, &types, first = true]() mutable -> absl::StatusOr<std::unique_ptr<RecordSource>> {
    if (!std::exchange(first, false)) {
      if (lseek(input->fd, 0, SEEK_SET) != 0) {
        return absl::InternalError(absl::StrCat("cannot rewind the file: ", strerror(errno)));
      }
      input->reader = std::make_unique<LineReader>(input->fd);
    }
    if (!input->csv) return std::make_unique<JsonlSource>(input->reader.get());
    return std::make_unique<CsvSource>(input->reader.get(), input->delimiter, types);
  };
}

void PrintReport(const LoadReport& report, const std::string& sync_id, absl::Duration took,
                 bool json) {
  const std::string table = absl::StrCat(report.plan.table_schema(), ".", report.plan.table_name());
  const double seconds = absl::ToDoubleSeconds(took);
  const int64_t sent = report.durable_offset - report.skipped;
  const double rate = static_cast<double>(sent) / seconds;
  if (json) {
    LineOutput(STDOUT_FILENO)
        .WriteLine(absl::StrFormat(
            R"({"sync_id":%s,"table":%s,"records":%d,"rows":%d,"rejected":%d,"resumed_at":%d,)"
            R"("seconds":%.3f,"rows_per_second":%.0f,"outcome":"%s","interrupted":%s})",
            JsonString(sync_id), JsonString(table), report.durable_offset,
            report.summary.records_written(), report.summary.records_rejected(), report.skipped,
            seconds, rate, v1::Outcome_Name(report.summary.outcome()),
            report.interrupted ? "true" : "false"));
    return;
  }
  Say(absl::StrFormat("%s: %d rows, %d rejected, %.1f s, %s rows/s", table,
                      report.summary.records_written(), report.summary.records_rejected(), seconds,
                      ShortNumber(rate)));
}

int Finish(const LoadReport& report, const std::string& sync_id, absl::Duration took,
           const CommandLine& command_line) {
  const std::string position =
      absl::StrCat(report.durable_offset, " records are committed; run again with --sync_id ",
                   sync_id, " to go on");
  if (!report.status.ok()) {
    Say(absl::StrCat(Explain(report.status, command_line.Text("server")),
                     report.plan.table_name().empty() ? "" : absl::StrCat(" (", position, ")")));
    return kExitFailed;
  }
  if (report.completed_before) {
    Say(absl::StrCat("sync ", sync_id, " has loaded this already; nothing to do"));
  }
  PrintReport(report, sync_id, took, command_line.Json());
  if (report.interrupted) {
    Say("interrupted: " + position);
    return kExitFailed;
  }
  return report.summary.records_rejected() > 0 && !command_line.Switch("allow_rejected")
             ? kExitRejected
             : kExitOk;
}

// Opens the input and learns its schema.
absl::StatusOr<Schema> Prepare(const CommandLine& command_line, Input* input) {
  SYNCLINE_RETURN_IF_ERROR(OpenInput(command_line, input));
  const std::string file = command_line.Text("schema");
  return file.empty() ? InferSchema(command_line.Count("infer_records"), input) : GivenSchema(file);
}

LoadOptions SessionOptions(const CommandLine& command_line, const std::string& json_schema) {
  LoadOptions options;
  options.start = *MakeRequest(command_line, json_schema);
  if (options.start.sync_id().empty()) {
    options.start.set_sync_id(RandomSyncId("load"));
    Say(absl::StrCat("sync_id ", options.start.sync_id(),
                     ": run again with --sync_id to resume should this be interrupted"));
  }
  options.writer_id = command_line.Text("writer_id");
  options.keep_open = command_line.Switch("keep_open");
  options.retry_for = command_line.Duration("retry_for");
  options.replay_window_bytes = command_line.Count("replay_window_bytes");
  return options;
}

int FailUsage(const absl::Status& status) {
  Say(status.message());
  return kExitUsage;
}

}  // namespace

int RunLoad(const CommandLine& command_line) {
  if (command_line.Text("delimiter").size() != 1) {
    return FailUsage(absl::InvalidArgumentError("--delimiter must be one character"));
  }
  // What is wrong with the flags is said before a file is opened.
  if (const auto request = MakeRequest(command_line, "{}"); !request.ok()) {
    return FailUsage(request.status());
  }
  InstallInterruptHandler();
  Input input;
  const absl::StatusOr<Schema> schema = Prepare(command_line, &input);
  const auto client = SyncClient::Create(command_line.Connection());
  if (!schema.ok() || !client.ok()) {
    Say((schema.ok() ? client.status() : schema.status()).message());
    return kExitFailed;
  }
  LoadOptions options = SessionOptions(command_line, schema->json);
  const std::string sync_id = options.start.sync_id();
  const absl::Time began = absl::Now();
  ProgressLine progress;
  LoadSession session(client->get(), std::move(options), SourceOpener(&input, schema->types),
                      input.rereadable, &progress);
  const LoadReport report = session.Run();
  return Finish(report, sync_id, absl::Now() - began, command_line);
}

}  // namespace syncline::client
