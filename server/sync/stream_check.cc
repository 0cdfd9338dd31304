#include "server/sync/stream_check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/reasons.h"
#include "server/model/names.h"
#include "server/model/publish_guard.h"
#include "server/model/sql_name.h"
#include "server/sync/json_schema.h"
#include "server/sync/sync_errors.h"

namespace syncline::sync {
namespace {

constexpr size_t kMaxSchemaBytes = 1 << 20;
// The ledger's keys contain namespace, name and two ids, and an index entry has room for 2704
// bytes.
constexpr size_t kMaxDescriptorLength = 1024;
// PostgreSQL's INDEX_MAX_KEYS; the index on a larger key could not be created.
constexpr size_t kMaxKeyColumns = 32;

class StreamChecker {
 public:
  StreamChecker(const StreamConfig& config, std::string path, const StartLimits& limits)
      : config_(config), path_(std::move(path)), limits_(limits) {}

  CheckedStream Check() {
    StreamPlan& plan = checked_.record.plan;
    plan.descriptor = config_.descriptor;
    plan.write_mode = config_.write_mode;
    plan.airbyte_sync_id = config_.airbyte_sync_id;
    plan.schema_policy = config_.schema_policy;
    plan.replay = config_.replay;
    plan.cdc_delete_mode = config_.cdc_delete_mode;
    plan.guard = config_.guard;
    plan.inferred_schema = config_.inferred_schema;
    plan.replace_strategy = config_.replace_strategy;
    plan.older_generations = config_.older_generations;
    plan.deleted_at_column = config_.deleted_at_column;
    plan.distribution = config_.distribution;
    checked_.request.generation = {config_.generation_id, config_.minimum_generation_id,
                                   config_.overwrite};
    CheckLength(config_.descriptor.name, "descriptor.name");
    CheckLength(config_.descriptor.name_space, "descriptor.namespace");
    CheckName();
    CheckGenerations();
    CheckColumns();
    CheckKey();
    CheckMeta();
    CheckGuard();
    CheckOlderGenerations();
    CheckDistribution();
    return std::move(checked_);
  }

 private:
  template <typename... Reason>
  void Violation(absl::string_view field, std::string description, Reason... reason) {
    checked_.violations.Add(absl::StrCat(path_, ".", field), std::move(description), reason...);
  }

  void Refuse(absl::Status status) {
    if (checked_.refusal.ok()) checked_.refusal = std::move(status);
  }

  void CheckLength(absl::string_view name, absl::string_view field) {
    if (name.size() <= kMaxDescriptorLength) return;
    Violation(field, absl::StrCat("must have at most ", kMaxDescriptorLength, " bytes"));
  }

  // Adds the violations in `status` with their path in the request. Any other error is a refusal.
  void TakeFaults(const absl::Status& status) {
    const ErrorDetail detail = GetDetail(status);
    if (detail.violations.empty()) return Refuse(status);
    for (const FieldViolation& fault : detail.violations) {
      if (fault.field == "descriptor.name" && config_.descriptor.name.empty()) {
        Violation(fault.field, fault.description);
      } else {
        Violation(fault.field, fault.description, detail.reason);
      }
    }
  }

  void CheckName() {
    const absl::StatusOr<StreamName> name =
        NameStream(config_.descriptor, limits_.default_schema, limits_.ledger_schema);
    // The schema of the stream's name matters only if the table is not given.
    if (name.ok()) {
      checked_.request.name = *name;
    } else if (config_.table_name.empty() || !GetDetail(name.status()).violations.empty()) {
      return TakeFaults(name.status());
    }
    if (config_.table_name.empty()) return;
    CheckTableName();
  }

  void CheckTableName() {
    const std::string& own_schema = checked_.request.name.table.schema;
    const absl::StatusOr<TableName> table = ParseTableName(
        config_.table_name, own_schema.empty() ? limits_.default_schema : own_schema);
    if (!table.ok()) return TakeFaults(table.status());
    if (absl::Status status = CheckTargetSchema(table->schema, limits_.ledger_schema);
        !status.ok()) {
      return Refuse(std::move(status));
    }
    checked_.request.exact_table = *table;
  }

  void CheckGenerations() {
    if (config_.generation_id.has_value() != config_.minimum_generation_id.has_value()) {
      return Violation("minimum_generation_id", "must be set together with generation_id");
    }
    if (!config_.generation_id.has_value()) return;
    const int64_t generation = *config_.generation_id;
    const int64_t minimum = *config_.minimum_generation_id;
    if (generation < 0) Violation("generation_id", "must not be negative");
    if (minimum < 0) Violation("minimum_generation_id", "must not be negative");
    if (minimum > generation) {
      Violation("minimum_generation_id", "must not be greater than generation_id");
    }
    if (config_.overwrite)
      Violation("overwrite", "must not be set together with the generation ids");
    if (minimum > 0 && minimum < generation) Refuse(HybridRefresh(config_.descriptor.name));
  }

  void CheckColumns() {
    if (config_.json_schema.size() > kMaxSchemaBytes) {
      return Violation("json_schema", "must have at most 1 MiB");
    }
    const absl::StatusOr<std::vector<dataflow::DeclaredField>> fields =
        dataflow::ParseJsonSchema(config_.json_schema);
    if (!fields.ok()) {
      return Violation("json_schema", std::string(fields.status().message()),
                       GetReason(fields.status()));
    }
    for (const dataflow::DeclaredField& field : *fields) {
      // The ledger stores the name, and PostgreSQL text cannot contain NUL.
      if (absl::StrContains(field.name, '\0')) {
        Violation("json_schema", "has a property whose name contains NUL", reason::kInvalidName);
      }
      checked_.record.plan.schema.columns.push_back(
          {field.name, "", field.type, /*nullable=*/true, field.json_shape});
    }
  }

  // Unless the stream is deduplicated, the key serves only the guard, and the cursor is only
  // checked.
  void CheckKey() {
    TableSchema& schema = checked_.record.plan.schema;
    const bool dedup = config_.write_mode == WriteMode::kDedup;
    if (dedup && config_.primary_key.empty()) {
      Violation("primary_key", "is required for WRITE_MODE_DEDUP", reason::kMissingPk);
    }
    if (dedup && config_.primary_key.size() > kMaxKeyColumns) {
      return Violation("primary_key",
                       absl::StrCat("must have at most ", kMaxKeyColumns, " properties"));
    }
    std::set<std::string> seen;
    for (size_t i = 0; i < config_.primary_key.size(); ++i) {
      const std::string field = absl::StrCat("primary_key[", i, "]");
      const std::optional<std::string> property = FindProperty(config_.primary_key[i], field);
      if (!property.has_value()) continue;
      if (!dedup) {
        checked_.record.plan.guard.key.push_back(*property);
        continue;
      }
      if (!seen.insert(*property).second) {
        Violation(field, "names a property that is already in the key");
      }
      schema.primary_key.push_back(*property);
    }
    if (config_.cursor.empty()) return;
    const std::optional<std::string> property = FindProperty(config_.cursor, "cursor");
    if (dedup) schema.cursor = property;
  }

  // Without all meta columns there is nothing by which rows are compared, or found again.
  void CheckMeta() {
    checked_.record.plan.schema.meta = config_.meta;
    if (config_.meta == TableMeta::kFull) return;
    if (config_.write_mode == WriteMode::kDedup) {
      Violation("meta", "must be META_FULL for WRITE_MODE_DEDUP");
    }
    if (config_.replay != Replay::kNothing) Violation("meta", "must be META_FULL with this replay");
    if (config_.meta == TableMeta::kNone && checked_.record.plan.schema.columns.empty()) {
      Violation("json_schema", "must have a property with META_NONE, or the table has no column");
    }
  }

  void CheckGuard() {
    const bool replaces =
        config_.overwrite || (config_.minimum_generation_id.value_or(0) > 0 &&
                              config_.minimum_generation_id == config_.generation_id);
    const bool appends = config_.write_mode == WriteMode::kAppend && !replaces;
    for (const auto& [field, text] : FindGuardFaults(config_.guard, checked_.record.plan.schema,
                                                     !config_.primary_key.empty(), appends)) {
      Violation(absl::StrCat("guard.", field), text);
    }
  }

  void CheckOlderGenerations() {
    const std::string& property = config_.deleted_at_column;
    if (config_.older_generations == OlderGenerations::kKeep) {
      if (!property.empty()) {
        Violation("deleted_at_column", "is only for OLDER_GENERATIONS_MARK_DELETED");
      }
      return;
    }
    if (config_.overwrite || config_.minimum_generation_id.value_or(0) > 0) {
      Violation("older_generations", "must be kept by a stream that replaces its table");
    }
    if (config_.meta == TableMeta::kNone) {
      Violation("older_generations", "must be kept with META_NONE: rows do not have a generation");
    }
    const TableSchema& schema = checked_.record.plan.schema;
    if (std::none_of(schema.columns.begin(), schema.columns.end(), [&](const ColumnSchema& column) {
          return column.input_name == property && column.type == ColumnType::kTimestamptz;
        })) {
      Violation("deleted_at_column", "must be a property of type timestamp with time zone");
    }
    // The time of the deletion would decide which of two records is newer.
    if (schema.cursor == property ||
        std::count(schema.primary_key.begin(), schema.primary_key.end(), property) > 0) {
      Violation("deleted_at_column", "must not be the cursor or in the primary key");
    }
  }

  void CheckDistribution() {
    const Distribution& distribution = config_.distribution;
    const std::string& property = distribution.property;
    if (property.empty()) {
      if (!distribution.colocate_with.empty()) {
        Violation("distribution.column", "must be set with colocate_with");
      }
      return;
    }
    const TableSchema& schema = checked_.record.plan.schema;
    const bool deduplicates = config_.write_mode == WriteMode::kDedup;
    if (property == kRawIdColumn) {
      if (deduplicates || schema.meta != TableMeta::kFull) {
        Violation("distribution.column",
                  "can be _airbyte_raw_id only with WRITE_MODE_APPEND and META_FULL");
      }
    } else if (FindProperty({property}, "distribution.column").has_value() && deduplicates &&
               std::find(schema.primary_key.begin(), schema.primary_key.end(), property) ==
                   schema.primary_key.end()) {
      Violation("distribution.column", "must be part of the primary key with WRITE_MODE_DEDUP");
    }
    // No UPDATE moves a row to another node.
    if (property == config_.deleted_at_column) {
      Violation("distribution.column", "must not be the deleted_at_column");
    }
    if (distribution.colocate_with.empty()) return;
    if (!ParseTableName(distribution.colocate_with, limits_.default_schema).ok()) {
      Violation("distribution.colocate_with", "must be a table as [schema.]name");
    }
  }

  std::optional<std::string> FindProperty(const std::vector<std::string>& path,
                                          absl::string_view field) {
    if (path.size() != 1) {
      Violation(field, "must be a path of one element: a top-level property");
      return std::nullopt;
    }
    const std::vector<ColumnSchema>& columns = checked_.record.plan.schema.columns;
    if (std::none_of(columns.begin(), columns.end(), [&](const ColumnSchema& column) {
          return column.input_name == path.front();
        })) {
      Violation(field, "does not match any property of the schema");
      return std::nullopt;
    }
    return path.front();
  }

  const StreamConfig& config_;
  const std::string path_;
  const StartLimits& limits_;
  CheckedStream checked_;
};

}  // namespace

void Violations::Add(std::string field, std::string description, absl::string_view reason) {
  if (list_.empty()) reason_ = std::string(reason);
  if (reason_ != reason) reason_ = reason::kInvalidRequest;
  list_.push_back({std::move(field), std::move(description)});
}

void Violations::Add(const Violations& others) {
  for (const FieldViolation& violation : others.list_) {
    Add(violation.field, violation.description, others.reason_);
  }
}

absl::Status Violations::ToStatus() const {
  return empty() ? absl::OkStatus() : InvalidRequest(list_, reason_);
}

CheckedStream CheckStream(const StreamConfig& config, const std::string& path,
                          const StartLimits& limits) {
  return StreamChecker(config, path, limits).Check();
}

}  // namespace syncline::sync
