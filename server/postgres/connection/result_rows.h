// Copies the rows of a libpq result. Internal to connection/. Pure function; any thread.
#pragma once

#include "server/postgres/connection/result.h"

struct pg_result;

namespace syncline::postgres {

// With `decode`, texts are read from their stored form (stored_text.h): all values in text format,
// and those of type text in binary format.
Result ReadRows(const pg_result* result, bool decode);

}  // namespace syncline::postgres
