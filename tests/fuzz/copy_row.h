// Decodes rows of COPY BINARY and checks that PostgreSQL would accept them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/column_type.h"
#include "server/model/table_schema.h"

namespace syncline::fuzz {

// The bytes of a field, or nullopt for NULL.
using CopyField = std::optional<std::string>;

// Removes one field and its length from the front of `bytes` and returns it.
CopyField TakeField(absl::string_view* bytes);

// Checks the conditions that a field of `type` must meet for COPY to succeed. NULL fits every type.
void CheckField(ColumnType type, JsonShape shape, const CopyField& field);

// Returns the number in a field of a time, a date or a bigint: its first four or eight bytes.
int64_t NumberIn(absl::string_view field);

// Checks that `bytes` is one row of `schema`'s table, with the four meta columns before the
// stream's columns. Returns all fields, including the meta columns.
std::vector<CopyField> ReadRow(absl::string_view bytes, const TableSchema& schema);
inline constexpr size_t kMetaFields = 4;

}  // namespace syncline::fuzz
