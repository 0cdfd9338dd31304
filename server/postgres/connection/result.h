// The rows of a finished statement, in text form, read by the names of their columns.
//
//   for (const RowView row : rows) names.push_back(row.Text("name"));
//
// A statement gives every expression that is read a name (AS). To ask for a name that the statement
// does not return exactly once is a bug, which logs `unknown_column` and ends the process. Access
// by number is for results of one column and for columns that are not known in advance. Immutable:
// safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline::postgres {

class RowView;

class Result {
 public:
  // The values of one row; nullopt for NULL.
  using Values = std::vector<std::optional<std::string>>;

  Result() = default;
  // Each row has a value per name in `columns`.
  Result(std::vector<std::string> columns, std::vector<Values> rows, int64_t affected)
      : columns_(std::move(columns)), rows_(std::move(rows)), affected_(affected) {}

  size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  // Names of the columns; empty for a statement that returns no rows by its kind.
  const std::vector<std::string>& columns() const { return columns_; }
  // Number of rows that an INSERT, UPDATE or DELETE affected.
  int64_t affected() const { return affected_; }

  // `row` is less than size(). Views must not outlive the result.
  RowView Row(size_t row) const;

  class Iterator;
  Iterator begin() const;
  Iterator end() const;

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
  friend class RowView;

  // Returns the number of the column. Looks through all names, which is cheap for the few columns
  // and rows of catalog and ledger.
  size_t Find(absl::string_view name) const;

  std::vector<std::string> columns_;
  std::vector<Values> rows_;
  int64_t affected_ = 0;
};

// One row of a result. The accessors are those of Result.
class RowView {
 public:
  RowView(const Result& result, size_t row) : result_(&result), row_(row) {}

  bool IsNull(absl::string_view column) const {
    return result_->IsNull(row_, result_->Find(column));
  }
  const std::string& Text(absl::string_view column) const {
    return result_->Text(row_, result_->Find(column));
  }
  int64_t Int(absl::string_view column) const { return result_->Int(row_, result_->Find(column)); }
  // Returns nullopt for NULL.
  std::optional<int64_t> OptionalInt(absl::string_view column) const;
  bool Bool(absl::string_view column) const { return result_->Bool(row_, result_->Find(column)); }
  std::string Bytes(absl::string_view column) const {
    return result_->Bytes(row_, result_->Find(column));
  }

 private:
  const Result* result_;
  size_t row_;
};

// What a range-based for loop needs.
class Result::Iterator {
 public:
  Iterator(const Result& result, size_t row) : result_(&result), row_(row) {}

  RowView operator*() const { return RowView(*result_, row_); }
  Iterator& operator++() {
    ++row_;
    return *this;
  }
  bool operator!=(const Iterator& other) const { return row_ != other.row_; }

 private:
  const Result* result_;
  size_t row_;
};

inline RowView Result::Row(size_t row) const { return RowView(*this, row); }
inline Result::Iterator Result::begin() const { return Iterator(*this, 0); }
inline Result::Iterator Result::end() const { return Iterator(*this, size()); }

}  // namespace syncline::postgres
