#include "server/postgres/sql/ledger_sql.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace syncline::postgres {

std::string WithLedgerSchema(absl::string_view sql, absl::string_view quoted_schema) {
  return absl::StrReplaceAll(absl::StripAsciiWhitespace(sql), {{"$L", quoted_schema}});
}

}  // namespace syncline::postgres
