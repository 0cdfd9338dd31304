#include "server/model/enum_names.h"

#include <array>

namespace syncline {
namespace {

// The arrays are indexed by the value of the enum.
constexpr std::array<absl::string_view, 4> kSyncStates = {"starting", "running", "finished",
                                                          "cancelled"};
constexpr std::array<absl::string_view, 6> kStreamStates = {"open",       "finalizing", "completed",
                                                            "incomplete", "cancelled",  "failed"};
constexpr std::array<absl::string_view, 7> kOutcomes = {
    "none", "appended", "swapped", "merged", "kept_for_resume", "unchanged", "replaced_in_place"};
constexpr std::array<absl::string_view, 4> kLoaders = {"append", "dedup", "append_truncate",
                                                       "dedup_truncate"};
constexpr std::array<absl::string_view, 3> kShapes = {"any", "object", "array"};
constexpr std::array<absl::string_view, 2> kWriteModes = {"append", "dedup"};
constexpr std::array<absl::string_view, 3> kSchemaPolicies = {"keep", "mirror", "freeze"};
constexpr std::array<absl::string_view, 3> kReplays = {"nothing", "from_checkpoint", "from_start"};
constexpr std::array<absl::string_view, 2> kCdcDeleteModes = {"hard", "soft"};
constexpr std::array<absl::string_view, 3> kReplaceStrategies = {"auto", "swap", "in_place"};
constexpr std::array<absl::string_view, 3> kTableMetas = {"full", "compact", "none"};
constexpr std::array<absl::string_view, 2> kOlderGenerations = {"keep", "mark_deleted"};
constexpr std::array<absl::string_view, 8> kSchemaChanges = {
    "add_column", "change_type", "drop_column",  "relax_not_null",
    "add_index",  "drop_index",  "create_table", "replica_identity"};

template <typename Enum, size_t n>
Enum Find(const std::array<absl::string_view, n>& words, absl::string_view text) {
  for (size_t i = 0; i < n; ++i) {
    if (words[i] == text) return static_cast<Enum>(i);
  }
  return static_cast<Enum>(0);
}

}  // namespace

absl::string_view ToText(SyncState state) { return kSyncStates[static_cast<size_t>(state)]; }
absl::string_view ToText(StreamState state) { return kStreamStates[static_cast<size_t>(state)]; }
absl::string_view ToText(StreamOutcome outcome) { return kOutcomes[static_cast<size_t>(outcome)]; }
absl::string_view ToText(LoaderKind loader) { return kLoaders[static_cast<size_t>(loader)]; }
absl::string_view ToText(WriteMode mode) { return kWriteModes[static_cast<size_t>(mode)]; }
absl::string_view ToText(SchemaPolicy policy) {
  return kSchemaPolicies[static_cast<size_t>(policy)];
}
absl::string_view ToText(Replay replay) { return kReplays[static_cast<size_t>(replay)]; }
absl::string_view ToText(CdcDeleteMode mode) { return kCdcDeleteModes[static_cast<size_t>(mode)]; }
absl::string_view ToText(ReplaceStrategy strategy) {
  return kReplaceStrategies[static_cast<size_t>(strategy)];
}
absl::string_view ToText(TableMeta meta) { return kTableMetas[static_cast<size_t>(meta)]; }
absl::string_view ToText(OlderGenerations older) {
  return kOlderGenerations[static_cast<size_t>(older)];
}
absl::string_view ToText(SchemaChange::Kind kind) {
  return kSchemaChanges[static_cast<size_t>(kind)];
}
absl::string_view ToText(JsonShape shape) { return kShapes[static_cast<size_t>(shape)]; }

SyncState SyncStateFromText(absl::string_view text) { return Find<SyncState>(kSyncStates, text); }
StreamState StreamStateFromText(absl::string_view text) {
  return Find<StreamState>(kStreamStates, text);
}
StreamOutcome StreamOutcomeFromText(absl::string_view text) {
  return Find<StreamOutcome>(kOutcomes, text);
}
LoaderKind LoaderKindFromText(absl::string_view text) { return Find<LoaderKind>(kLoaders, text); }
JsonShape JsonShapeFromText(absl::string_view text) { return Find<JsonShape>(kShapes, text); }
SchemaPolicy SchemaPolicyFromText(absl::string_view text) {
  return Find<SchemaPolicy>(kSchemaPolicies, text);
}
Replay ReplayFromText(absl::string_view text) { return Find<Replay>(kReplays, text); }
CdcDeleteMode CdcDeleteModeFromText(absl::string_view text) {
  return Find<CdcDeleteMode>(kCdcDeleteModes, text);
}
ReplaceStrategy ReplaceStrategyFromText(absl::string_view text) {
  return Find<ReplaceStrategy>(kReplaceStrategies, text);
}
TableMeta TableMetaFromText(absl::string_view text) { return Find<TableMeta>(kTableMetas, text); }
OlderGenerations OlderGenerationsFromText(absl::string_view text) {
  return Find<OlderGenerations>(kOlderGenerations, text);
}
SchemaChange::Kind SchemaChangeKindFromText(absl::string_view text) {
  return Find<SchemaChange::Kind>(kSchemaChanges, text);
}
WriteMode WriteModeFromText(absl::string_view text) { return Find<WriteMode>(kWriteModes, text); }

}  // namespace syncline
