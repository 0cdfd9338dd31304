#include "tests/support/stream_history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace syncline::testing {
namespace {

constexpr int64_t kMaxRecords = 5;

const char* ToText(HistoryEnd end) {
  switch (end) {
    case HistoryEnd::kComplete:
      return "COMPLETE";
    case HistoryEnd::kIncomplete:
      return "INCOMPLETE";
    case HistoryEnd::kDiscard:
      return "discard";
    case HistoryEnd::kCancelled:
      return "cancel";
    case HistoryEnd::kCut:
      return "cut";
  }
  return "";
}

}  // namespace

std::string HistorySync::ToString() const {
  const char* const replays[] = {"NOTHING", "FROM_CHECKPOINT", "FROM_START"};
  std::string text =
      absl::StrCat("sync ", version, mode == WriteMode::kDedup ? " dedup " : " append ", generation,
                   "/", minimum, " ", replays[static_cast<int>(replay)]);
  for (const HistoryPart& part : parts) {
    absl::StrAppend(&text, " w", part.partition, ":", part.first, "+", part.durable, "@",
                    part.checkpoint);
  }
  return absl::StrCat(text, " ", ToText(end));
}

StreamHistory::StreamHistory(uint64_t seed) : random_(seed), durable_callers_(Chance(25)) {
  BeginPass();
}

bool StreamHistory::Chance(int percent) { return Pick(1, 100) <= percent; }

int64_t StreamHistory::Pick(int64_t from, int64_t to) {
  return std::uniform_int_distribution<int64_t>(from, to)(random_);
}

void StreamHistory::BeginPass() {
  ++pass_;
  state_[pass_] = Positions(kHistoryPartitions, 0);
  durable_[pass_] = Positions(kHistoryPartitions, 0);
  finished_ = false;
}

HistorySync StreamHistory::Next() {
  HistorySync sync;
  Choose(&sync);
  ContinuePass(sync);
  PlanParts(&sync);
  Start(sync);
  Send(sync);
  End(sync);
  last_ = sync;
  return sync;
}

// A refresh, an overwrite, a change from adding to replacing, and discarding what is staged start a
// new generation. A change from replacing to adding does not.
void StreamHistory::Choose(HistorySync* sync) {
  *sync = last_;
  ++sync->version;
  sync->parts.clear();
  if (last_.version == 0 || Chance(25)) {
    sync->mode = Chance(50) ? WriteMode::kAppend : WriteMode::kDedup;
  }
  bool replaces = last_.version == 0 ? Chance(50) : last_.minimum > 0;
  const bool replaced = replaces;
  if (Chance(20)) replaces = !replaces;
  const bool becomes_replace = replaces && !replaced && !durable_callers_;
  const bool refresh = last_.version > 0 && (Chance(15) || discarded_ || becomes_replace);
  if (refresh) ++sync->generation;
  sync->minimum = replaces ? sync->generation : 0;
  sync->replay = ChooseReplay(*sync);
  const int64_t end = Pick(1, 100);
  sync->end = end <= 45   ? HistoryEnd::kComplete
              : end <= 60 ? HistoryEnd::kIncomplete
              : end <= 65 ? HistoryEnd::kDiscard
              : end <= 80 ? HistoryEnd::kCancelled
                          : HistoryEnd::kCut;
}

// A source that continues from its state does not become one that starts over while records are
// staged next to completed ones, because it would have to send those again.
Replay StreamHistory::ChooseReplay(const HistorySync& sync) {
  if (durable_callers_) return Replay::kNothing;
  if (last_.version > 0 && Chance(70)) return last_.replay;
  if (Chance(50)) return Replay::kFromCheckpoint;
  const bool staged_beside = !pending_.empty() && completed_.count(sync.generation) > 0;
  return staged_beside && last_.replay != Replay::kFromStart ? last_.replay : Replay::kFromStart;
}

void StreamHistory::ContinuePass(const HistorySync& sync) {
  if (sync.generation != last_.generation && last_.version > 0) {
    pass_before_ = 0;
    only_replaces_ = true;
    BeginPass();
  } else if (sync.replay == Replay::kFromStart && finished_) {
    pass_before_ = pass_;
    BeginPass();
  } else if (sync.replay == Replay::kFromCheckpoint && pass_before_ != 0 && !finished_ &&
             state_[pass_] == Positions(kHistoryPartitions, 0)) {
    // The platform still has the state of the previous pass.
    pass_ = std::exchange(pass_before_, 0);
    finished_ = true;
  }
  if (sync.minimum == 0) only_replaces_ = false;
  // Records committed after the checkpoint are sent again.
  if (sync.replay != Replay::kNothing) durable_[pass_] = state_[pass_];
  discarded_ = false;
}

void StreamHistory::PlanParts(HistorySync* sync) {
  const bool ends = sync->end == HistoryEnd::kComplete;
  for (int partition = 0; partition < kHistoryPartitions; ++partition) {
    if (Chance(30)) continue;
    HistoryPart part = {partition, durable_[pass_][static_cast<size_t>(partition)], 0, 0};
    part.durable = Pick(0, kMaxRecords);
    if (part.durable == 0) continue;
    // A source that completes has sent a checkpoint at its end.
    if (ends && !durable_callers_) {
      part.checkpoint = part.durable;
    } else if (Chance(60)) {
      part.checkpoint = Pick(1, part.durable);
    }
    sync->parts.push_back(part);
  }
}

void StreamHistory::Start(const HistorySync& sync) {
  if (sync.replay != Replay::kNothing) {
    pending_.erase(std::remove_if(pending_.begin(), pending_.end(),
                                  [this](const Stored& row) {
                                    return row.number >=
                                           state_[row.pass][static_cast<size_t>(row.partition)];
                                  }),
                   pending_.end());
  }
  restart_ = false;
  if (sync.minimum > 0) return StartReplace(sync);
  pending_is_restart_ = false;
  if (sync.mode == WriteMode::kDedup) return;
  visible_.insert(visible_.end(), pending_.begin(), pending_.end());
  pending_.clear();
}

void StreamHistory::StartReplace(const HistorySync& sync) {
  const bool starts_over =
      sync.replay == Replay::kFromStart && completed_.count(sync.generation) > 0;
  if (starts_over && !pending_is_restart_) pending_.clear();
  pending_.erase(
      std::remove_if(pending_.begin(), pending_.end(),
                     [&](const Stored& row) { return row.generation < sync.generation; }),
      pending_.end());
  restart_ = starts_over || (pending_is_restart_ && !pending_.empty());
  pending_is_restart_ = restart_;
}

void StreamHistory::Send(const HistorySync& sync) {
  const bool at_once = sync.mode == WriteMode::kAppend && sync.minimum == 0;
  sent_ = false;
  for (const HistoryPart& part : sync.parts) {
    const size_t partition = static_cast<size_t>(part.partition);
    for (int64_t i = 0; i < part.durable; ++i) {
      (at_once ? visible_ : pending_)
          .push_back({pass_, part.partition, part.first + i, sync.version, sync.generation});
      sent_ = true;
    }
    durable_[pass_][partition] = part.first + part.durable;
    if (part.checkpoint > 0) state_[pass_][partition] = part.first + part.checkpoint;
  }
}

void StreamHistory::End(const HistorySync& sync) {
  const bool adds = sync.minimum == 0;
  switch (sync.end) {
    case HistoryEnd::kComplete:
      return Complete(sync);
    case HistoryEnd::kIncomplete:
      if (adds && sync.mode == WriteMode::kDedup) MergePending();
      return;
    case HistoryEnd::kDiscard:
      pending_.clear();
      discarded_ = true;
      return;
    case HistoryEnd::kCancelled:
    case HistoryEnd::kCut:
      return;
  }
}

void StreamHistory::Complete(const HistorySync& sync) {
  if (sync.minimum > 0) {
    CompleteReplace(sync);
  } else if (sync.mode == WriteMode::kDedup) {
    MergePending();
  }
  finished_ = true;
  completed_.insert(sync.generation);
}

void StreamHistory::CompleteReplace(const HistorySync& sync) {
  const bool in_table = std::any_of(visible_.begin(), visible_.end(), [&](const Stored& row) {
    return row.generation >= sync.generation;
  });
  if (restart_ && !sent_ && pending_.empty()) {
    // The source sent nothing, so what it sent before still applies.
    if (pass_before_ != 0) pass_ = std::exchange(pass_before_, 0);
  } else if (restart_ || !in_table) {
    visible_ = sync.mode == WriteMode::kDedup ? Newest(pending_) : pending_;
  } else if (sync.mode == WriteMode::kDedup) {
    MergePending();
  } else {
    visible_.insert(visible_.end(), pending_.begin(), pending_.end());
  }
  pending_.clear();
  pending_is_restart_ = false;
}

std::vector<StreamHistory::Stored> StreamHistory::Newest(const std::vector<Stored>& rows) {
  std::map<int64_t, Stored> newest;
  for (const Stored& row : rows) {
    const auto [found, inserted] = newest.try_emplace(row.id(), row);
    if (!inserted && found->second.version < row.version) found->second = row;
  }
  std::vector<Stored> kept;
  for (const auto& [id, row] : newest) kept.push_back(row);
  return kept;
}

void StreamHistory::MergePending() {
  for (const Stored& row : Newest(pending_)) {
    visible_.erase(std::remove_if(visible_.begin(), visible_.end(),
                                  [&](const Stored& other) { return other.id() == row.id(); }),
                   visible_.end());
    visible_.push_back(row);
  }
  pending_.clear();
}

std::vector<HistoryRow> StreamHistory::Owed() const {
  std::vector<HistoryRow> rows;
  for (const Stored& row : visible_) rows.push_back({row.id(), row.version});
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string StreamHistory::SelfCheck() const {
  if (!only_replaces_ || last_.end != HistoryEnd::kComplete) return "";
  std::set<int64_t> ids;
  for (const Stored& row : visible_) {
    if (!ids.insert(row.id()).second) return absl::StrCat("record ", row.id(), " comes twice");
  }
  for (int partition = 0; partition < kHistoryPartitions; ++partition) {
    const int64_t end = durable_.at(pass_)[static_cast<size_t>(partition)];
    for (int64_t number = 0; number < end; ++number) {
      if (ids.erase(HistoryId(partition, number)) == 0) {
        return absl::StrCat("record ", HistoryId(partition, number), " is missing");
      }
    }
  }
  return ids.empty() ? "" : absl::StrCat("record ", *ids.begin(), " was never sent");
}

}  // namespace syncline::testing
