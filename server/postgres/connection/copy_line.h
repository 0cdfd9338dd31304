// The row that an error of COPY is about.
//
// Internal to postgres/. Stateless: safe from any thread.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace syncline::postgres {

// Returns the row's number in the context of an error, or 0 if it is not known. The context has a
// line "COPY t, line 3, column c: …" in the language of the server, after lines of triggers. The
// rest of it is a value, and a trigger's lines may contain values, too. A value may look like such
// a line, so there must be exactly one.
int64_t ParseCopyLine(absl::string_view context, absl::string_view relation);

}  // namespace syncline::postgres
