// A stream's configuration as sent by the caller.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "server/model/replace_strategy.h"
#include "server/model/table_schema.h"

namespace syncline {

// Identifies a stream within a sync. An empty namespace means the default schema.
struct StreamDescriptor {
  std::string name_space;
  std::string name;

  friend bool operator==(const StreamDescriptor& a, const StreamDescriptor& b) {
    return a.name_space == b.name_space && a.name == b.name;
  }
  friend bool operator<(const StreamDescriptor& a, const StreamDescriptor& b) {
    return std::tie(a.name_space, a.name) < std::tie(b.name_space, b.name);
  }
};

enum class WriteMode { kAppend, kDedup };

// How to handle columns that the stream no longer declares, and other differences between the
// stream and its table (docs/loading.md, "Schema evolution").
enum class SchemaPolicy { kKeep, kMirror, kFreeze };

// Which records a later sync of the stream sends again (docs/loading.md, "What a later sync sends
// again").
enum class Replay { kNothing, kFromCheckpoint, kFromStart };

// The effect of a record that has `_ab_cdc_deleted_at`.
enum class CdcDeleteMode {
  kHard,  // it deletes the row with its key and does not become a row
  kSoft,  // it becomes a row like any other record
};

// What completion does with rows of older generations that stay in the table.
enum class OlderGenerations { kKeep, kMarkDeleted };

// How a new table is distributed over the nodes of a Citus cluster.
struct Distribution {
  std::string property = {};  // or kRawIdColumn; empty: the table is not distributed
  // A table as [schema.]name in SQL notation, by default in the schema of the new one; empty: Citus
  // chooses.
  std::string colocate_with = {};

  bool requested() const { return !property.empty(); }
};

// How a new table is distributed if its stream does not request it (--distribute_new_tables).
enum class NewTableDistribution {
  kOff,    // it is not
  kKey,    // by the first column of the primary key, or as kRawId if it has none
  kRawId,  // by _airbyte_raw_id, or as kKey if the stream deduplicates
};

// Conditions for the publication of a stream. The proto's PublishGuard documents each field.
struct PublishGuard {
  std::optional<int64_t> min_rows;
  std::optional<double> max_shrink;
  std::map<std::string, double> not_null;  // by property
  bool unique_key = false;
  std::optional<int64_t> max_rejected;
  std::optional<int64_t> max_nulled;
  bool allow_empty = false;
  // The columns that unique_key checks, for an AppendTruncate stream that has a primary key.
  std::vector<std::string> key = {};
};

struct StreamConfig {
  StreamDescriptor descriptor;
  std::string json_schema;  // JSON Schema text
  WriteMode write_mode = WriteMode::kAppend;
  std::vector<std::vector<std::string>> primary_key;  // paths of property names
  std::vector<std::string> cursor;                    // path; empty if there is no cursor
  std::optional<int64_t> generation_id;
  std::optional<int64_t> minimum_generation_id;
  bool overwrite = false;
  int64_t airbyte_sync_id = 0;
  std::string table_name;  // the target in SQL notation; if empty, derived from the descriptor
  SchemaPolicy schema_policy = SchemaPolicy::kKeep;
  Replay replay = Replay::kNothing;
  PublishGuard guard;
  CdcDeleteMode cdc_delete_mode = CdcDeleteMode::kHard;
  bool inferred_schema = false;  // existing columns of the table keep their types
  ReplaceStrategy replace_strategy = ReplaceStrategy::kAuto;
  TableMeta meta = TableMeta::kFull;
  OlderGenerations older_generations = OlderGenerations::kKeep;
  std::string deleted_at_column;  // property; only for kMarkDeleted
  Distribution distribution;      // of a new table
};

}  // namespace syncline
