// Renames and removes the members of JSON records. For use by one thread.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/column_mapping.h"

namespace syncline::client {

class RecordMapper {
 public:
  // `mapping` must outlive the mapper.
  explicit RecordMapper(const ColumnMapping* mapping) : mapping_(mapping) {}

  // Returns the record with the names of the mapping and without the members that it leaves out;
  // values keep their bytes. A line that is not an object is returned unchanged. The result is
  // valid until the next call. Errors: INVALID_ARGUMENT if two members of the input get one name.
  absl::StatusOr<absl::string_view> Map(absl::string_view line);

  // Call it at the end of the input. Errors: a usage error if the mapping names a member that no
  // record had. Input without a member has none to miss.
  absl::Status CheckNames() const;

  // Returns the names of all members that occurred, in order of their first occurrence.
  const std::vector<std::string>& input_names() const { return input_names_; }

 private:
  absl::StatusOr<const std::string*> FindKey(absl::string_view raw_key);

  const ColumnMapping* const mapping_;
  absl::flat_hash_map<std::string, std::string> keys_;    // raw key -> "name": or empty
  absl::flat_hash_map<std::string, std::string> inputs_;  // name -> the input's name
  std::vector<std::string> input_names_;
  std::string line_;
};

}  // namespace syncline::client
