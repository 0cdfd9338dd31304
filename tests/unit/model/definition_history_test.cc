// Checks 200,000 random histories of names and definitions in memory: streams whose names normalize
// to the same name, catalogs that change from sync to sync, users who alter the table between
// syncs, and syncs that fail before their start is committed, before the table is changed, or not
// at all. The decisions of model/names.h, model/table_columns.h and model/evolution_plan.h are
// applied and compared with the rules of docs/loading.md and docs/names.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/model/evolution_plan.h"
#include "server/model/names.h"
#include "server/model/table_columns.h"
#include "tests/support/random_seed.h"
#include "tests/support/sanitized.h"

namespace syncline::testing {
namespace {

constexpr int kHistories = kSanitized ? 10000 : 200000;
constexpr int kSteps = 6;

// Several of them normalize to the same name.
constexpr const char* kStreams[] = {"my t", "my-t", "my_t", "other"};
constexpr const char* kProperties[] = {"A b", "A-b", "A_b", "e", "\u00e9", "xmin"};
constexpr ColumnType kTypes[] = {ColumnType::kBigint, ColumnType::kNumeric, ColumnType::kVarchar,
                                 ColumnType::kBoolean, ColumnType::kJsonb};

using Catalog = std::map<std::string, ColumnType>;

// Returns whether a column of type `held` has room for every value of `type`. This table is
// independent of the one under test.
bool HasRoom(ColumnType held, ColumnType type) {
  if (held == type || held == ColumnType::kJsonb) return true;
  if (held == ColumnType::kVarchar) return type != ColumnType::kJsonb;
  return held == ColumnType::kNumeric && type == ColumnType::kBigint;
}

struct Column {
  ColumnType type = ColumnType::kJsonb;
  bool users = false;    // the user created it
  std::string narrowed;  // type that the user has given it

  std::string TypeName() const {
    return narrowed.empty() ? std::string(PostgresTypeName(type)) : narrowed;
  }
};

// The table of one stream and its entries in the ledger.
struct Table {
  TableName name;
  bool exists = false;
  std::map<std::string, Column> columns;
  std::map<std::string, KnownColumn> known;       // by property
  std::map<std::string, std::string> columns_of;  // by property, permanent
};

class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {}

  // Returns an empty string, or the fault with the steps that led to it.
  std::string Run() {
    for (int step = 0; step < kSteps; ++step) {
      if (std::string fault = Step(); !fault.empty()) return absl::StrCat(story_, fault);
    }
    return "";
  }

 private:
  enum class Fails { kBeforeCommit, kBeforeTheTable, kNot };

  bool Chance(unsigned percent) { return random_() % 100 < percent; }

  std::string Step() {
    const StreamDescriptor stream = {"", kStreams[random_() % std::size(kStreams)]};
    const Fails fails = Chance(15)   ? Fails::kBeforeCommit
                        : Chance(25) ? Fails::kBeforeTheTable
                                     : Fails::kNot;
    TableName name;
    if (std::string fault = Name(stream, &name); !fault.empty()) return fault;
    Table table = tables_[stream];
    table.name = name;
    if (table.exists && Chance(30)) UserActs(&table);
    // The user's changes remain even if the sync fails.
    tables_[stream].columns = table.columns;
    Declare(stream);
    std::string fault = Sync(catalogs_[stream], fails, &table);
    absl::StrAppend(&story_, stream.name, fails == Fails::kNot ? " ok\n" : " fails\n");
    if (fault.empty() && fails != Fails::kBeforeCommit) {
      entries_[stream] = name;
      tables_[stream] = std::move(table);
    }
    return fault;
  }

  // Chooses the table of a stream. It is permanent once a start is committed, and belongs to no
  // other stream.
  std::string Name(const StreamDescriptor& stream, TableName* name) {
    const auto entry = entries_.find(stream);
    NameFacts facts;
    for (const auto& [other, table] : entries_) {
      if (other == stream) continue;
      facts.owners.emplace(MakeScopedName(table), GetIdentity(other));
      facts.taken.insert(MakeScopedName(table));
    }
    const StreamName asked = *NameStream(stream, "public");
    *name = entry != entries_.end() ? entry->second : AssignTables({asked}, facts).front();
    const bool natural_is_free = facts.owners.count(MakeScopedName(asked.table)) == 0;
    if (entry == entries_.end() && natural_is_free && !(*name == asked.table)) {
      return absl::StrCat("does not use its name: ", name->ToString());
    }
    return facts.owners.count(MakeScopedName(*name)) > 0 ? "two streams share a table" : "";
  }

  void UserActs(Table* table) {
    const uint64_t act = random_() % 4;
    if (act == 0) {
      // A property may have the same name.
      Column column;
      column.users = true;
      column.type = kTypes[random_() % std::size(kTypes)];
      const std::string name = Chance(50) ? "e" : "A_b";
      // A column that is dropped and created again between two syncs is taken for the earlier one.
      const bool known = std::any_of(table->known.begin(), table->known.end(), [&](const auto& of) {
        return of.second.owned && of.second.column_name == name;
      });
      if (!known && table->columns.emplace(name, column).second) {
        absl::StrAppend(&story_, "the user adds ", name, "\n");
      }
      return;
    }
    if (table->columns.empty()) return;
    auto column = table->columns.begin();
    std::advance(column, static_cast<std::ptrdiff_t>(random_() % table->columns.size()));
    if (act == 1) {
      absl::StrAppend(&story_, "the user drops ", column->first, "\n");
      table->columns.erase(column);
    } else if (act == 2 && column->second.type == ColumnType::kVarchar) {
      absl::StrAppend(&story_, "the user narrows ", column->first, "\n");
      column->second.narrowed = "character varying(20)";
    }
  }

  void Declare(const StreamDescriptor& stream) {
    Catalog& catalog = catalogs_[stream];
    for (const char* const property : kProperties) {
      if (Chance(20)) {
        catalog.erase(property);
      } else if (Chance(catalog.empty() ? 60 : 25)) {
        catalog[property] = kTypes[random_() % std::size(kTypes)];
      }
    }
  }

  std::string Sync(const Catalog& catalog, Fails fails, Table* table) {
    std::vector<std::string> properties;
    for (const auto& [property, type] : catalog) properties.push_back(property);
    std::vector<std::string> columns;
    if (std::string fault = NameColumns(properties, table, &columns); !fault.empty()) return fault;
    TableSchema schema;
    for (size_t i = 0; i < properties.size(); ++i) {
      schema.columns.push_back({properties[i], columns[i], catalog.at(properties[i])});
    }
    const uint64_t policy = random_() % 10;
    EvolutionInput input = InputOf(*table);
    input.policy = policy < 5   ? SchemaPolicy::kKeep
                   : policy < 8 ? SchemaPolicy::kMirror
                                : SchemaPolicy::kFreeze;
    input.replaced = Chance(30);
    const absl::StatusOr<EvolutionPlan> plan = PlanEvolution(table->name, schema, input);
    const std::map<std::string, Column> wanted = Wanted(schema, input, *table);
    if (std::string fault = CheckPlan(plan, input, *table, wanted); !fault.empty()) return fault;
    if (!plan.ok() || fails != Fails::kNot) return "";
    table->exists = true;
    table->columns = wanted;
    return CheckSettled(plan->schema, input, *table);
  }

  std::string NameColumns(const std::vector<std::string>& properties, Table* table,
                          std::vector<std::string>* columns) {
    std::vector<KnownColumn> known;
    for (const auto& [property, column] : table->known) known.push_back(column);
    std::set<std::string> existing;
    for (const auto& [column, definition] : table->columns) existing.insert(column);
    const ColumnAssignment assignment = AssignColumns(properties, known, existing);
    *columns = assignment.columns;
    std::set<std::string> distinct(columns->begin(), columns->end());
    if (distinct.size() != columns->size()) return "two properties share a column";
    for (size_t i = 0; i < properties.size(); ++i) {
      const std::string& column = (*columns)[i];
      const auto before = table->columns_of.emplace(properties[i], column).first;
      if (before->second != column) return absl::StrCat(properties[i], " moves to ", column);
      if (column == "xmin") return "a system column's name is given";
      for (const auto& [other, others] : table->columns_of) {
        if (other != properties[i] && others == column) return absl::StrCat(column, " is taken");
      }
    }
    for (const KnownColumn& changed : assignment.changed)
      table->known[changed.input_name] = changed;
    for (const auto& [property, entry] : table->known) {
      const auto there = table->columns.find(entry.column_name);
      if (there != table->columns.end() && there->second.users && entry.owned) {
        return absl::StrCat("the user's column ", entry.column_name, " is treated as a stream's");
      }
    }
    return "";
  }

  static EvolutionInput InputOf(const Table& table) {
    std::set<std::string> owned;
    for (const auto& [property, column] : table.known) {
      if (column.owned) owned.insert(column.column_name);
    }
    EvolutionInput input;
    input.exists = table.exists;
    input.max_rewrite_bytes = std::numeric_limits<int64_t>::max();
    for (const auto& [name, definition] : table.columns) {
      TableColumn column;
      column.name = name;
      column.type = column.base_type = definition.TypeName();
      column.text_like = definition.type == ColumnType::kVarchar;
      column.owned = owned.count(name) > 0;
      input.columns.push_back(column);
    }
    return input;
  }

  // Returns the table after the sync according to the rules.
  static std::map<std::string, Column> Wanted(const TableSchema& schema,
                                              const EvolutionInput& input, const Table& table) {
    std::map<std::string, Column> wanted;
    std::map<std::string, ColumnType> declared;
    for (const ColumnSchema& column : schema.columns) declared[column.column_name] = column.type;
    std::set<std::string> owned;
    for (const TableColumn& column : input.columns) {
      if (column.owned) owned.insert(column.name);
    }
    for (const auto& [name, column] : table.columns) {
      const auto type = declared.find(name);
      if (type == declared.end()) {
        if (owned.count(name) > 0 && input.policy != SchemaPolicy::kKeep) continue;
        wanted[name] = column;
        continue;
      }
      const bool users = owned.count(name) == 0;
      const bool made_anew = input.replaced && column.narrowed.empty();
      const bool stays =
          users || (made_anew ? column.type == type->second : HasRoom(column.type, type->second));
      wanted[name] = stays ? column : Column{type->second, false, ""};
    }
    for (const auto& [name, type] : declared) wanted.emplace(name, Column{type, false, ""});
    return wanted;
  }

  // Returns the differences between the tables in the format of a plan.
  static std::set<std::string> Difference(const std::map<std::string, Column>& from,
                                          const std::map<std::string, Column>& to) {
    std::set<std::string> changes;
    for (const auto& [name, column] : from) {
      const auto after = to.find(name);
      if (after == to.end()) {
        changes.insert(absl::StrCat("drops the column ", name, " ", column.TypeName()));
      } else if (after->second.TypeName() != column.TypeName()) {
        changes.insert(absl::StrCat("changes the column ", name, " from ", column.TypeName(),
                                    " to ", after->second.TypeName()));
      }
    }
    for (const auto& [name, column] : to) {
      if (from.count(name) == 0) {
        changes.insert(absl::StrCat("adds the column ", name, " ", column.TypeName()));
      }
    }
    return changes;
  }

  static std::string CheckPlan(const absl::StatusOr<EvolutionPlan>& plan,
                               const EvolutionInput& input, const Table& table,
                               const std::map<std::string, Column>& wanted) {
    if (!table.exists) return plan.ok() ? "" : plan.status().ToString();
    const std::set<std::string> expected = Difference(table.columns, wanted);
    const bool frozen = input.policy == SchemaPolicy::kFreeze && !expected.empty();
    if (frozen) {
      const bool refused = !plan.ok() && GetDetail(plan.status()).reason == "SCHEMA_FROZEN";
      return refused ? "" : "FREEZE allows a change";
    }
    if (!plan.ok()) return plan.status().ToString();
    std::set<std::string> changes;
    for (const SchemaChange& change : plan->changes) changes.insert(Describe(change));
    if (changes == expected && plan->changes.size() == expected.size()) return "";
    std::string text = "planned:";
    for (const std::string& change : changes) absl::StrAppend(&text, " ", change, ";");
    text += "\nwanted:";
    for (const std::string& change : expected) absl::StrAppend(&text, " ", change, ";");
    return text;
  }

  // Checks that the next sync of the same catalog changes nothing, and that every value has room.
  static std::string CheckSettled(const TableSchema& schema, const EvolutionInput& input,
                                  const Table& table) {
    for (const ColumnSchema& column : schema.columns) {
      const Column& there = table.columns.at(column.column_name);
      const bool same = GetTableType(column) == there.TypeName();
      if (!same || !HasRoom(there.type, column.type)) {
        return absl::StrCat(column.column_name, " is ", there.TypeName(), " and encoded as ",
                            PostgresTypeName(column.type));
      }
    }
    EvolutionInput again = InputOf(table);
    again.policy = input.policy;
    again.replaced = input.replaced;
    const absl::StatusOr<EvolutionPlan> plan = PlanEvolution(table.name, schema, again);
    if (!plan.ok()) return plan.status().ToString();
    return plan->changes.empty() ? "" : "not settled: " + Describe(plan->changes.front());
  }

  std::mt19937_64 random_;
  std::map<StreamDescriptor, TableName> entries_;  // in the ledger
  std::map<StreamDescriptor, Table> tables_;
  std::map<StreamDescriptor, Catalog> catalogs_;
  std::string story_;
};

TEST(DefinitionHistoryTest, NamesAndDefinitionsFollowTheRules) {
  const uint64_t seed = RandomSeed();
  for (uint64_t history = 0; history < kHistories; ++history) {
    ASSERT_EQ(History(seed + history).Run(), "") << "history " << seed + history;
  }
}

}  // namespace
}  // namespace syncline::testing
