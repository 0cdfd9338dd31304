// How a stored value becomes one of another type, as SQL: what ALTER COLUMN … TYPE … USING needs,
// and the predicate that finds a value that cannot be taken without loss, before anything is
// changed.
//
// Pure functions. The session's TimeZone is UTC and its DateStyle ISO (database.h). A value is
// never rounded, cut or guessed at, but for a fraction of a second finer than a microsecond, which
// is cut.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/model/column_type.h"

namespace syncline::postgres {

struct Cast {
  // The new value, over the old column.
  std::string expression;
  // Holds for a row whose value cannot be cast (the expression would raise or lose something).
  // Never raises itself. Empty when every value can be cast.
  std::string failing;
};

// From a column of `from` (as format_type() prints it, with its modifier) to `to`. `column` is the
// column's name, unquoted.
Cast CastTo(absl::string_view column, absl::string_view from, ColumnType to);

// `cast` and then on to `type`, which no stream's column has, as format_type() prints it. What a
// length or a precision would cut or round, and what is out of a smaller number's range, cannot be
// cast. Domains and other types of users may still raise.
Cast StoredAs(const Cast& cast, absl::string_view type);

}  // namespace syncline::postgres
