// Formats the ledger's summaries of syncs as lists that fit a terminal of 80 columns.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// Returns one line per sync, in the given order, with the age of the last progress
// relative to `now` for those that have not ended, and the latest error.
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
