// How a call failed, as the ledger keeps it for people who ask later, at any replica: an object of
// code, reason, message and time.
//
// Stateless: safe from any thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/plan.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// An expression of what AddFailure adds as the parameters `first` to `first` + 2: `object`, an
// expression of an object, with the failure; NULL when nothing failed.
std::string FailureSql(absl::string_view object, int first);

// Adds three parameters. The message is cut to 1,000 characters.
void AddFailure(const absl::Status& status, Params* params);

// The columns that ReadFailure reads, of a note that `note` is an expression of.
std::string FailureColumns(absl::string_view note);

// Reads the note at `column`, if there is one, into a stream that has not ended, unless it has a
// later one already.
void ReadFailure(const Result& rows, size_t row, size_t column, StreamRecord* stream);

}  // namespace syncline::postgres
