// A random history of one stream: what its source sends in each sync, where each sync ends or is
// interrupted, and the rows that the table must hold afterwards.
//
// The source is the reference. It numbers its records, keeps the state of the last committed
// checkpoint, and continues from there according to `replay`. It does not use writers' offsets,
// ranges of ids or ledger entries. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "server/model/stream.h"

namespace syncline::testing {

// One record of the source as it was sent in sync `version`.
struct HistoryRow {
  int64_t id = 0;  // HistoryId
  int64_t version = 0;

  friend bool operator==(const HistoryRow& a, const HistoryRow& b) {
    return a.id == b.id && a.version == b.version;
  }
  friend bool operator<(const HistoryRow& a, const HistoryRow& b) {
    return std::tie(a.id, a.version) < std::tie(b.id, b.version);
  }
};

inline constexpr int kHistoryPartitions = 3;
// The id of record `number` of a partition of the source.
inline int64_t HistoryId(int partition, int64_t number) { return partition * 1000000 + number; }

// What one writer sends in a sync: records first, first + 1, ...
struct HistoryPart {
  int partition = 0;
  int64_t first = 0;
  int64_t durable = 0;     // how many were committed
  int64_t checkpoint = 0;  // how many of them the committed checkpoint covers; 0: none
};

enum class HistoryEnd { kComplete, kIncomplete, kDiscard, kCancelled, kCut };

struct HistorySync {
  int64_t version = 0;  // from 1, in order
  WriteMode mode = WriteMode::kAppend;
  int64_t generation = 1;
  int64_t minimum = 0;
  Replay replay = Replay::kNothing;
  std::vector<HistoryPart> parts;
  HistoryEnd end = HistoryEnd::kComplete;

  std::string ToString() const;
};

class StreamHistory {
 public:
  explicit StreamHistory(uint64_t seed);

  // Returns the next sync. The source continues from its current state.
  HistorySync Next();

  // The rows of the table after the last sync, sorted.
  std::vector<HistoryRow> Owed() const;
  // Returns an empty string, or why Owed does not hold each record of the source exactly once
  // although only replaces loaded its generation. That is a fault of the reference itself.
  std::string SelfCheck() const;

 private:
  struct Stored {
    int pass = 0;
    int partition = 0;
    int64_t number = 0;
    int64_t version = 0;
    int64_t generation = 0;

    int64_t id() const { return HistoryId(partition, number); }
  };
  using Positions = std::vector<int64_t>;  // by partition

  bool Chance(int percent);
  int64_t Pick(int64_t from, int64_t to);
  void Choose(HistorySync* sync);
  Replay ChooseReplay(const HistorySync& sync);
  void BeginPass();
  void ContinuePass(const HistorySync& sync);
  void PlanParts(HistorySync* sync);
  // Applies a sync to the expected table, step by step.
  void Start(const HistorySync& sync);
  void StartReplace(const HistorySync& sync);
  void Send(const HistorySync& sync);
  void End(const HistorySync& sync);
  void CompleteReplace(const HistorySync& sync);
  void Complete(const HistorySync& sync);
  static std::vector<Stored> Newest(const std::vector<Stored>& rows);
  void MergePending();

  std::mt19937_64 random_;
  const bool durable_callers_;  // the source always continues after what is durable
  HistorySync last_;
  // A pass is one walk of the source over its records from the first.
  int pass_ = 0;
  int pass_before_ = 0;  // the pass that a restart in the same generation replaced; 0: none
  std::map<int, Positions> state_;    // by pass: the last committed checkpoint
  std::map<int, Positions> durable_;  // by pass: what was committed
  bool finished_ = false;             // the pass has completed
  bool discarded_ = false;
  bool only_replaces_ = true;
  bool sent_ = false;
  std::set<int64_t> completed_;
  std::vector<Stored> pending_;
  bool pending_is_restart_ = false;
  bool restart_ = false;
  std::vector<Stored> visible_;
};

}  // namespace syncline::testing
