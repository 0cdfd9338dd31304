// The decision tables of docs/loading.md, row by row.
#include "server/model/staging_decision.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

constexpr StagingFacts kMissing = {};
constexpr StagingFacts kEmpty = {.exists = true};

StagingFacts Staged(int64_t generation, bool restart = false) {
  return {.exists = true,
          .empty = false,
          .generation = generation,
          .lowest_generation = generation,
          .restart = restart};
}

StagingRequest Request(LoaderKind loader, int64_t minimum, Replay replay = Replay::kNothing,
                       bool completed = false) {
  return {.loader = loader,
          .minimum_generation_id = minimum,
          .replay = replay,
          .completed_in_generation = completed};
}

TEST(StagingDecisionTest, AppendCopiesStagedRows) {
  const StagingRequest append = Request(LoaderKind::kAppend, 0);
  EXPECT_EQ(DecideStaging(append, kMissing).action, StagingAction::kNone);
  EXPECT_EQ(DecideStaging(append, kEmpty).action, StagingAction::kCopyIn);
  EXPECT_EQ(DecideStaging(append, Staged(3)).action, StagingAction::kCopyIn);
  EXPECT_FALSE(DecideStaging(append, Staged(3)).prune);
  EXPECT_TRUE(
      DecideStaging(Request(LoaderKind::kAppend, 0, Replay::kFromStart, true), Staged(3)).prune);
  EXPECT_FALSE(
      IsRestart(Request(LoaderKind::kAppend, 0, Replay::kFromStart, true), Staged(3, true)));
}

TEST(StagingDecisionTest, DedupKeepsStagedRows) {
  const StagingRequest dedup = Request(LoaderKind::kDedup, 0, Replay::kFromCheckpoint);
  EXPECT_EQ(DecideStaging(dedup, kMissing).action, StagingAction::kRecreate);
  EXPECT_EQ(DecideStaging(dedup, Staged(1)).action, StagingAction::kKeep);
  EXPECT_TRUE(DecideStaging(dedup, Staged(1)).prune);
  EXPECT_FALSE(DecideStaging(dedup, kEmpty).prune);
  EXPECT_FALSE(DecideStaging(dedup, Staged(1)).drop_older);
  EXPECT_FALSE(IsRestart(dedup, Staged(1, true)));
}

TEST(StagingDecisionTest, ReplaceKeepsOnlyItsGeneration) {
  for (const LoaderKind loader : {LoaderKind::kAppendTruncate, LoaderKind::kDedupTruncate}) {
    const StagingRequest request = Request(loader, 5);
    EXPECT_EQ(DecideStaging(request, kMissing).action, StagingAction::kRecreate);
    EXPECT_EQ(DecideStaging(request, kEmpty).action, StagingAction::kKeep);
    EXPECT_EQ(DecideStaging(request, Staged(5)).action, StagingAction::kKeep);
    EXPECT_EQ(DecideStaging(request, Staged(4)).action, StagingAction::kRecreate);
    EXPECT_FALSE(IsRestart(request, Staged(5)));
    StagingFacts mixed = Staged(5);
    mixed.lowest_generation = 4;
    EXPECT_TRUE(DecideStaging(request, mixed).drop_older);
    EXPECT_FALSE(DecideStaging(request, Staged(5)).drop_older);
  }
}

TEST(StagingDecisionTest, OnlyACompletedGenerationRestarts) {
  for (const LoaderKind loader : {LoaderKind::kAppendTruncate, LoaderKind::kDedupTruncate}) {
    const StagingRequest unfinished = Request(loader, 5, Replay::kFromStart);
    EXPECT_EQ(DecideStaging(unfinished, Staged(5)).action, StagingAction::kKeep);
    EXPECT_TRUE(DecideStaging(unfinished, Staged(5)).prune);
    EXPECT_FALSE(IsRestart(unfinished, Staged(5)));
    const StagingRequest again = Request(loader, 5, Replay::kFromStart, true);
    EXPECT_EQ(DecideStaging(again, Staged(5)).action, StagingAction::kRecreate);
    EXPECT_TRUE(IsRestart(again, kEmpty));
    // A generation that was cut off is continued by any replay.
    EXPECT_EQ(DecideStaging(again, Staged(5, true)).action, StagingAction::kKeep);
    EXPECT_TRUE(IsRestart(again, Staged(5, true)));
    const StagingRequest goes_on = Request(loader, 5, Replay::kFromCheckpoint, true);
    EXPECT_TRUE(IsRestart(goes_on, Staged(5, true)));
    StagingFacts pruned = kEmpty;
    pruned.restart = true;
    EXPECT_FALSE(IsRestart(goes_on, pruned));
    EXPECT_FALSE(IsRestart(Request(loader, 5, Replay::kNothing, true), Staged(5)));
  }
}

TEST(CompletionDecisionTest, AppendAndDedupPublishWithAnyStatus) {
  for (const bool complete : {true, false}) {
    EXPECT_EQ(DecideCompletion(LoaderKind::kAppend, {.complete = complete}),
              CompletionAction::kNone);
    EXPECT_EQ(DecideCompletion(LoaderKind::kDedup, {.complete = complete}),
              CompletionAction::kMerge);
  }
  EXPECT_EQ(DecideCompletion(LoaderKind::kAppend, {.complete = false, .discard = true}),
            CompletionAction::kNone);
  EXPECT_EQ(DecideCompletion(LoaderKind::kDedup, {.complete = false, .discard = true}),
            CompletionAction::kDiscard);
}

TEST(CompletionDecisionTest, ReplaceIsPublishedOnlyByComplete) {
  for (const LoaderKind loader : {LoaderKind::kAppendTruncate, LoaderKind::kDedupTruncate}) {
    EXPECT_EQ(DecideCompletion(loader, {.complete = false}), CompletionAction::kKeep);
    EXPECT_EQ(DecideCompletion(loader, {.complete = false, .discard = true}),
              CompletionAction::kDiscard);
    // A replace without records empties the table.
    EXPECT_EQ(DecideCompletion(loader, {.complete = true, .target_exists = true}),
              CompletionAction::kReplace);
    EXPECT_EQ(
        DecideCompletion(
            loader, {.complete = true, .target_exists = true, .target_holds_generation = true}),
        loader == LoaderKind::kAppendTruncate ? CompletionAction::kCopy : CompletionAction::kMerge);
  }
}

TEST(CompletionDecisionTest, RestartReplacesUnlessEmpty) {
  for (const LoaderKind loader : {LoaderKind::kAppendTruncate, LoaderKind::kDedupTruncate}) {
    CompletionFacts facts = {
        .complete = true, .restart = true, .target_exists = true, .target_holds_generation = true};
    EXPECT_EQ(DecideCompletion(loader, facts), CompletionAction::kUnchanged);
    facts.records_sent = 1;
    EXPECT_EQ(DecideCompletion(loader, facts), CompletionAction::kReplace);
    facts.records_sent = 0;
    facts.staged_rows = true;
    EXPECT_EQ(DecideCompletion(loader, facts), CompletionAction::kReplace);
    facts.staged_rows = false;
    facts.target_exists = false;
    EXPECT_EQ(DecideCompletion(loader, facts), CompletionAction::kReplace);
  }
}

}  // namespace
}  // namespace syncline
