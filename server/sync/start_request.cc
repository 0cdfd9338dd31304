#include "server/sync/start_request.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/error.h"
#include "server/base/status_macros.h"
#include "server/dataflow/json_schema.h"
#include "server/model/names.h"
#include "server/model/publish_guard.h"
#include "server/sync/sync_errors.h"

namespace syncline::sync {
namespace {

constexpr size_t kMaxIdLength = 128;
constexpr size_t kMaxSchemaBytes = 1 << 20;
// The ledger's keys hold namespace, name and two ids; an entry of an index has room for 2704 bytes.
constexpr size_t kMaxDescriptorLength = 1024;

constexpr char kInvalidRequest[] = "INVALID_REQUEST";

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

class Checker {
 public:
  Checker(const StartRequest& request, const StartLimits& limits)
      : request_(request), limits_(limits) {}

  absl::StatusOr<write::SyncDraft> Check() {
    CheckIds();
    for (size_t i = 0; i < request_.streams.size(); ++i) {
      SYNCLINE_RETURN_IF_ERROR(CheckStream(i));
    }
    if (!violations_.empty()) return InvalidRequest(std::move(violations_), reason_);
    SYNCLINE_RETURN_IF_ERROR(MapTables());
    draft_.sync.sync_id = request_.sync_id;
    draft_.sync.connection_id = request_.connection_id;
    draft_.sync.request_digest = request_.digest;
    draft_.sync.input_digest = request_.input_digest;
    return std::move(draft_);
  }

 private:
  // Violations of one kind alone give the request's error their own reason.
  void Violation(std::string field, std::string description,
                 absl::string_view reason = kInvalidRequest) {
    if (violations_.empty()) reason_ = std::string(reason);
    if (reason_ != reason) reason_ = kInvalidRequest;
    violations_.push_back({std::move(field), std::move(description)});
  }

  void CheckIds() {
    if (request_.sync_id.empty() || request_.sync_id.size() > kMaxIdLength ||
        HasControlCharacter(request_.sync_id)) {
      Violation("sync_id", "must have 1-128 characters and no control characters");
    }
    if (request_.connection_id.size() > kMaxIdLength ||
        HasControlCharacter(request_.connection_id)) {
      Violation("connection_id", "must have at most 128 characters and no control characters");
    }
    if (request_.streams.empty()) Violation("streams", "must name at least one stream");
    if (request_.streams.size() > static_cast<size_t>(limits_.max_streams)) {
      Violation("streams", absl::StrCat("must name at most ", limits_.max_streams, " streams"));
    }
  }

  void CheckLength(absl::string_view name, std::string path) {
    if (name.size() <= kMaxDescriptorLength) return;
    Violation(std::move(path), absl::StrCat("must have at most ", kMaxDescriptorLength, " bytes"));
  }

  absl::Status CheckStream(size_t index) {
    const StreamConfig& config = request_.streams[index];
    const std::string path = absl::StrCat("streams[", index, "]");
    if (config.descriptor.name.empty()) {
      Violation(absl::StrCat(path, ".descriptor.name"), "must not be empty");
    }
    CheckLength(config.descriptor.name, absl::StrCat(path, ".descriptor.name"));
    CheckLength(config.descriptor.name_space, absl::StrCat(path, ".descriptor.namespace"));
    if (!seen_.insert(config.descriptor).second) {
      Violation(absl::StrCat(path, ".descriptor"), "is named twice");
    }
    SYNCLINE_RETURN_IF_ERROR(CheckGenerations(config, path));
    StreamRecord stream;
    stream.plan.descriptor = config.descriptor;
    stream.plan.write_mode = config.write_mode;
    stream.plan.airbyte_sync_id = config.airbyte_sync_id;
    stream.plan.schema_policy = config.schema_policy;
    stream.plan.replay = config.replay;
    stream.plan.cdc_delete_mode = config.cdc_delete_mode;
    stream.plan.guard = config.guard;
    stream.plan.inferred_schema = config.inferred_schema;
    CheckColumns(config, path, &stream.plan);
    CheckGuard(config, path, stream.plan);
    draft_.sync.streams.push_back(std::move(stream));
    draft_.requests.push_back(
        {{config.generation_id, config.minimum_generation_id, config.overwrite}});
    return absl::OkStatus();
  }

  absl::Status CheckGenerations(const StreamConfig& config, const std::string& path) {
    if (config.generation_id.has_value() != config.minimum_generation_id.has_value()) {
      Violation(absl::StrCat(path, ".minimum_generation_id"),
                "must be set together with generation_id");
      return absl::OkStatus();
    }
    if (!config.generation_id.has_value()) return absl::OkStatus();
    const int64_t generation = *config.generation_id;
    const int64_t minimum = *config.minimum_generation_id;
    if (generation < 0) Violation(absl::StrCat(path, ".generation_id"), "must not be negative");
    if (minimum < 0) {
      Violation(absl::StrCat(path, ".minimum_generation_id"), "must not be negative");
    }
    if (minimum > generation) {
      Violation(absl::StrCat(path, ".minimum_generation_id"),
                "must not be greater than generation_id");
    }
    if (config.overwrite) {
      Violation(absl::StrCat(path, ".overwrite"), "must not be set beside the generation ids");
    }
    if (minimum > 0 && minimum < generation) return HybridRefresh(config.descriptor.name);
    return absl::OkStatus();
  }

  void CheckGuard(const StreamConfig& config, const std::string& path, const StreamPlan& plan) {
    const bool replaces =
        config.overwrite || (config.minimum_generation_id.value_or(0) > 0 &&
                             config.minimum_generation_id == config.generation_id);
    const bool appends = config.write_mode == WriteMode::kAppend && !replaces;
    for (const auto& [field, text] :
         FindGuardFaults(config.guard, plan.schema, !config.primary_key.empty(), appends)) {
      Violation(absl::StrCat(path, ".guard.", field), text);
    }
  }

  void CheckColumns(const StreamConfig& config, const std::string& path, StreamPlan* plan) {
    TableSchema* const schema = &plan->schema;
    const std::string schema_path = absl::StrCat(path, ".json_schema");
    if (config.json_schema.size() > kMaxSchemaBytes) {
      return Violation(schema_path, "must have at most 1 MiB");
    }
    const absl::StatusOr<std::vector<dataflow::DeclaredField>> fields =
        dataflow::ParseJsonSchema(config.json_schema);
    if (!fields.ok()) {
      return Violation(schema_path, std::string(fields.status().message()),
                       ReasonOf(fields.status()));
    }
    std::vector<std::string> names;
    for (const dataflow::DeclaredField& field : *fields) {
      names.push_back(field.name);
      // The ledger keeps it, and PostgreSQL's text cannot.
      if (absl::StrContains(field.name, '\0')) {
        Violation(schema_path, "has a property whose name holds NUL", "INVALID_NAME");
      }
    }
    const std::vector<std::string> columns = MapColumnNames(names);
    for (size_t i = 0; i < fields->size(); ++i) {
      schema->columns.push_back(
          {names[i], columns[i], (*fields)[i].type, /*nullable=*/true, (*fields)[i].json_shape});
    }
    if (config.write_mode == WriteMode::kDedup && config.primary_key.empty()) {
      Violation(absl::StrCat(path, ".primary_key"), "is needed for WRITE_MODE_DEDUP", "MISSING_PK");
    }
    for (size_t i = 0; i < config.primary_key.size(); ++i) {
      const std::optional<std::string> column =
          FindColumn(*schema, config.primary_key[i], absl::StrCat(path, ".primary_key[", i, "]"));
      if (!column.has_value()) continue;
      if (config.write_mode == WriteMode::kDedup) {
        schema->primary_key.push_back(*column);
      } else {
        plan->guard.key.push_back(*column);
      }
    }
    if (!config.cursor.empty()) {
      const std::optional<std::string> column =
          FindColumn(*schema, config.cursor, absl::StrCat(path, ".cursor"));
      if (config.write_mode == WriteMode::kDedup) schema->cursor = column;
    }
  }

  std::optional<std::string> FindColumn(const TableSchema& schema,
                                        const std::vector<std::string>& field,
                                        const std::string& path) {
    if (field.size() != 1) {
      Violation(path, "must be a path of one element: a top-level property");
      return std::nullopt;
    }
    for (const ColumnSchema& column : schema.columns) {
      if (column.input_name == field.front()) return column.column_name;
    }
    Violation(path, "names no property of the schema");
    return std::nullopt;
  }

  absl::Status MapTables() {
    std::vector<StreamDescriptor> descriptors;
    for (const StreamConfig& config : request_.streams) descriptors.push_back(config.descriptor);
    SYNCLINE_ASSIGN_OR_RETURN(
        const std::vector<TableName> tables,
        MapTableNames(descriptors, limits_.default_schema, limits_.ledger_schema));
    for (size_t i = 0; i < tables.size(); ++i) {
      draft_.sync.streams[i].plan.table = tables[i];
      draft_.sync.streams[i].plan.temp_table = TempTableName(tables[i]);
    }
    return absl::OkStatus();
  }

  const StartRequest& request_;
  const StartLimits& limits_;
  std::vector<FieldViolation> violations_;
  std::string reason_;
  std::set<StreamDescriptor> seen_;
  write::SyncDraft draft_;
};

}  // namespace

absl::StatusOr<write::SyncDraft> CheckStartRequest(const StartRequest& request,
                                                   const StartLimits& limits) {
  return Checker(request, limits).Check();
}

}  // namespace syncline::sync
