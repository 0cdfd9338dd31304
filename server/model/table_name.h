// A table's schema and name as in the catalog: unquoted, at most 63 bytes each.
#pragma once

#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace syncline {

struct TableName {
  std::string schema;
  std::string name;

  // Returns "schema.name" for logs and messages. Not for use in SQL.
  std::string ToString() const { return absl::StrCat(schema, ".", name); }

  friend bool operator==(const TableName& a, const TableName& b) {
    return a.schema == b.schema && a.name == b.name;
  }
  friend bool operator<(const TableName& a, const TableName& b) {
    return std::tie(a.schema, a.name) < std::tie(b.schema, b.name);
  }
};

}  // namespace syncline
