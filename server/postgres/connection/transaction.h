// A running transaction on a control connection, for all statements except COPY.
//
// It hides libpqxx: exceptions do not cross this boundary, and errors are absl::Status with a
// reason and an SQLSTATE (sqlstate.h). Values are passed as parameters. For use by one thread,
// inside Database::Transact, or outside of transactions as an Autocommit (autocommit.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/result.h"

namespace syncline::postgres {

// The parameters $1, $2, … of a statement, in text form unless it says otherwise.
class Params {
 public:
  Params() = default;

  Params& Text(absl::string_view value) {
    values_.emplace_back(std::string(value));
    return *this;
  }
  Params& Int(int64_t value) { return Text(absl::StrCat(value)); }
  Params& Bool(bool value) { return Text(value ? "t" : "f"); }
  Params& Null() {
    values_.emplace_back(std::nullopt);
    return *this;
  }
  // Adds the bytes as bytea.
  Params& Bytes(absl::string_view value);
  // Adds the strings as text[].
  Params& TextArray(const std::vector<std::string>& values);
  // Adds the schemas of the tables as text[], and then their names, as two parameters.
  Params& TableNames(const std::vector<TableName>& tables);
  // Adds the byte strings as bytea[].
  Params& BytesArray(const std::vector<absl::string_view>& values);
  // Adds the strings as text[]; nullopt is NULL.
  Params& OptionalTextArray(const std::vector<std::optional<std::string>>& values);
  // Adds each list as an array literal in a text[], because PostgreSQL has no arrays of lists of
  // different lengths. The statement casts each element to text[].
  Params& TextLists(const std::vector<std::vector<std::string>>& lists);
  // Adds the numbers as bigint[].
  Params& IntArray(const std::vector<int64_t>& values);
  Params& OptionalInt(std::optional<int64_t> value) { return value ? Int(*value) : Null(); }
  // Adds a value in the binary form of its type; nullopt is NULL. Only for statements of a
  // Connection (connection.h).
  Params& Binary(std::optional<std::string> value) {
    binary_from_ = std::min(binary_from_, values_.size());
    values_.emplace_back(std::move(value));
    return *this;
  }

  const std::vector<std::optional<std::string>>& values() const { return values_; }
  // Returns whether the value of this index is in binary form. All values after the first one in
  // binary form are, too.
  bool IsBinary(size_t index) const { return index >= binary_from_; }

 private:
  size_t binary_from_ = std::numeric_limits<size_t>::max();
  std::vector<std::optional<std::string>> values_;
};

class Transaction {
 public:
  virtual ~Transaction() = default;

  // Runs one statement with parameters. An error aborts the transaction, and the body must return
  // it.
  virtual absl::StatusOr<Result> Query(absl::string_view sql, const Params& params = {}) = 0;

  // Runs one or more statements without parameters and without a result.
  virtual absl::Status Execute(absl::string_view sql) = 0;

  // Returns whether the transaction runs on the coordinator of a Citus cluster, where tables can be
  // distributed.
  virtual bool on_citus() const { return false; }
};

}  // namespace syncline::postgres
