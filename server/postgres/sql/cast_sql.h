// SQL that casts stored values to another type: the expression for ALTER COLUMN … TYPE … USING, and
// a predicate that finds values that cannot be cast without loss, to be run before the change.
//
// Pure functions. The session's TimeZone must be UTC and its DateStyle ISO (database.h). Values are
// never rounded, truncated or guessed, with one exception: digits of a second finer than a
// microsecond are truncated.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/model/column_type.h"
#include "server/model/table_schema.h"

namespace syncline::postgres {

struct Cast {
  // SQL expression over the old column that yields the new value.
  std::string expression;
  // SQL predicate that is true for a row whose value cannot be cast, because the expression would
  // raise an error or lose information. It never raises itself. Empty if every value can be cast.
  std::string failing;
};

// Returns the cast of `column` (its unquoted name) from type `from` to `to`. `from` is the type as
// format_type() prints it, with its modifier.
Cast CastTo(absl::string_view column, absl::string_view from, ColumnType to);

// Returns `cast` followed by a cast to `type`, which no stream's column has, as format_type()
// prints it. `failing` then also covers values that a length would truncate, a precision would
// round, or a smaller number type cannot hold. Domains and other user-defined types may still raise
// an error.
Cast AppendCast(const Cast& cast, absl::string_view type);

// Returns the cast of the column that `to` describes from type `from`. A type that the user chose
// is reached through the stream's type.
Cast CastToColumn(absl::string_view from, const ColumnSchema& to);

}  // namespace syncline::postgres
