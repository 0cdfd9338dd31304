#include "server/sync/start_request.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/model/names.h"

namespace syncline::sync {
namespace {

constexpr size_t kMaxIdLength = 128;
constexpr size_t kMaxInputDigestLength = 256;
constexpr size_t kMaxFailedNameLength = 1024;

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

void CheckIds(const StartRequest& request, const StartLimits& limits, Violations* violations) {
  if (request.plan_only) {
    if (!request.sync_id.empty()) violations->Add("sync_id", "must be empty with plan_only");
  } else if (request.sync_id.empty() || request.sync_id.size() > kMaxIdLength ||
             HasControlCharacter(request.sync_id)) {
    violations->Add("sync_id", "must have 1-128 bytes and no control characters");
  }
  if (request.connection_id.size() > kMaxIdLength || HasControlCharacter(request.connection_id)) {
    violations->Add("connection_id", "must have at most 128 bytes and no control characters");
  }
  if (request.input_digest.size() > kMaxInputDigestLength ||
      HasControlCharacter(request.input_digest)) {
    violations->Add("input_digest", "must have at most 256 bytes and no control characters");
  }
  if (request.plan_only && request.extend) {
    violations->Add("extend", "must not be set together with plan_only");
  }
  // Its start could be interrupted, and an extension does not repeat the streams of an earlier one.
  for (size_t i = 0; request.extend && i < request.streams.size(); ++i) {
    if (!request.streams[i].distribution.requested()) continue;
    violations->Add(absl::StrCat("streams[", i, "].distribution"),
                    "must not be set together with extend; see --distribute_new_tables");
  }
  if (request.streams.empty() && !request.extend) {
    violations->Add("streams", "must name at least one stream");
  }
  if (request.streams.size() > static_cast<size_t>(limits.max_streams)) {
    violations->Add("streams", absl::StrCat("must name at most ", limits.max_streams, " streams"));
  }
}

// Returns `name` if the ledger can store it, otherwise a substitute.
std::string LedgerName(const std::string& name) {
  if (name.size() <= kMaxFailedNameLength && !absl::StrContains(name, '\0')) return name;
  const absl::string_view nul("\0", 1);
  return NameWithHash(absl::StrReplaceAll(name, {{nul, "\uFFFD"}}), name);
}

// Returns PERMISSION_DENIED if the caller may not load into the stream's schema.
absl::Status CheckSchema(const Identity& caller, const write::StreamRequest& stream) {
  const std::string& schema =
      stream.exact_table.has_value() ? stream.exact_table->schema : stream.name.table.schema;
  if (caller.schemas.empty() ||
      std::find(caller.schemas.begin(), caller.schemas.end(), schema) != caller.schemas.end()) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kPermissionDenied,
      absl::StrCat("the token \"", caller.name, "\" may not load into the schema \"", schema, "\""),
      {.reason = reason::kSchemaNotAllowed});
}

void Fail(const absl::Status& error, StreamEntry* record) {
  StreamPlan failed;
  failed.descriptor = {LedgerName(record->plan.descriptor.name_space),
                       LedgerName(record->plan.descriptor.name)};
  failed.write_mode = record->plan.write_mode;
  record->plan = std::move(failed);
  record->state = StreamState::kFailed;
  record->error = error;
}

}  // namespace

absl::StatusOr<write::SyncDraft> CheckStartRequest(const StartRequest& request,
                                                   const StartLimits& limits) {
  write::SyncDraft draft;
  draft.sync.sync_id = request.sync_id;
  draft.sync.connection_id = request.connection_id;
  draft.sync.owner = request.caller.owner;
  draft.sync.request_digest = request.digest;
  draft.sync.input_digest = request.input_digest;
  draft.allow_partial = request.allow_partial;
  draft.existing_schemas_only = request.existing_schemas_only;
  draft.extend = request.extend;
  draft.sync.extensible = request.extend;
  draft.max_streams = limits.max_streams;
  Violations violations;
  CheckIds(request, limits, &violations);
  absl::Status refusal;
  std::set<StreamDescriptor> seen;
  for (size_t i = 0; i < request.streams.size(); ++i) {
    const std::string path = absl::StrCat("streams[", i, "]");
    CheckedStream checked = CheckStream(request.streams[i], path, limits);
    // A stream that cannot be named is identified by the descriptor in the request.
    const StreamDescriptor& resolved = checked.request.name.stream;
    const bool added =
        seen.insert(resolved.name.empty() ? request.streams[i].descriptor : resolved).second;
    if (!added) violations.Add(absl::StrCat(path, ".descriptor"), "is listed twice");
    if (checked.refusal.ok()) checked.refusal = CheckSchema(request.caller, checked.request);
    absl::Status error = checked.violations.ToStatus();
    if (error.ok()) error = checked.refusal;
    if (!request.allow_partial) {
      violations.Add(checked.violations);
      if (refusal.ok()) refusal = checked.refusal;
    } else if (!error.ok()) {
      Fail(error, &checked.record);
    }
    draft.sync.streams.push_back(std::move(checked.record));
    draft.requests.push_back(std::move(checked.request));
  }
  if (!violations.empty()) return violations.ToStatus();
  if (!refusal.ok()) return refusal;
  return draft;
}

}  // namespace syncline::sync
