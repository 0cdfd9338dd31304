// Runs 200,000 random histories of syncs that fail anywhere and are repeated with another catalog.
// Applies the decisions of model/staging_decision.h in memory and compares the result with what the
// user must get according to the source (tests/support/stream_history.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/model/generation.h"
#include "server/model/raw_id.h"
#include "server/model/staging_decision.h"
#include "tests/support/random_seed.h"
#include "tests/support/sanitized.h"
#include "tests/support/stream_history.h"

namespace syncline::testing {
namespace {

constexpr int kHistories = kSanitized ? 10000 : 200000;

struct Row {
  HistoryRow row;
  int64_t generation = 0;
  int64_t sync = 0;
  int writer = 0;
  int64_t offset = 0;
};

// A writer of a sync that did not complete.
struct Tail {
  int64_t sync = 0;
  int writer = 0;
  int64_t checkpoint = 0;
};

// The tables and the ledger of one stream, as far as they matter here.
class Tables {
 public:
  void Run(const HistorySync& sync) {
    const GenerationRange range = {sync.generation, sync.minimum};
    loader_ = LoaderFor(sync.mode, range);
    Start(sync);
    int64_t sent = 0;
    for (const HistoryPart& part : sync.parts) {
      for (int64_t i = 0; i < part.durable; ++i) {
        Row row = {{HistoryId(part.partition, part.first + i), sync.version},
                   sync.generation,
                   sync.version,
                   part.partition,
                   i};
        (loader_ == LoaderKind::kAppend ? target_ : staging_).push_back(row);
      }
      sent += part.durable;
      tails_.push_back({sync.version, part.partition, part.checkpoint});
    }
    if (sync.end != HistoryEnd::kCancelled && sync.end != HistoryEnd::kCut) End(sync, sent);
  }

  std::vector<HistoryRow> Target() const {
    std::vector<HistoryRow> rows;
    for (const Row& row : target_) rows.push_back(row.row);
    std::sort(rows.begin(), rows.end());
    return rows;
  }

 private:
  bool HasCompleted(int64_t generation) const {
    return std::find(completed_.begin(), completed_.end(), generation) != completed_.end();
  }

  StagingFacts Facts(const HistorySync& sync) const {
    StagingFacts facts;
    facts.exists = exists_;
    facts.empty = staging_.empty();
    for (const Row& row : staging_) {
      facts.generation = std::max(facts.generation, row.generation);
      facts.lowest_generation = facts.lowest_generation == 0
                                    ? row.generation
                                    : std::min(facts.lowest_generation, row.generation);
    }
    facts.restart = restart_ && mark_generation_ == sync.generation;
    return facts;
  }

  void Prune() {
    for (const Tail& tail : tails_) {
      Remove(&staging_, [&](const Row& row) {
        return row.sync == tail.sync && row.writer == tail.writer && row.offset >= tail.checkpoint;
      });
    }
  }

  void Start(const HistorySync& sync) {
    const StagingRequest request = {.loader = loader_,
                                    .minimum_generation_id = sync.minimum,
                                    .replay = sync.replay,
                                    .completed_in_generation = HasCompleted(sync.generation)};
    const StagingDecision decision = DecideStaging(request, Facts(sync));
    if (decision.prune) Prune();
    if (decision.drop_older) {
      Remove(&staging_, [&](const Row& row) { return row.generation < sync.minimum; });
    }
    switch (decision.action) {
      case StagingAction::kNone:
        return;
      case StagingAction::kCopyIn:
        target_.insert(target_.end(), staging_.begin(), staging_.end());
        Drop();
        return;
      case StagingAction::kRecreate:
        Drop();
        break;
      case StagingAction::kKeep:
        break;
    }
    restart_ = IsRestart(request, Facts(sync));
    mark_generation_ = sync.generation;
    exists_ = true;
  }

  void End(const HistorySync& sync, int64_t sent) {
    CompletionFacts facts = {.complete = sync.end == HistoryEnd::kComplete,
                             .discard = sync.end == HistoryEnd::kDiscard,
                             .restart = restart_,
                             .target_exists = true,
                             .staged_rows = !staging_.empty(),
                             .records_sent = sent};
    facts.target_holds_generation =
        std::any_of(target_.begin(), target_.end(),
                    [&](const Row& row) { return row.generation >= sync.minimum; });
    switch (DecideCompletion(loader_, facts)) {
      case CompletionAction::kNone:
      case CompletionAction::kKeep:
        break;
      case CompletionAction::kUnchanged:
      case CompletionAction::kDiscard:
      case CompletionAction::kRemoveOwnRows:
        Drop();
        break;
      case CompletionAction::kReplace:
        target_.clear();
        [[fallthrough]];
      case CompletionAction::kCopy:
      case CompletionAction::kMerge:
        Publish(sync.mode);
        break;
    }
    if (facts.complete) completed_.push_back(sync.generation);
  }

  void Publish(WriteMode mode) {
    for (const Row& row : staging_) {
      if (mode == WriteMode::kDedup) {
        const auto newer = [&](const Row& other) {
          return other.row.id == row.row.id && other.row.version > row.row.version;
        };
        if (std::any_of(target_.begin(), target_.end(), newer)) continue;
        Remove(&target_, [&](const Row& other) { return other.row.id == row.row.id; });
      }
      target_.push_back(row);
    }
    Drop();
  }

  void Drop() {
    staging_.clear();
    tails_.clear();
    exists_ = false;
    restart_ = false;
  }

  template <typename Condition>
  static void Remove(std::vector<Row>* rows, Condition condition) {
    rows->erase(std::remove_if(rows->begin(), rows->end(), condition), rows->end());
  }

  LoaderKind loader_ = LoaderKind::kAppend;
  std::vector<Row> target_;
  bool exists_ = false;
  std::vector<Row> staging_;
  bool restart_ = false;
  int64_t mark_generation_ = 0;
  std::vector<int64_t> completed_;
  std::vector<Tail> tails_;
};

std::string Text(const std::vector<HistoryRow>& rows) {
  std::string text;
  for (const HistoryRow& row : rows) absl::StrAppend(&text, row.id, ":", row.version, " ");
  return text;
}

TEST(StagingHistoryTest, TableMatchesWhatTheSourceSent) {
  const uint64_t seed = RandomSeed();
  int64_t syncs = 0;
  for (uint64_t history = 0; history < kHistories; ++history) {
    StreamHistory source(seed + history);
    Tables tables;
    std::string story;
    for (int step = 0; step < 8; ++step, ++syncs) {
      const HistorySync sync = source.Next();
      absl::StrAppend(&story, sync.ToString(), "\n");
      tables.Run(sync);
      ASSERT_EQ(source.SelfCheck(), "") << "history " << seed + history << "\n" << story;
      ASSERT_EQ(Text(tables.Target()), Text(source.Owed())) << "history " << seed + history << "\n"
                                                            << story;
    }
  }
  std::printf("%lld syncs\n", static_cast<long long>(syncs));
}

// The ids that the deletion selects are those of the records from the checkpoint on, and no others.
TEST(StagingHistoryTest, RawIdRangeHasARecordAndItsSuccessors) {
  const RawIdGenerator writer("s", {"", "t"}, "w");
  const RawIdGenerator other("s", {"", "t"}, "w2");
  const auto id = [](const RawIdGenerator& ids, int64_t offset) {
    std::string text(RawIdGenerator::kLength, ' ');
    ids.Write(offset, text.data());
    return text;
  };
  const RawIdRange range = writer.RangeFrom(1000);
  const auto holds = [&](const std::string& text) {
    return range.first <= text && text <= range.last;
  };
  EXPECT_FALSE(holds(id(writer, 999)));
  EXPECT_TRUE(holds(id(writer, 1000)));
  EXPECT_TRUE(holds(id(writer, 1001)));
  EXPECT_TRUE(holds(id(writer, int64_t{1} << 60)));
  EXPECT_FALSE(holds(id(other, 1000)));
  EXPECT_FALSE(holds(id(other, 5000)));
}

}  // namespace
}  // namespace syncline::testing
