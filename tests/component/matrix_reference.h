// The reference of the matrix test: the catalog and the records of one stream, and what its table
// must hold.
//
// It models a mode only by its guarantee: append keeps every record, dedup the newest of each id, a
// replace the records of its generation. A value that the user or an earlier sync left in the table
// is expected from then on (Note). Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace syncline::testing {

enum class MatrixType { kInteger, kNumber, kString, kBoolean };

// What a stream declares in addition to its key "id" and its cursor "at".
using MatrixCatalog = std::map<std::string, MatrixType>;

std::string JsonSchemaOf(const MatrixCatalog& catalog);

struct MatrixRow {
  std::map<std::string, std::optional<std::string>> values = {};  // by column
  std::set<std::string> entries = {};  // columns with an entry in _airbyte_meta.changes
};
// The id and `at`, which is the number of the record's sync.
using MatrixKey = std::pair<int64_t, int64_t>;
using MatrixTable = std::map<MatrixKey, MatrixRow>;

struct MatrixMode {
  const char* name;
  bool dedup;
  bool replaces;
};

// What is known of a sync that has ended, in addition to the table.
struct MatrixSync {
  std::set<MatrixKey> rejected;   // of all syncs so far
  std::set<std::string> dropped;  // columns whose drop this sync reported
};

class MatrixReference {
 public:
  explicit MatrixReference(const MatrixMode& mode) : mode_(mode) {}

  // Returns the records of sync `at`, one per line, and begins that sync.
  std::string Send(int64_t at, const MatrixCatalog& catalog, std::mt19937_64* random);
  // The record at `offset` of the sync.
  MatrixKey RecordAt(int64_t at, int64_t offset) const;
  // Makes what has been sent so far visible in the expected table. Until then it is staged.
  void Publish();

  // Compares. Returns an empty string, or what is wrong.
  std::string Check(const MatrixTable& table, const MatrixSync& sync) const;
  // Makes the table's values the expected stored values.
  void Note(const MatrixTable& table) { stored_ = table; }

 private:
  struct Record {
    MatrixCatalog catalog;
    std::map<std::string, std::optional<std::string>> values;
  };

  std::set<MatrixKey> Owed(const std::set<MatrixKey>& rejected) const;
  std::string CheckStored(const MatrixKey& key, const MatrixRow& before, const MatrixRow& row,
                          const MatrixSync& sync) const;
  std::string CheckSent(const MatrixKey& key, const MatrixRow& row, const MatrixSync& sync) const;
  // Returns the error, if any, in the values that `key` took over from the row that it replaced.
  std::string CheckMerged(const MatrixKey& key, const MatrixRow& row, const MatrixTable& table,
                          const MatrixSync& sync) const;

  const MatrixMode mode_;
  std::map<MatrixKey, Record> sent_;
  std::map<int64_t, std::vector<MatrixKey>> syncs_;
  std::set<MatrixKey> pending_;
  std::set<MatrixKey> visible_;
  bool new_table_ = false;  // the last publication swapped in another table
  MatrixTable stored_;
};

}  // namespace syncline::testing
