// Infers the JSON Schema of records from the records themselves.
//
// The same records in the same order give the same schema. Every column may be null. Columns are in
// the order of their first occurrence. Optimized for a pass over a whole file: nothing is copied
// per record, and a column is looked up only if a record's members differ from those of the
// previous record. For use by one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "client/inferred_type.h"
#include "client/json_text.h"

namespace syncline::client {

class SchemaInference {
 public:
  // Adds the members of one record, which is a JSON object. If the line is not an object or has a
  // key that is not UTF-8, changes nothing and returns false; the server will reject that record.
  bool AddLine(absl::string_view line);

  void AddValue(const std::string& column, InferredType type);

  // The same for the column at `index` of columns().
  void AddValue(size_t index, InferredType type) {
    InferredType& known = columns_[index].second;
    if (known != type) known = Widen(known, type);
  }

  // Returns whether a text value in the column at `index` can still change its type.
  bool CanChange(size_t index) const { return columns_[index].second != InferredType::kString; }

  bool empty() const { return columns_.empty(); }
  const std::vector<std::pair<std::string, InferredType>>& columns() const { return columns_; }

  // Adds the columns of `other`, as if its records followed.
  void Add(const SchemaInference& other);

  // Returns the schema as JSON text. Columns in `declared` have the property schema that it states,
  // also those that did not occur.
  std::string JsonSchema(const std::map<std::string, std::string>& declared = {}) const;

 private:
  // A member of a record: its key as the record writes it, and the index of its column.
  struct Member {
    std::string raw_key;
    size_t index;
  };

  void AddMember(size_t position, absl::string_view raw_key, JsonText value);
  size_t FindOrAddColumn(const std::string& column);

  std::vector<std::pair<std::string, InferredType>> columns_;
  absl::flat_hash_map<std::string, size_t> index_;
  std::vector<Member> expected_;                               // the members of the last record
  std::vector<std::pair<absl::string_view, JsonText>> found_;  // the members of the current record
};

}  // namespace syncline::client
