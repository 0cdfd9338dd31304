// What the ledger knows of syncs, as tables for people.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// Columns padded to their widest cell, two spaces between them; the last column is not padded.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// One line a sync. `now` is what "LAST PROGRESS" counts from.
std::string FormatSyncs(const std::vector<v1::SyncSummary>& syncs, absl::Time now);

// One sync with a line for each of its streams, for each column whose values changed, and for each
// stream that could not start.
std::string FormatSync(const v1::SyncSummary& sync);

// "schema.table" or the stream's own name.
std::string StreamTitle(const v1::StreamDescriptor& descriptor);

// The enum's value without its prefix, in lower case: "running", "append_truncate".
std::string StateWord(v1::SyncState state);
std::string StateWord(v1::StreamState state);
std::string OutcomeWord(v1::Outcome outcome);

}  // namespace syncline::client
