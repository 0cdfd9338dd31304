#include "client/load_request.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/sql_table_name.h"

namespace syncline::client {
namespace {

absl::Status Fault(absl::string_view words) { return absl::InvalidArgumentError(words); }

bool HasFlag(const CommandLine& command_line, absl::string_view flag) {
  return !command_line.Text(flag).empty();
}

absl::Status SetTable(const std::string& table, v1::StreamConfig* stream) {
  SYNCLINE_ASSIGN_OR_RETURN(const SqlTableName name, ParseSqlTableName(table));
  stream->set_table_name(table);
  stream->mutable_descriptor()->set_namespace_(name.schema);
  stream->mutable_descriptor()->set_name(name.table);
  return absl::OkStatus();
}

absl::Status SetMode(const CommandLine& command_line, v1::StreamConfig* stream) {
  const std::string mode = command_line.Text("mode");
  const std::vector<std::string> key = command_line.List("primary_key");
  const std::string cursor = command_line.Text("cursor");
  if (mode == "dedup" && key.empty()) return Fault("--mode dedup needs --primary_key");
  const bool key_is_checked = mode == "overwrite" && command_line.Switch("unique_key");
  if (mode != "dedup" && ((!key.empty() && !key_is_checked) || !cursor.empty())) {
    return Fault("--primary_key and --cursor require --mode dedup");
  }
  if (key_is_checked && key.empty()) return Fault("--unique_key needs --primary_key");
  stream->set_write_mode(mode == "dedup" ? v1::WRITE_MODE_DEDUP : v1::WRITE_MODE_APPEND);
  stream->set_overwrite(mode == "overwrite");
  for (const std::string& column : key) stream->add_primary_key()->add_path(column);
  if (!cursor.empty()) stream->mutable_cursor()->add_path(cursor);
  return absl::OkStatus();
}

absl::StatusOr<double> Share(const std::string& text, absl::string_view flag) {
  double share = 0;
  if (!absl::SimpleAtod(text, &share) || !(share >= 0 && share <= 1)) {
    return Fault(absl::StrCat("--", flag, " must be a share from 0 to 1"));
  }
  return share;
}

absl::Status SetNotNull(const CommandLine& command_line, v1::PublishGuard* guard) {
  for (const std::string& entry : command_line.List("not_null")) {
    const size_t equals = entry.rfind('=');
    const bool has_share = equals != std::string::npos;
    SYNCLINE_ASSIGN_OR_RETURN(const double share,
                              Share(has_share ? entry.substr(equals + 1) : "1", "not_null"));
    (*guard->mutable_not_null())[entry.substr(0, equals)] = share;
  }
  return absl::OkStatus();
}

absl::Status SetGuard(const CommandLine& command_line, v1::PublishGuard* guard) {
  if (command_line.Text("mode") == "append") {
    for (const char* const flag : {"min_rows", "max_shrink", "not_null"}) {
      if (HasFlag(command_line, flag)) {
        return Fault(absl::StrCat("--", flag, " requires --mode overwrite or dedup"));
      }
    }
    for (const char* const flag : {"unique_key", "validate_only"}) {
      if (command_line.Switch(flag)) {
        return Fault(absl::StrCat("--", flag, " requires --mode overwrite or dedup"));
      }
    }
  }
  if (HasFlag(command_line, "min_rows")) guard->set_min_rows(command_line.Count("min_rows"));
  if (HasFlag(command_line, "max_shrink")) {
    SYNCLINE_ASSIGN_OR_RETURN(const double share,
                              Share(command_line.Text("max_shrink"), "max_shrink"));
    guard->set_max_shrink(share);
  }
  if (HasFlag(command_line, "max_nulled")) guard->set_max_nulled(command_line.Count("max_nulled"));
  if (HasFlag(command_line, "max_rejected")) {
    guard->set_max_rejected(command_line.Count("max_rejected"));
  } else if (command_line.Text("mode") == "overwrite" && !command_line.Switch("allow_rejected")) {
    guard->set_max_rejected(0);
  }
  guard->set_unique_key(command_line.Switch("unique_key"));
  guard->set_allow_empty(command_line.Switch("allow_empty"));
  return SetNotNull(command_line, guard);
}

absl::Status SetSchemaPolicy(const CommandLine& command_line, v1::StreamConfig* stream) {
  const std::string policy = command_line.Text("schema_policy");
  if (command_line.Switch("strict")) {
    if (!policy.empty() && policy != "freeze") {
      return Fault("--strict allows no change of the table; it implies --schema_policy freeze");
    }
    stream->set_schema_policy(v1::SCHEMA_POLICY_FREEZE);
  } else if (policy == "mirror") {
    stream->set_schema_policy(v1::SCHEMA_POLICY_MIRROR);
  } else if (policy == "freeze") {
    stream->set_schema_policy(v1::SCHEMA_POLICY_FREEZE);
  } else {
    stream->set_schema_policy(v1::SCHEMA_POLICY_KEEP);
  }
  return absl::OkStatus();
}

absl::Status SetReplaceStrategy(const CommandLine& command_line, v1::StreamConfig* stream) {
  const std::string strategy = command_line.Text("replace_strategy");
  if (strategy.empty() || strategy == "auto") return absl::OkStatus();
  if (command_line.Text("mode") != "overwrite") {
    return Fault("--replace_strategy requires --mode overwrite");
  }
  if (strategy == "swap") stream->set_replace_strategy(v1::REPLACE_STRATEGY_SWAP);
  if (strategy == "in_place") stream->set_replace_strategy(v1::REPLACE_STRATEGY_IN_PLACE);
  return absl::OkStatus();
}

absl::Status SetMeta(const CommandLine& command_line, v1::StreamConfig* stream) {
  const std::string meta = command_line.Text("meta");
  if (meta.empty() || meta == "full") return absl::OkStatus();
  if (command_line.Text("mode") == "dedup") return Fault("--mode dedup requires --meta full");
  stream->set_meta(meta == "none" ? v1::META_NONE : v1::META_COMPACT);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::StartSyncRequest> MakeLoadRequest(const CommandLine& command_line) {
  v1::StartSyncRequest request;
  request.set_sync_id(command_line.Text("sync_id"));
  request.set_connection_id(command_line.Text("connection_id"));
  request.set_existing_schemas_only(!command_line.Switch("create_schema"));
  v1::StreamConfig* const stream = request.add_streams();
  SYNCLINE_RETURN_IF_ERROR(SetTable(command_line.Text("table"), stream));
  SYNCLINE_RETURN_IF_ERROR(SetMode(command_line, stream));
  SYNCLINE_RETURN_IF_ERROR(SetGuard(command_line, stream->mutable_guard()));
  SYNCLINE_RETURN_IF_ERROR(SetSchemaPolicy(command_line, stream));
  SYNCLINE_RETURN_IF_ERROR(SetReplaceStrategy(command_line, stream));
  SYNCLINE_RETURN_IF_ERROR(SetMeta(command_line, stream));
  if (HasFlag(command_line, "distribute_by")) {
    stream->mutable_distribution()->set_column(command_line.Text("distribute_by"));
  }
  if (command_line.Switch("validate_only") && command_line.Switch("keep_open")) {
    return Fault("--validate_only and --keep_open cannot be combined");
  }
  if (command_line.Switch("dry_run") && command_line.Switch("validate_only")) {
    return Fault("--dry_run sends no records, --validate_only sends all; give only one of them");
  }
  if (command_line.Switch("dry_run") && HasFlag(command_line, "schema")) {
    return Fault("--dry_run shows the inferred types; leave out --schema, which states them");
  }
  return request;
}

EndRules MakeEndRules(const CommandLine& command_line) {
  EndRules rules;
  rules.replace = command_line.Text("mode") == "overwrite";
  rules.allow_rejected = command_line.Switch("allow_rejected");
  rules.allow_empty = command_line.Switch("allow_empty");
  rules.strict = command_line.Switch("strict");
  rules.max_rejected = command_line.Count("max_rejected");
  return rules;
}

}  // namespace syncline::client
