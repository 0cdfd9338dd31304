// Rows of COPY BINARY, read back and held against what PostgreSQL takes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/column_type.h"
#include "server/model/table_schema.h"

namespace syncline::fuzz {

// The bytes of a field; none for NULL.
using CopyField = std::optional<std::string>;

// One field, length first, off the front of `bytes`.
CopyField TakeField(absl::string_view* bytes);

// What every field of `type` must be, so that no COPY fails. NULL fits every type.
void CheckField(ColumnType type, JsonShape shape, const CopyField& field);

// The number in a field of a time, a date or a bigint: its first four or eight bytes.
int64_t NumberIn(absl::string_view field);

// `bytes` is one row of `schema`'s table: the four meta columns, then the stream's. Checks all of
// it and returns the fields, meta columns included.
std::vector<CopyField> ReadRow(absl::string_view bytes, const TableSchema& schema);
inline constexpr size_t kMetaFields = 4;

}  // namespace syncline::fuzz
