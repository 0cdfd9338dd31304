#include "client/load_preparation.h"

#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "client/input_files.h"
#include "client/json_text.h"
#include "client/load_request.h"
#include "client/name_hint.h"
#include "client/output.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

constexpr size_t kShownColumns = 8;
constexpr size_t kMaxNameBytes = 100;  // of a file in a writer's id, which has at most 128 bytes

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

// Every file stays open until the end, and the soft limit is often only 1,024 files. If the hard
// limit is too low, opening a file fails.
void RaiseFileLimit(size_t files) {
  constexpr rlim_t kOtherFiles = 256;  // such as connections, and pipes of a private PostgreSQL
  const rlim_t needed = files + kOtherFiles;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

absl::Status Fault(absl::string_view words) { return absl::InvalidArgumentError(words); }

}  // namespace

absl::StatusOr<std::unique_ptr<LoadPreparation>> LoadPreparation::Make(
    const CommandLine& command_line) {
  auto preparation = std::make_unique<LoadPreparation>();
  auto request = MakeLoadRequest(command_line);
  if (!request.ok()) return AsUsageError(request.status());
  preparation->request_ = *std::move(request);
  SYNCLINE_ASSIGN_OR_RETURN(preparation->options_, MakeInputOptions(command_line));
  SYNCLINE_RETURN_IF_ERROR(preparation->Open(command_line));
  SYNCLINE_RETURN_IF_ERROR(preparation->Survey(command_line));
  SYNCLINE_RETURN_IF_ERROR(preparation->CheckReplace(command_line));
  if (preparation->empty_) return preparation;
  SYNCLINE_RETURN_IF_ERROR(preparation->SetSchema(command_line));
  // Each of several writers has its own input.
  if (command_line.Text("writer_id").empty()) {
    SYNCLINE_RETURN_IF_ERROR(preparation->SetDigest());
  }
  return preparation;
}

absl::Status LoadPreparation::Open(const CommandLine& command_line) {
  SYNCLINE_ASSIGN_OR_RETURN(const InputFiles found, FindInputFiles(command_line.arguments()));
  for (const std::string& entry : found.skipped) {
    PrintMessage(absl::StrCat(entry, ": not loaded, because it is hidden or not a file"));
  }
  if (found.files.size() > 1 && !command_line.Text("writer_id").empty()) {
    return UsageError("--writer_id names the writer of one file; load the files one by one");
  }
  RaiseFileLimit(found.files.size());
  for (const std::string& file : found.files) {
    SYNCLINE_ASSIGN_OR_RETURN(auto input, LoadInput::Open(file, options_));
    inputs_.push_back(std::move(input));
  }
  return absl::OkStatus();
}

absl::Status LoadPreparation::Survey(const CommandLine& command_line) {
  const bool has_schema = !command_line.Text("schema").empty();
  for (const auto& input : inputs_) {
    SYNCLINE_ASSIGN_OR_RETURN(const InputSurvey survey, input->Survey(has_schema));
    Describe(*input, survey, has_schema);
    SYNCLINE_RETURN_IF_ERROR(CheckSurvey(*input, survey, has_schema));
    inference_.Add(survey.inference);
    whole_ = whole_ && survey.whole;
    records_ += survey.records;
    if (survey.whole && survey.ends_inside_record) cut_ = input->name();
  }
  return absl::OkStatus();
}

// Checks that the schema of `survey` can be used for all of the input.
absl::Status LoadPreparation::CheckSurvey(const LoadInput& input, const InputSurvey& survey,
                                          bool has_schema) const {
  const bool csv = input.format().file == FileFormat::kCsv;
  if (!has_schema && survey.records > 0 && survey.objects == 0 && survey.inference.empty()) {
    return Fault(absl::StrCat(
        input.name(), ": none of the ", survey.records, " examined records is a JSON object",
        csv ? "" : "; a CSV file whose name does not say so needs --format csv"));
  }
  return absl::OkStatus();
}

// Decides whether there is anything to load, and refuses a replace by an input that is known to be
// incomplete.
absl::Status LoadPreparation::CheckReplace(const CommandLine& command_line) {
  const bool replace = command_line.Text("mode") == "overwrite";
  // One of several writers may have no records to send.
  empty_ = whole_ && records_ == 0 && command_line.Text("writer_id").empty();
  if (!replace) return absl::OkStatus();
  if (!cut_.empty()) {
    return Fault(absl::StrCat(cut_, " is truncated: it ends inside a record; nothing was changed"));
  }
  if (empty_ && !command_line.Switch("allow_empty")) {
    return Fault(
        "the input contains no records; nothing was changed; --allow_empty replaces the table with "
        "an empty one");
  }
  empty_ = false;
  return absl::OkStatus();
}

absl::Status LoadPreparation::SetSchema(const CommandLine& command_line) {
  v1::StreamConfig* const stream = request_.mutable_streams(0);
  if (const std::string file = command_line.Text("schema"); !file.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(*stream->mutable_json_schema(), ReadSchema(file));
    return absl::OkStatus();
  }
  const bool may_be_empty = whole_ && command_line.Switch("allow_empty");
  if (records_ == 0 && inference_.empty() && !may_be_empty) {
    return Fault("the input contains no record to infer a schema from; give one with --schema");
  }
  SYNCLINE_RETURN_IF_ERROR(CheckColumns(command_line));
  std::map<std::string, std::string> declared;
  for (const auto& [column, type] : options_.types) declared[column] = type.property_schema;
  stream->set_json_schema(inference_.JsonSchema(declared));
  stream->set_inferred_schema(!inference_.empty());
  return absl::OkStatus();
}

// A column that a flag names may occur only after the records that were examined.
absl::Status LoadPreparation::CheckColumns(const CommandLine& command_line) const {
  if (!whole_ || inference_.empty()) return absl::OkStatus();
  std::vector<std::pair<std::string, std::string>> named;  // flags and columns
  for (const auto& [column, type] : options_.types) named.emplace_back("types", column);
  for (const std::string& column : command_line.List("primary_key")) {
    named.emplace_back("primary_key", column);
  }
  if (const std::string cursor = command_line.Text("cursor"); !cursor.empty()) {
    named.emplace_back("cursor", cursor);
  }
  std::vector<std::string> names;
  for (const auto& [name, type] : inference_.columns()) names.push_back(name);
  for (const auto& [flag, column] : named) {
    if (std::find(names.begin(), names.end(), column) != names.end()) continue;
    return UsageError(
        absl::StrCat("--", flag, ": the input has no column ", column, SuggestName(column, names)));
  }
  return absl::OkStatus();
}

// Files are compared in their order and with their writers' ids, so that a resume cannot send the
// records of one file as those of another.
absl::Status LoadPreparation::SetDigest() {
  std::string digest;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string of_input, inputs_[i]->Digest());
    if (inputs_.size() == 1) digest = of_input;
    if (inputs_.size() > 1) absl::StrAppend(&digest, WriterId(i), " ", of_input, "\n");
  }
  if (digest.empty()) return absl::OkStatus();
  if (inputs_.size() > 1) {
    digest = absl::StrCat("files=", inputs_.size(), " sha256=", Sha256Hex(digest));
  }
  if (!options_.digest.empty()) {
    absl::StrAppend(&digest, " flags=", Sha256Hex(options_.digest).substr(0, 16));
  }
  request_.set_input_digest(digest);
  return absl::OkStatus();
}

// The name makes the id meaningful, and its position makes it unique.
std::string LoadPreparation::WriterId(size_t index) const {
  const std::string& name = inputs_[index]->name();
  const size_t slash = name.rfind('/');
  const std::string file = slash == std::string::npos ? name : name.substr(slash + 1);
  return absl::StrCat(index + 1, ":", CutAtCharacter(file, kMaxNameBytes));
}

std::vector<LoadSource> LoadPreparation::MakeSources(const CommandLine& command_line) const {
  std::vector<LoadSource> sources;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    LoadInput* const input = inputs_[i].get();
    LoadSource source;
    source.name = input->name();
    source.writer_id = inputs_.size() > 1 ? WriterId(i) : command_line.Text("writer_id");
    source.rereadable = input->rereadable();
    source.size = input->size();
    if (input->rereadable()) source.position = [input] { return input->position(); };
    source.release = [input] { input->Release(); };
    source.open = [input](const v1::StreamPlan& plan) { return input->OpenRecords(plan); };
    sources.push_back(std::move(source));
  }
  return sources;
}

std::string LoadPreparation::TypeOf(const std::string& column, InferredType inferred) const {
  const auto declared = options_.types.find(column);
  return declared == options_.types.end() ? std::string(PostgresTypeName(inferred))
                                          : declared->second.postgres_type;
}

std::vector<v1::Column> LoadPreparation::Columns() const {
  std::vector<v1::Column> columns;
  for (const auto& [name, type] : inference_.columns()) {
    v1::Column& column = columns.emplace_back();
    column.set_input_name(name);
    column.set_column_name(name);
    column.set_type(TypeOf(name, type));
  }
  return columns;
}

void LoadPreparation::Describe(const LoadInput& input, const InputSurvey& survey,
                               bool has_schema) const {
  const auto& columns = survey.inference.columns();
  std::string text = absl::StrCat(input.name(), ": ", input.DescribeFormat(), ", ", columns.size(),
                                  columns.size() == 1 ? " column" : " columns");
  for (size_t i = 0; i < columns.size() && i < kShownColumns; ++i) {
    absl::StrAppend(&text, i == 0 ? ": " : ", ", columns[i].first);
    if (!has_schema) absl::StrAppend(&text, " ", TypeOf(columns[i].first, columns[i].second));
  }
  if (columns.size() > kShownColumns) absl::StrAppend(&text, ", ...");
  PrintMessage(text);
}

}  // namespace syncline::client
