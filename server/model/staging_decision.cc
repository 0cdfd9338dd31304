#include "server/model/staging_decision.h"

namespace syncline {
namespace {

bool StartsOver(const StagingRequest& request) {
  return IsTruncate(request.loader) && request.replay == Replay::kFromStart &&
         request.completed_in_generation;
}

StagingAction ActionAtStart(const StagingRequest& request, const StagingFacts& staging) {
  switch (request.loader) {
    case LoaderKind::kAppend:
      return staging.exists ? StagingAction::kCopyIn : StagingAction::kNone;
    case LoaderKind::kDedup:
      return staging.exists ? StagingAction::kKeep : StagingAction::kRecreate;
    case LoaderKind::kAppendTruncate:
    case LoaderKind::kDedupTruncate:
      break;
  }
  if (!staging.exists) return StagingAction::kRecreate;
  if (staging.empty) return StagingAction::kKeep;
  if (staging.generation < request.minimum_generation_id) return StagingAction::kRecreate;
  // The source sends everything again, including the rows that are staged.
  if (StartsOver(request) && !staging.restart) return StagingAction::kRecreate;
  return StagingAction::kKeep;
}

}  // namespace

StagingDecision DecideStaging(const StagingRequest& request, const StagingFacts& staging) {
  StagingDecision decision;
  decision.action = ActionAtStart(request, staging);
  const bool rows_stay = !staging.empty && (decision.action == StagingAction::kKeep ||
                                            decision.action == StagingAction::kCopyIn);
  decision.prune = rows_stay && request.replay != Replay::kNothing;
  decision.drop_older = IsTruncate(request.loader) && decision.action == StagingAction::kKeep &&
                        !staging.empty && staging.lowest_generation < request.minimum_generation_id;
  return decision;
}

bool IsRestart(const StagingRequest& request, const StagingFacts& staging) {
  if (!IsTruncate(request.loader)) return false;
  return StartsOver(request) || (staging.restart && !staging.empty);
}

CompletionAction DecideCompletion(LoaderKind loader, const CompletionFacts& facts) {
  if (loader == LoaderKind::kAppend) return CompletionAction::kNone;
  if (!facts.complete && facts.discard) {
    return facts.keep_earlier ? CompletionAction::kRemoveOwnRows : CompletionAction::kDiscard;
  }
  if (loader == LoaderKind::kDedup) return CompletionAction::kMerge;
  if (!facts.complete) return CompletionAction::kKeep;
  if (facts.restart) {
    const bool nothing_came = facts.records_sent == 0 && !facts.staged_rows;
    return nothing_came && facts.target_exists ? CompletionAction::kUnchanged
                                               : CompletionAction::kReplace;
  }
  if (!facts.target_holds_generation) return CompletionAction::kReplace;
  return loader == LoaderKind::kAppendTruncate ? CompletionAction::kCopy : CompletionAction::kMerge;
}

}  // namespace syncline
