#include "server/model/table_columns.h"

#include <map>

#include "server/model/name_collisions.h"
#include "server/model/names.h"

namespace syncline {
namespace {

NameFacts MakeFacts(const std::vector<KnownColumn>& known, const std::set<std::string>& existing) {
  NameFacts facts;
  for (const KnownColumn& column : known) {
    facts.owners.emplace(ScopedName("", column.column_name), column.input_name);
  }
  for (const std::string& column : existing) facts.taken.emplace("", column);
  return facts;
}

}  // namespace

ColumnAssignment AssignColumns(const std::vector<std::string>& properties,
                               const std::vector<KnownColumn>& known,
                               const std::set<std::string>& existing) {
  // Name the columns of new properties.
  std::map<std::string, const KnownColumn*> by_property;
  for (const KnownColumn& column : known) by_property[column.input_name] = &column;
  std::vector<std::string> added;
  for (const std::string& property : properties) {
    if (by_property.count(property) == 0) added.push_back(property);
  }
  const std::vector<std::string> names = MapColumnNames(added, MakeFacts(known, existing));
  std::map<std::string, std::string> new_names;
  for (size_t i = 0; i < added.size(); ++i) new_names.emplace(added[i], names[i]);

  // Assign a column to each property.
  ColumnAssignment assignment;
  std::set<std::string> declared;
  for (const std::string& property : properties) {
    const auto entry = by_property.find(property);
    const std::string& column =
        entry != by_property.end() ? entry->second->column_name : new_names[property];
    assignment.columns.push_back(column);
    if (!declared.insert(property).second) continue;
    const bool exists = existing.count(column) > 0;
    if (entry == by_property.end()) {
      assignment.changed.push_back({property, column, /*owned=*/!exists});
    } else if (!exists && !entry->second->owned) {
      assignment.changed.push_back({property, column, /*owned=*/true});
    }
  }
  // Give up the ownership of columns that are neither declared nor present.
  for (const KnownColumn& column : known) {
    if (column.owned && declared.count(column.input_name) == 0 &&
        existing.count(column.column_name) == 0) {
      assignment.changed.push_back({column.input_name, column.column_name, /*owned=*/false});
    }
  }
  return assignment;
}

}  // namespace syncline
