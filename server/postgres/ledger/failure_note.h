// How a call failed, as the ledger stores it so that any replica can report it later: a jsonb
// object with code, reason, message and time.
//
// Stateless: safe from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns an SQL expression: the jsonb expression `object` with the failure that AddFailure adds as
// the parameters `first` to `first` + 2, or NULL if nothing failed. Cuts the message to 1,000
// characters.
std::string FailureSql(absl::string_view object, int first);

// Adds the three parameters of FailureSql.
void AddFailure(const absl::Status& status, Params* params);

// Returns the columns that ReadFailure reads. `note` is an SQL expression of the stored object.
std::string FailureColumns(absl::string_view note);

// Reads the failure in the columns of FailureColumns, if there is one, into a stream that has not
// ended, unless the stream already has a later one.
void ReadFailure(const RowView& row, StreamEntry* stream);

}  // namespace syncline::postgres
