#include "server/write/load/statement_tables.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace syncline::write {
namespace {

std::vector<std::string> GetNames(const std::vector<postgres::ElementType>& types) {
  std::vector<std::string> names;
  names.reserve(types.size());
  for (const postgres::ElementType& type : types) names.emplace_back(type.name);
  return names;
}

// Returns a text that differs if table, columns or types do. Names have no NUL.
std::string MakeKey(const TableName& table, const TableSchema& schema,
                    const std::vector<postgres::ElementType>& types) {
  constexpr absl::string_view kEnd("\0", 1);
  std::string key =
      absl::StrCat(table.schema, kEnd, table.name, kEnd, GetMetaColumns(schema.meta).size(), kEnd);
  for (const ColumnSchema& column : schema.columns) absl::StrAppend(&key, column.column_name, kEnd);
  for (const postgres::ElementType& type : types) absl::StrAppend(&key, type.oid, kEnd);
  return key;
}

}  // namespace

StatementTable::StatementTable(absl::string_view quoted_ledger_schema, const TableName& table,
                               const TableSchema& schema, std::vector<postgres::ElementType> types)
    : table_(table),
      types_(std::move(types)),
      commit_(quoted_ledger_schema, table, schema, GetNames(types_)) {}

std::optional<postgres::StatementUse> StatementTable::use(absl::Duration now) const {
  if (absl::ToInt64Nanoseconds(now) >= valid_until_ns_) return std::nullopt;
  return postgres::StatementUse{alone_, grouped_};
}

void StatementTable::set_use(postgres::StatementUse use, absl::Duration now) {
  alone_ = use.alone;
  grouped_ = use.grouped;
  valid_until_ns_ = absl::ToInt64Nanoseconds(now + kValidFor);
}

std::shared_ptr<StatementTable> StatementTables::Get(absl::string_view quoted_ledger_schema,
                                                     const TableName& table,
                                                     const TableSchema& schema,
                                                     absl::Duration now) {
  std::vector<postgres::ElementType> types = postgres::GetElementTypes(schema);
  std::string key = MakeKey(table, schema, types);
  MutexLock lock(&mutex_);
  const auto known = tables_.find(key);
  if (known != tables_.end()) {
    known->second.asked = now;
    return known->second.table;
  }
  for (auto other = tables_.begin(); other != tables_.end();) {
    other = now - other->second.asked > kForgetAfter ? tables_.erase(other) : std::next(other);
  }
  auto made =
      std::make_shared<StatementTable>(quoted_ledger_schema, table, schema, std::move(types));
  tables_[std::move(key)] = {made, now};
  return made;
}

}  // namespace syncline::write
