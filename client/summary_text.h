// Formats the ledger's summaries of syncs as tables.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// Pads columns to their widest cell and separates them by two spaces. The last column is not
// padded.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// Returns one line per sync. "LAST PROGRESS" is relative to `now`.
std::string FormatSyncs(const std::vector<v1::SyncSummary>& syncs, absl::Time now);

// Returns the details of one sync, with a line for each stream, for each column whose values
// changed, and for each stream with an error.
std::string FormatSync(const v1::SyncSummary& sync);

// Returns "namespace.name", or only the name if there is no namespace.
std::string StreamTitle(const v1::StreamDescriptor& descriptor);

// Return the enum's value in lower case and without its prefix: "running", "append_truncate".
std::string StateName(v1::SyncState state);
std::string StateName(v1::StreamState state);
std::string OutcomeName(v1::Outcome outcome);

}  // namespace syncline::client
