// A stream as the caller describes it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace syncline {

// Names a stream within a sync. An empty namespace stands for the default schema.
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

// What becomes of a column of the stream that it no longer declares, and of other differences
// between the stream and its table (docs/loading.md, "Schema evolution").
enum class SchemaPolicy { kKeep, kMirror, kFreeze };

// What a later sync of the stream sends again (docs/loading.md, "What a later sync sends again").
enum class Replay { kNothing, kFromCheckpoint, kFromStart };

// What a record that has `_ab_cdc_deleted_at` does.
enum class CdcDeleteMode {
  kHard,  // deletes the row of its key; it never becomes a row itself
  kSoft,  // is a row like any other
};

// Conditions on what a stream would publish; the proto's PublishGuard has the meaning of each.
struct PublishGuard {
  std::optional<int64_t> min_rows;
  std::optional<double> max_shrink;
  std::map<std::string, double> not_null;  // by property
  bool unique_key = false;
  std::optional<int64_t> max_rejected;
  std::optional<int64_t> max_nulled;
  bool allow_empty = false;
  // The columns that unique_key is about, of an append-replace that names a primary key.
  std::vector<std::string> key = {};
};

struct StreamConfig {
  StreamDescriptor descriptor;
  std::string json_schema;  // JSON Schema text
  WriteMode write_mode = WriteMode::kAppend;
  std::vector<std::vector<std::string>> primary_key;  // paths of property names
  std::vector<std::string> cursor;                    // path; empty when there is none
  std::optional<int64_t> generation_id;
  std::optional<int64_t> minimum_generation_id;
  bool overwrite = false;
  int64_t airbyte_sync_id = 0;
  std::string table_name;  // the target as SQL writes it; empty: from the descriptor
  SchemaPolicy schema_policy = SchemaPolicy::kKeep;
  Replay replay = Replay::kNothing;
  PublishGuard guard;
  CdcDeleteMode cdc_delete_mode = CdcDeleteMode::kHard;
  bool inferred_schema = false;  // the table's types hold where it has the column
};

}  // namespace syncline
