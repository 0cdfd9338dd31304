// The UPDATE of a writer's row that is the fence of a data commit (data_commit.h), as the text that
// a data transaction and a statement commit share.
//
// Immutable: safe from any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/model/writer.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/data_commit.h"

namespace syncline::postgres {

// The number of parameters of AdvanceSql. Further parameters of a statement follow.
inline constexpr int kAdvanceParams = 12;

// Returns the UPDATE. It returns the durable offset in one row, or no row if the claim does not
// hold or some of the records are committed. `more_columns` is appended to the list of columns that
// are set.
std::string AdvanceSql(absl::string_view quoted_schema, absl::string_view more_columns = "");

// Returns its parameters.
Params AdvanceParams(const WriterClaim& claim, const DataCommit& commit);

}  // namespace syncline::postgres
