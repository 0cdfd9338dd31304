// Decides what happens to the staging table when a stream starts and when it ends.
//
// Pure functions of facts that the loaders gather under the table's lock. The loaders
// (server/write/loaders) carry out the decisions. docs/loading.md describes the same tables in
// words.
#pragma once

#include <cstdint>

#include "server/model/loader_kind.h"
#include "server/model/stream.h"

namespace syncline {

// The staging table of a stream's target.
struct StagingFacts {
  bool exists = false;
  bool empty = true;              // also true if the table does not exist
  int64_t generation = 0;         // the highest generation of its rows; 0 if it is empty
  int64_t lowest_generation = 0;  // the lowest generation of its rows; 0 if it is empty
  // The ledger marks the table as a restart of the generation that the stream loads.
  bool restart = false;
};

// The request of a stream that starts, and the state of its generation.
struct StagingRequest {
  LoaderKind loader = LoaderKind::kAppend;
  int64_t minimum_generation_id = 0;
  Replay replay = Replay::kNothing;
  bool completed_in_generation = false;  // the table has completed in the stream's generation
};

enum class StagingAction {
  kNone,      // no staging table exists and none is needed
  kKeep,      // the table is evolved and keeps its rows
  kRecreate,  // the table is dropped if it exists, and created
  kCopyIn,    // the rows are copied into the target and the table is dropped
};

struct StagingDecision {
  StagingAction action = StagingAction::kNone;
  // Rows that earlier writers staged after their last committed checkpoint are deleted first,
  // because the source sends them again.
  bool prune = false;
  // Rows of generations below the minimum, which an earlier dedup staged, are deleted, because they
  // may not stay.
  bool drop_older = false;
};

// Returns what happens to the staging table when the stream starts.
StagingDecision DecideStaging(const StagingRequest& request, const StagingFacts& staging);

// Returns whether the rows that are staged replace the whole generation. `staging` describes the
// table after the StagingDecision was carried out: a table that lost all rows to pruning or was
// created anew is empty.
bool IsRestart(const StagingRequest& request, const StagingFacts& staging);

// The facts that decide how a stream ends.
struct CompletionFacts {
  bool complete = false;  // COMPLETE, otherwise INCOMPLETE
  bool discard = false;   // with INCOMPLETE: the caller discards the staged rows
  // With `discard`: rows that earlier syncs may have staged are kept.
  bool keep_earlier = false;
  bool restart = false;  // the result of IsRestart when the stream started
  bool target_exists = false;
  bool target_holds_generation = false;  // the target has rows of the minimum generation or later
  bool staged_rows = false;              // the staging table has rows
  int64_t records_sent = 0;              // by this stream, including rejected records
};

enum class CompletionAction {
  kNone,           // the rows are already in the target
  kMerge,          // the staging table is merged into the target and dropped
  kCopy,           // the staging table is copied into the target and dropped
  kReplace,        // the staging table replaces the target
  kUnchanged,      // the staging table is dropped and the target is unchanged
  kKeep,           // the staging table is kept for the next sync of the generation
  kDiscard,        // the staging table is dropped because the caller discards it
  kRemoveOwnRows,  // this stream's rows are deleted from the staging table, which is kept as in
                   // kKeep
};

// Returns whether the action publishes staged rows.
inline bool Publishes(CompletionAction action) {
  return action == CompletionAction::kMerge || action == CompletionAction::kCopy ||
         action == CompletionAction::kReplace;
}

// Returns what happens to the staged rows when the stream ends.
CompletionAction DecideCompletion(LoaderKind loader, const CompletionFacts& facts);

}  // namespace syncline
