// The columns of a stream over a random history: what its catalog declares in sync after sync, what
// the source sends for each property, and what the table must then hold of it.
//
// The reference knows only what was sent and what each sync said that it changed. A value may be
// missing in the table for two reasons: a sync reported that it dropped the column, or the row has
// an entry for the property and a sync declared another type. Values are compared as texts that a
// change to a wider type does not change. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/model/schema_change.h"
#include "server/model/stream.h"
#include "server/model/table_schema.h"

namespace syncline::testing {

enum class PropertyType { kInteger, kNumber, kString, kBoolean, kAny };

// What a stream declares beside its key "id" and its cursor "version".
struct HistoryCatalog {
  std::map<std::string, PropertyType> properties;
  SchemaPolicy policy = SchemaPolicy::kKeep;

  std::string JsonSchema() const;
  std::string ToString() const;
};

// A row of the table. A property without a column has no value.
struct HistoryValues {
  std::map<std::string, std::optional<std::string>> values;  // by property
  std::set<std::string> entries;  // properties with an entry in _airbyte_meta.changes
};

class ColumnHistory {
 public:
  // (id, version) of a record.
  using RecordKey = std::pair<int64_t, int64_t>;
  using Table = std::map<RecordKey, HistoryValues>;

  explicit ColumnHistory(uint64_t seed);

  // The catalog of the next sync. Properties come and go and change their type.
  const HistoryCatalog& Next();
  // The catalog after a refusal of the last one: the one that was accepted before it, without
  // FREEZE.
  const HistoryCatalog& TakeBack();
  // The catalog without a property, which nothing speaks against.
  const HistoryCatalog& Empty();

  // What the source sends in a sync with the catalog `catalog()`: one line.
  std::string Line(int64_t id, int64_t version) const;
  const HistoryCatalog& catalog() const { return catalog_; }

  // Sync `version` was started with catalog(). `columns` are those of its plan. Empty, or what is
  // wrong with their names.
  std::string Start(int64_t version, const std::vector<ColumnSchema>& columns,
                    const std::vector<SchemaChange>& changes);

  // Compares the table after the sync; `replaced`: the sync put a new one in its place. Empty, or
  // what is wrong with it.
  std::string Check(const Table& table, bool replaced);

  // The column of every property that was ever declared.
  const std::map<std::string, std::string>& columns() const { return columns_; }

 private:
  struct Started {
    HistoryCatalog catalog;
    std::set<std::string> dropped;  // columns
  };

  bool Chance(int percent);
  bool WasDropped(const std::string& property, int64_t after) const;
  bool WasRetyped(const std::string& property, PropertyType type) const;
  bool IsOwed(const RecordKey& record, const std::string& property, const HistoryValues& row,
              const Table& table) const;
  // Of a property that the record's sync did not declare: what the row had that it took the place
  // of, or an older row of its key that was staged with it.
  bool IsKept(const RecordKey& record, const std::string& property, const HistoryValues& row,
              const Table& table) const;

  std::mt19937_64 random_;
  HistoryCatalog catalog_;
  HistoryCatalog accepted_;
  std::map<int64_t, Started> syncs_;  // by version
  std::map<std::string, std::string> columns_;
  std::set<std::string> last_dropped_;  // columns, by the last sync
  Table before_;                        // the table after the sync before
};

}  // namespace syncline::testing
