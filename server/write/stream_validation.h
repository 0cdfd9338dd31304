// Computes what completing a stream now would do, without doing it.
//
// Stateless; safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/completion_request.h"
#include "server/model/validation.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Returns what completing the stream now would do. Reads one state of the database in one
// transaction, takes locks only for reading, and changes nothing, including the stream's state. It
// costs as much as the search of a merge. A stream that has ended would change nothing. Rows of a
// table that lacks a column of the key, or has it with another type, count as new. Errors:
// FAILED_PRECONDITION SYNC_CANCELLED, TARGET_INCOMPATIBLE, COUNT_MISMATCH, OFFSETS_MISSING; those
// of the database.
absl::StatusOr<Validation> ValidateCompletion(const LoaderContext& context,
                                              absl::string_view sync_id, const StreamPlan& plan,
                                              const CompletionRequest& request);

}  // namespace syncline::write
