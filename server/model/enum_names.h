// The lower-case names of a plan's enum values, as stored in the ledger's columns and logged.
#pragma once

#include "absl/strings/string_view.h"
#include "server/model/loader_kind.h"
#include "server/model/sync_record.h"

namespace syncline {

absl::string_view ToText(SyncState state);
absl::string_view ToText(StreamState state);
absl::string_view ToText(StreamOutcome outcome);
absl::string_view ToText(LoaderKind loader);
absl::string_view ToText(WriteMode mode);
absl::string_view ToText(JsonShape shape);
absl::string_view ToText(SchemaPolicy policy);
absl::string_view ToText(Replay replay);
absl::string_view ToText(CdcDeleteMode mode);
absl::string_view ToText(ReplaceStrategy strategy);
absl::string_view ToText(TableMeta meta);
absl::string_view ToText(OlderGenerations older);
absl::string_view ToText(SchemaChange::Kind kind);

// The inverse functions. An unknown name, which a newer ledger may contain, is read as the first
// value.
SyncState SyncStateFromText(absl::string_view text);
StreamState StreamStateFromText(absl::string_view text);
StreamOutcome StreamOutcomeFromText(absl::string_view text);
LoaderKind LoaderKindFromText(absl::string_view text);
WriteMode WriteModeFromText(absl::string_view text);
JsonShape JsonShapeFromText(absl::string_view text);
SchemaPolicy SchemaPolicyFromText(absl::string_view text);
Replay ReplayFromText(absl::string_view text);
CdcDeleteMode CdcDeleteModeFromText(absl::string_view text);
ReplaceStrategy ReplaceStrategyFromText(absl::string_view text);
TableMeta TableMetaFromText(absl::string_view text);
OlderGenerations OlderGenerationsFromText(absl::string_view text);
SchemaChange::Kind SchemaChangeKindFromText(absl::string_view text);

}  // namespace syncline
