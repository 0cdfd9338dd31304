// What becomes of the staging table: when a stream starts and when it ends.
//
// Pure functions over facts that the loaders gather under the table's lock; the loaders
// (server/write/loaders) only carry the answers out. docs/loading.md has the same tables in words.
#pragma once

#include <cstdint>

#include "server/model/plan.h"
#include "server/model/stream.h"

namespace syncline {

// The staging table of a stream's target.
struct StagingFacts {
  bool exists = false;
  bool empty = true;              // also when it is missing
  int64_t generation = 0;         // the highest that has rows in it; 0 when it is empty
  int64_t lowest_generation = 0;  // the lowest that has rows in it; 0 when it is empty
  // The ledger marks it as a restart of the generation that the stream loads.
  bool restart = false;
};

// What a stream that starts asks for, and what is known of its generation.
struct StagingRequest {
  LoaderKind loader = LoaderKind::kAppend;
  int64_t minimum_generation_id = 0;
  Replay replay = Replay::kNothing;
  bool completed_in_generation = false;  // the table has completed in the stream's generation
};

enum class StagingAction {
  kNone,      // there is no staging table and none is needed
  kKeep,      // evolved, with its rows
  kMakeAnew,  // dropped when it exists, and created
  kCopyIn,    // its rows are copied into the target, then it is dropped
};

struct StagingDecision {
  StagingAction action = StagingAction::kNone;
  // Rows that earlier writers staged after their last committed checkpoint are deleted first: the
  // source sends them again.
  bool prune = false;
  // Rows of generations below the minimum are deleted: an earlier dedup staged them beside newer
  // ones, and they may not stay.
  bool drop_older = false;
};

StagingDecision DecideStaging(const StagingRequest& request, const StagingFacts& staging);

// Whether what is staged from now on replaces its generation whole. `staging` is the table after
// StagingDecision was carried out: one that was pruned of all its rows or made anew is empty.
bool IsRestart(const StagingRequest& request, const StagingFacts& staging);

// What is known when a stream ends.
struct CompletionFacts {
  bool complete = false;  // COMPLETE, else INCOMPLETE
  bool discard = false;   // with INCOMPLETE: the caller gives up what is staged
  // With `discard`: there may be rows of earlier syncs, which the caller does not give up.
  bool keep_earlier = false;
  bool restart = false;  // IsRestart at its start
  bool target_exists = false;
  bool target_holds_generation = false;  // the target has rows of the minimum generation or above
  bool staged_rows = false;              // the staging table has rows
  int64_t records_sent = 0;              // by this stream, rejected ones included
};

enum class CompletionAction {
  kNone,       // the rows are in the target
  kMerge,      // staging is merged into the target and dropped
  kCopy,       // staging is copied into the target and dropped
  kReplace,    // staging takes the target's place
  kUnchanged,  // staging is dropped, the target stays as it is
  kKeep,       // staging waits for the next sync of the generation
  kDiscard,    // staging is dropped: the caller gave it up
  kTakeBack,   // the rows of this stream are deleted from staging, which waits as for kKeep
};

// Whether staged rows come into the target.
inline bool Publishes(CompletionAction action) {
  return action == CompletionAction::kMerge || action == CompletionAction::kCopy ||
         action == CompletionAction::kReplace;
}

CompletionAction DecideCompletion(LoaderKind loader, const CompletionFacts& facts);

}  // namespace syncline
