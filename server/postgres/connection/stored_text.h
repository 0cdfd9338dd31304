// The form in which a database that is not in UTF8 stores names and ids with characters that its
// encoding lacks.
//
// Such a character is stored as `%U+`, its code point in hexadecimal and `;`, and read back as the
// character, so that names and ids stay distinct and callers get what they sent: 日 is stored as
// `%U+65E5;` in LATIN1. A text that itself contains `%U+` is stored with `%U+25;U+`. The form is
// valid within a JSON string. It is used for the parameters and results of statements, that is, for
// the ledger; records are loaded by COPY, which does not use it. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/repertoire.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns `text`, which is UTF-8, as it is stored.
std::string ToStoredText(absl::string_view text, const Repertoire& repertoire);

// Returns the text of which ToStoredText made `stored`.
std::string FromStoredText(absl::string_view stored);

// Returns `params` as they are stored. `run` runs a statement on the connection that will use them;
// unknown characters are asked for with it, under a savepoint if the connection is
// `in_transaction`. Errors: those of `run`.
absl::StatusOr<Params> ToStoredParams(
    const Params& params, Repertoire& repertoire, bool in_transaction,
    absl::FunctionRef<absl::Status(const char* sql, const Params& params)> run);

}  // namespace syncline::postgres
