// Reference for the columns of a stream over a random history: what the catalog declares in each
// sync, what the source sends for each property, and what the table must then hold.
//
// The reference uses only what was sent and what each sync reported as changed. A value may be
// missing from the table for two reasons: a sync reported that it dropped the column, or the row
// has an entry for the property and a sync declared another type. Values are compared in a text
// form that a change to a wider type does not change. Used by one thread.
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

// Declares the properties of a stream other than its key "id" and its cursor "version".
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

  // Returns the catalog of the next sync. Properties appear, disappear and change their type.
  const HistoryCatalog& Next();
  // Reverts to the catalog that was accepted before the last one, without FREEZE. Call it after the
  // last one was refused.
  const HistoryCatalog& TakeBack();
  // Switches to a catalog without properties, which is never refused.
  const HistoryCatalog& Empty();

  // Returns the line that the source sends for a record in a sync with catalog().
  std::string Line(int64_t id, int64_t version) const;
  const HistoryCatalog& catalog() const { return catalog_; }

  // Records that sync `version` was started with catalog() and that its plan has `columns`. Returns
  // an empty string, or what is wrong with the column names.
  std::string Start(int64_t version, const std::vector<ColumnSchema>& columns,
                    const std::vector<SchemaChange>& changes);

  // Compares the table after the sync; `replaced` is true if the sync swapped in a new table.
  // Returns an empty string, or the first difference.
  std::string Check(const Table& table, bool replaced);

  // Maps every property that was ever declared to its column.
  const std::map<std::string, std::string>& columns() const { return columns_; }

 private:
  struct Started {
    HistoryCatalog catalog;
    std::set<std::string> dropped;  // columns
  };

  bool Chance(int percent);
  bool WasDropped(const std::string& property, int64_t after) const;
  bool WasRetyped(const std::string& property, PropertyType type) const;
  bool IsExpected(const RecordKey& record, const std::string& property, const HistoryValues& row,
                  const Table& table) const;
  // For a property that the record's sync did not declare: returns whether the value comes from the
  // row that this one replaced, or from an older row of the key that was staged with it.
  bool IsKept(const RecordKey& record, const std::string& property, const HistoryValues& row,
              const Table& table) const;

  std::mt19937_64 random_;
  HistoryCatalog catalog_;
  HistoryCatalog accepted_;
  std::map<int64_t, Started> syncs_;  // by version
  std::map<std::string, std::string> columns_;
  std::set<std::string> last_dropped_;  // columns that the last sync dropped
  Table before_;                        // the table after the previous sync
};

}  // namespace syncline::testing
