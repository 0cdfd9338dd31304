// Every mode x schema policy x event of a column: the source drops it, returns it or changes its
// type; the user adds a constraint or the column itself. Random histories of syncs, some of which
// are interrupted, run through the real RPCs. Nothing stored is lost: each acknowledged value is in
// the table, or has an entry, or its record is rejected, or the drop of its column was reported.
// What belongs to the user stays. A refusal changes nothing, and the user can resolve it.
//
// SYNCLINE_TEST_SEED repeats a run. SYNCLINE_MATRIX_ROUNDS runs the whole matrix more than once.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/component/app_fixture.h"
#include "tests/component/matrix_reference.h"
#include "tests/component/matrix_user.h"
#include "tests/support/random_seed.h"

namespace syncline::testing {
namespace {

constexpr MatrixMode kModes[] = {{"append", false, false},
                                 {"dedup", true, false},
                                 {"append-replace", false, true},
                                 {"dedup-replace", true, true}};
constexpr v1::SchemaPolicy kPolicies[] = {v1::SCHEMA_POLICY_KEEP, v1::SCHEMA_POLICY_MIRROR,
                                          v1::SCHEMA_POLICY_FREEZE};

// Events of the source. Those of the user are UserEvent.
enum class SourceEvent { kLeaves, kReturns, kWidens, kNarrows, kToText, kIncompatible };
constexpr const char* kSourceEventNames[] = {"leaves",  "returns", "widens",
                                             "narrows", "to text", "incompatible"};
constexpr int kSourceEventCount = 6;
constexpr int kEventCount = kSourceEventCount + kUserEventCount;

enum class End { kComplete, kIncomplete, kCancelled, kCut };

// Removes the zeros that numeric(8,1) shows after a number.
std::string WithoutZeros(std::string text) {
  const bool number = text.find_first_not_of("0123456789.") == std::string::npos;
  if (!number || text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

class EvolutionMatrixTest : public AppTest {
 protected:
  // Runs one history on its own table. Returns false if it failed.
  bool Run(const MatrixMode& mode, v1::SchemaPolicy policy, const std::vector<int>& events,
           uint64_t seed);

  std::map<std::string, int> refusals_;  // by reason, over all histories

 private:
  // The current history.
  struct History {
    History(const MatrixMode& m, v1::SchemaPolicy p, uint64_t seed)
        : mode(m), policy(p), random(seed), reference(m) {}

    const MatrixMode mode;
    const v1::SchemaPolicy policy;
    std::mt19937_64 random;
    std::string table;
    MatrixCatalog catalog = {{"a", MatrixType::kInteger},
                             {"b", MatrixType::kInteger},
                             {"c", MatrixType::kString},
                             {"d", MatrixType::kNumber}};
    MatrixCatalog accepted;
    MatrixReference reference;
    int64_t at = 0;
    int64_t generation = 1;
    std::set<std::string> dropped;  // reported since the table was last compared
    std::set<std::string> retyped;
    std::map<int64_t, std::string> sync_ids;  // by `at`
  };

  void ApplyEvent(SourceEvent event);
  std::string Declare(MatrixType type, bool (*fits)(MatrixType));
  void Sync(End end);
  absl::StatusOr<v1::StartSyncResponse> StartOrReact(std::string* sync_id);
  void CompleteOrReact(const std::string& sync_id, End* end);
  void ExpectRefusal(const absl::Status& status, const std::string& before);
  void Compare();
  MatrixTable ReadTable();
  std::set<MatrixKey> Rejected();
  // The definition and the rows of the table.
  std::string Fingerprint();
  Ask MakeAsk() const;
  void AppendToStory(const std::string& line) { absl::StrAppend(&story_, "  ", line, "\n"); }

  History* history_ = nullptr;
  std::unique_ptr<MatrixUser> user_;
  std::string story_;
};

Ask EvolutionMatrixTest::MakeAsk() const {
  const History& history = *history_;
  Ask ask;
  ask.mode = history.mode.dedup ? v1::WRITE_MODE_DEDUP : v1::WRITE_MODE_APPEND;
  ask.generation = history.generation;
  ask.minimum = history.mode.replaces ? history.generation : 0;
  ask.schema_policy = history.policy;
  ask.json_schema = JsonSchemaOf(history.catalog);
  return ask;
}

MatrixTable EvolutionMatrixTest::ReadTable() {
  MatrixTable table;
  for (const auto& row : QueryText(absl::StrCat(
           "SELECT t.id, t.at, c.key, c.value, EXISTS (SELECT FROM jsonb_array_elements(",
           "t._airbyte_meta -> 'changes') entry WHERE entry.value ->> 'field' = c.key) FROM ",
           Table(history_->table), " t, jsonb_each_text(to_jsonb(t)) c WHERE c.key NOT IN ('id', ",
           "'at') AND c.key NOT LIKE '\\_airbyte%'"))) {
    MatrixRow& values = table[{std::stoll(row[0]), std::stoll(row[1])}];
    values.values[row[2]] =
        row[3] == "NULL" ? std::nullopt : std::optional<std::string>(WithoutZeros(row[3]));
    if (row[4] == "t") values.entries.insert(row[2]);
  }
  return table;
}

std::set<MatrixKey> EvolutionMatrixTest::Rejected() {
  std::set<MatrixKey> rejected;
  for (const auto& [at, sync_id] : history_->sync_ids) {
    for (const auto& row :
         QueryText(absl::StrCat("SELECT \"offset\" FROM ", ledger(),
                                ".rejected_record WHERE sync_id = '", sync_id, "'"))) {
      rejected.insert(history_->reference.RecordAt(at, std::stoll(row[0])));
    }
  }
  return rejected;
}

std::string EvolutionMatrixTest::Fingerprint() {
  const std::string table = Table(history_->table);
  if (QueryValue(absl::StrCat("SELECT to_regclass('", table, "') IS NULL")) == "t") return "";
  return QueryValue(absl::StrCat(
      "SELECT concat((SELECT string_agg(concat(attname, format_type(atttypid, atttypmod), ",
      "attnotnull), ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '", table,
      "'::regclass AND attnum > 0 AND NOT attisdropped), (SELECT string_agg(pg_get_constraintdef(",
      "oid), ' ' ORDER BY conname) FROM pg_constraint WHERE conrelid = '", table,
      "'::regclass), (SELECT string_agg(to_jsonb(t)::text, ' ' ORDER BY t.id, t.at) FROM ", table,
      " t))"));
}

void EvolutionMatrixTest::ExpectRefusal(const absl::Status& status, const std::string& before) {
  const std::string reason = GetDetail(status).reason;
  AppendToStory(absl::StrCat("refused: ", reason, ": ", status.message()));
  ++refusals_[reason];
  EXPECT_NE(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_NE(status.code(), absl::StatusCode::kUnknown) << status;
  EXPECT_NE(reason, "");
  if (reason == "SCHEMA_FROZEN") {
    EXPECT_EQ(history_->policy, v1::SCHEMA_POLICY_FREEZE);
  }
  EXPECT_EQ(Fingerprint(), before) << "a refusal has changed the table";
}

absl::StatusOr<v1::StartSyncResponse> EvolutionMatrixTest::StartOrReact(std::string* sync_id) {
  const std::string base = *sync_id;
  absl::StatusOr<v1::StartSyncResponse> started = Start(base, MakeAsk(), history_->table);
  for (int tries = 1; tries <= 2 && !started.ok(); ++tries) {
    ExpectRefusal(started.status(), Fingerprint());
    if (tries == 1) {
      history_->catalog = history_->accepted;
      AppendToStory("the source reverts its change");
    } else {
      user_->Lift();
      history_->reference.Note(ReadTable());
      AppendToStory("the user removes the constraints");
    }
    *sync_id = absl::StrCat(base, "-", tries);
    started = Start(*sync_id, MakeAsk(), history_->table);
  }
  return started;
}

void EvolutionMatrixTest::CompleteOrReact(const std::string& sync_id, End* end) {
  const std::string before = Fingerprint();
  absl::StatusOr<v1::CompleteStreamResponse> done = Complete(
      sync_id, *end == End::kComplete ? v1::STREAM_STATUS_COMPLETE : v1::STREAM_STATUS_INCOMPLETE,
      history_->table);
  if (done.ok()) return;
  ExpectRefusal(done.status(), before);
  const bool all_rejected = GetDetail(done.status()).reason == "ALL_REJECTED";
  user_->Lift();
  if (!history_->mode.replaces) history_->reference.Note(ReadTable());
  AppendToStory("the user removes the constraints");
  if (all_rejected) *end = End::kIncomplete;
  done = Complete(
      sync_id, *end == End::kComplete ? v1::STREAM_STATUS_COMPLETE : v1::STREAM_STATUS_INCOMPLETE,
      history_->table);
  EXPECT_OK(done);
}

void EvolutionMatrixTest::Sync(End end) {
  History& history = *history_;
  ++history.at;
  std::string sync_id = absl::StrCat(history.table, "-", history.at);
  const absl::StatusOr<v1::StartSyncResponse> started = StartOrReact(&sync_id);
  ASSERT_OK(started);
  history.accepted = history.catalog;
  for (const v1::SchemaChange& change : started->streams(0).changes()) {
    if (change.kind() == v1::SchemaChange::KIND_DROP_COLUMN)
      history.dropped.insert(change.column());
    if (change.kind() == v1::SchemaChange::KIND_CHANGE_TYPE)
      history.retyped.insert(change.column());
  }
  const std::string lines = history.reference.Send(history.at, history.catalog, &history.random);
  history.sync_ids[history.at] = sync_id;
  if (!lines.empty()) {
    ASSERT_OK(Send(sync_id, lines, 0, history.table));
  }
  if (end == End::kComplete || end == End::kIncomplete) CompleteOrReact(sync_id, &end);
  if (end == End::kCancelled) {
    ASSERT_OK(client().CancelSync(sync_id));
  }
  const char* const ends[] = {"COMPLETE", "INCOMPLETE", "cancelled", "cut"};
  AppendToStory(absl::StrCat("sync ", history.at, " ", JsonSchemaOf(history.catalog), " ",
                             ends[static_cast<int>(end)]));
  const bool append = !history.mode.dedup && !history.mode.replaces;
  const bool merged = history.mode.dedup && !history.mode.replaces && end == End::kIncomplete;
  if (end != End::kComplete && !append && !merged) return;
  history.reference.Publish();
  if (history.mode.replaces) ++history.generation;
  Compare();
}

void EvolutionMatrixTest::Compare() {
  History& history = *history_;
  const MatrixTable table = ReadTable();
  EXPECT_EQ(history.reference.Check(table, {Rejected(), history.dropped}), "");
  EXPECT_EQ(user_->Missing(history.dropped, history.retyped), "");
  history.reference.Note(table);
  history.dropped.clear();
  history.retyped.clear();
}

// Changes the type of one of the columns that satisfy `fits`.
std::string EvolutionMatrixTest::Declare(MatrixType type, bool (*fits)(MatrixType)) {
  std::vector<std::string> fitting;
  std::vector<std::string> any;
  for (const auto& [name, declared] : history_->catalog) {
    if (declared != type) any.push_back(name);
    if (declared != type && fits(declared)) fitting.push_back(name);
  }
  const std::vector<std::string>& from = fitting.empty() ? any : fitting;
  const std::string name = from.empty() ? "e" : from[history_->random() % from.size()];
  history_->catalog[name] = type;
  return name;
}

void EvolutionMatrixTest::ApplyEvent(SourceEvent event) {
  MatrixCatalog& catalog = history_->catalog;
  std::string column;
  switch (event) {
    case SourceEvent::kLeaves: {
      auto leaves = catalog.begin();
      std::advance(leaves, static_cast<std::ptrdiff_t>(history_->random() % catalog.size()));
      column = leaves->first;
      catalog.erase(leaves);
      break;
    }
    case SourceEvent::kReturns:
      for (const char* const name : {"a", "b", "c", "d"}) {
        if (catalog.count(name) == 0) column = name;
      }
      // No column has left, or the change was reverted.
      if (column.empty()) column = "e";
      catalog[column] = column == "c" ? MatrixType::kString : MatrixType::kInteger;
      break;
    case SourceEvent::kWidens:
      column = Declare(MatrixType::kNumber, [](MatrixType t) { return t == MatrixType::kInteger; });
      break;
    case SourceEvent::kNarrows:
      column = Declare(MatrixType::kInteger, [](MatrixType t) { return t == MatrixType::kNumber; });
      break;
    case SourceEvent::kToText:
      column = Declare(MatrixType::kString, [](MatrixType t) { return t != MatrixType::kString; });
      break;
    case SourceEvent::kIncompatible:
      column = Declare(MatrixType::kBoolean, [](MatrixType t) { return t == MatrixType::kString; });
      break;
  }
  AppendToStory(absl::StrCat(column, " ", kSourceEventNames[static_cast<int>(event)]));
}

bool EvolutionMatrixTest::Run(const MatrixMode& mode, v1::SchemaPolicy policy,
                              const std::vector<int>& events, uint64_t seed) {
  static int tables = 0;
  History history(mode, policy, seed);
  history_ = &history;
  history.table = absl::StrCat("m", ++tables);
  user_ = std::make_unique<MatrixUser>(Table(history.table), schema(), seed,
                                       [this](const std::string& sql) { return QueryText(sql); });
  story_ = absl::StrCat(mode.name, " ", v1::SchemaPolicy_Name(policy), "\n");
  Sync(End::kComplete);
  for (const int event : events) {
    if (event < kSourceEventCount) {
      ApplyEvent(static_cast<SourceEvent>(event));
    } else {
      AppendToStory(user_->Do(static_cast<UserEvent>(event - kSourceEventCount), history.accepted));
      history.reference.Note(ReadTable());
    }
    if (!HasFailure() && history.random() % 3 == 0) {
      Sync(static_cast<End>(1 + history.random() % 3));
    }
    // Sometimes an interrupted sync is still pending when the next event happens.
    if (!HasFailure() && history.random() % 4 != 0) Sync(End::kComplete);
    if (HasFailure()) break;
  }
  if (!HasFailure()) Sync(End::kComplete);
  if (!HasFailure()) return true;
  ADD_FAILURE() << story_;
  return false;
}

TEST_F(EvolutionMatrixTest, NothingStoredIsLost) {
  const uint64_t seed = RandomSeed(/*fixed=*/11);
  const char* const given = std::getenv("SYNCLINE_MATRIX_ROUNDS");
  const int rounds = given != nullptr ? std::atoi(given) : 1;
  std::mt19937_64 random(seed);
  std::set<std::tuple<std::string, int, int>> covered;
  int histories = 0;
  for (int round = 0; round < rounds; ++round) {
    for (const MatrixMode& mode : kModes) {
      for (const v1::SchemaPolicy policy : kPolicies) {
        std::vector<int> events(kEventCount);
        for (int i = 0; i < kEventCount; ++i) events[static_cast<size_t>(i)] = i;
        std::shuffle(events.begin(), events.end(), random);
        for (size_t begin = 0; begin < events.size();) {
          const size_t count = std::min(events.size() - begin, size_t{2 + random() % 4});
          const auto first = events.begin() + static_cast<std::ptrdiff_t>(begin);
          const std::vector<int> some(first, first + static_cast<std::ptrdiff_t>(count));
          ASSERT_TRUE(Run(mode, policy, some, random()));
          for (const int event : some) covered.emplace(mode.name, policy, event);
          ++histories;
          begin += count;
        }
      }
    }
  }
  EXPECT_EQ(covered.size(), std::size(kModes) * std::size(kPolicies) * kEventCount);
  std::printf("%d histories, %zu cells\n", histories, covered.size());
  for (const auto& [reason, count] : refusals_)
    std::printf("%d refusals %s\n", count, reason.c_str());
}

}  // namespace
}  // namespace syncline::testing
