// A stream as the caller describes it.
#pragma once

#include <cstdint>
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
};

}  // namespace syncline
