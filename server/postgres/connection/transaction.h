// A running transaction on a control connection, for all statements except COPY.
//
// It hides libpqxx: exceptions do not cross this boundary, and errors are absl::Status with a
// reason and an SQLSTATE (sqlstate.h). Values are passed as parameters. For use by one thread, only
// inside Database::Transact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace syncline::postgres {

// The parameters $1, $2, … of a statement, in text form.
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
  // Adds the numbers as bigint[].
  Params& IntArray(const std::vector<int64_t>& values);
  Params& OptionalInt(std::optional<int64_t> value) { return value ? Int(*value) : Null(); }

  const std::vector<std::optional<std::string>>& values() const { return values_; }

 private:
  std::vector<std::optional<std::string>> values_;
};

// The rows of a finished statement, in text form. Owns the rows.
class Result {
 public:
  using Row = std::vector<std::optional<std::string>>;

  Result() = default;
  Result(std::vector<Row> rows, int64_t affected) : rows_(std::move(rows)), affected_(affected) {}

  size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  // Number of columns; 0 if there are no rows.
  size_t columns() const { return rows_.empty() ? 0 : rows_.front().size(); }
  // Number of rows that an INSERT, UPDATE or DELETE affected.
  int64_t affected() const { return affected_; }

  bool IsNull(size_t row, size_t column) const { return !rows_[row][column].has_value(); }
  // Returns the value's text, or "" for NULL.
  const std::string& Text(size_t row, size_t column) const;
  // Returns 0 for NULL and for a value that is not an integer.
  int64_t Int(size_t row, size_t column) const;
  // Returns false for NULL.
  bool Bool(size_t row, size_t column) const { return Text(row, column) == "t"; }
  // Returns the bytes of a bytea, which must be in hex form; otherwise an empty string.
  std::string Bytes(size_t row, size_t column) const;

 private:
  std::vector<Row> rows_;
  int64_t affected_ = 0;
};

class Transaction {
 public:
  virtual ~Transaction() = default;

  // Runs one statement with parameters. An error aborts the transaction, and the body must return
  // it.
  virtual absl::StatusOr<Result> Query(absl::string_view sql, const Params& params = {}) = 0;

  // Runs one or more statements without parameters and without a result.
  virtual absl::Status Execute(absl::string_view sql) = 0;
};

}  // namespace syncline::postgres
