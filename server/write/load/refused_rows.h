// RefusedRows: finds the rows of a block that PostgreSQL refuses, so that the others can be loaded.
//
// COPY ends at its first error. If that error names its row, the row counts as refused and the
// block is sent again without it, at most kMaxNamedRows times. After that, and if the error names
// no row or may name the wrong one, the block is sent in halves under savepoints until each refused
// row is alone. An error that also ends a COPY of no rows is not about rows. Rows that a foreign
// key to their own table refuses are tried again after the others, until no more are accepted: the
// row that they reference may come after them, but not in a circle. This class only finds the rows;
// the usual transaction then loads the block without them. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/copy/row_encoder.h"

namespace syncline::write {

// A row that PostgreSQL refuses.
struct RefusedRow {
  size_t index = 0;  // among the block's rows
  std::string reason;
  std::string detail;
};

class RefusedRows {
 public:
  static constexpr int kMaxNamedRows = 8;

  // `copy_sql` starts a COPY in `format`, without BEGIN.
  RefusedRows(std::string copy_sql, postgres::CopyFormat format)
      : copy_sql_(std::move(copy_sql)), format_(format) {}

  // Returns the rows of `blocks` that caused `error`, which ended their COPY, in ascending order;
  // none if the error is not about rows. `connection` must be outside of a transaction, and is
  // again afterwards. `named` counts the rows of this block that were found by their number so far.
  // Errors: those of the database that are not about rows.
  absl::StatusOr<std::vector<RefusedRow>> Find(postgres::Connection& connection,
                                               absl::Span<const ByteBuffer> blocks,
                                               const absl::Status& error, int* named) const;

 private:
  const std::string copy_sql_;
  const postgres::CopyFormat format_;
};

// Returns whether `error` of a COPY is about values, constraints, or an exception that a trigger
// raised, and not about the whole table.
bool IsAboutRows(const absl::Status& error);

}  // namespace syncline::write
