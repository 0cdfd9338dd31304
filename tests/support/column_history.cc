#include "tests/support/column_history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace syncline::testing {
namespace {

// Some map to one column name: "A b", "A-b" and "A_b", and the letter e with and without an accent.
constexpr const char* kProperties[] = {"A b", "A-b", "A_b", "e", "\u00e9", "n"};
constexpr PropertyType kTypes[] = {PropertyType::kInteger, PropertyType::kNumber,
                                   PropertyType::kString, PropertyType::kBoolean,
                                   PropertyType::kAny};

const char* SchemaOf(PropertyType type) {
  switch (type) {
    case PropertyType::kInteger:
      return R"({"type":"integer"})";
    case PropertyType::kNumber:
      return R"({"type":"number"})";
    case PropertyType::kString:
      return R"({"type":"string"})";
    case PropertyType::kBoolean:
      return R"({"type":"boolean"})";
    case PropertyType::kAny:
      return "{}";
  }
  return "";
}

// A value as JSON, and the text that the table shows for it; nothing for null.
struct SentValue {
  std::string json = "null";
  std::optional<std::string> text = {};
};

SentValue ValueOf(PropertyType type, int64_t number) {
  const std::string digits = absl::StrCat(number);
  if (number % 5 == 0) return {};
  const auto same = [](const std::string& text) { return SentValue{text, text}; };
  switch (type) {
    case PropertyType::kInteger:
      return same(digits);
    case PropertyType::kNumber:
      return same(absl::StrCat(digits, ".5"));
    case PropertyType::kString: {
      const std::string text = absl::StrCat(number % 3 == 0 ? "" : "s", digits);
      return {absl::StrCat("\"", text, "\""), text};
    }
    case PropertyType::kBoolean:
      return same(number % 2 == 0 ? "true" : "false");
    case PropertyType::kAny:
      return same(number % 2 == 0 ? digits : absl::StrCat("{\"k\": ", digits, "}"));
  }
  return {};
}

int64_t NumberOf(const std::string& property, int64_t id, int64_t version) {
  return (id % 1000 + id / 1000000) * 7 + version * 3 + static_cast<int64_t>(property.size());
}

std::optional<std::string> ValueIn(const HistoryValues& row, const std::string& property) {
  const auto value = row.values.find(property);
  return value == row.values.end() ? std::nullopt : value->second;
}

}  // namespace

std::string HistoryCatalog::JsonSchema() const {
  std::string text =
      R"({"type":"object","properties":{"id":{"type":"integer"},"version":{"type":"integer"})";
  for (const auto& [name, type] : properties) {
    absl::StrAppend(&text, ",\"", name, "\":", SchemaOf(type));
  }
  return text + "}}";
}

std::string HistoryCatalog::ToString() const {
  const char* const policies[] = {"KEEP", "MIRROR", "FREEZE"};
  std::string text = policies[static_cast<int>(policy)];
  for (const auto& [name, type] : properties) {
    absl::StrAppend(&text, " \"", name, "\":", SchemaOf(type));
  }
  return text;
}

ColumnHistory::ColumnHistory(uint64_t seed) : random_(seed) {}

bool ColumnHistory::Chance(int percent) {
  return std::uniform_int_distribution<int>(1, 100)(random_) <= percent;
}

const HistoryCatalog& ColumnHistory::Next() {
  const int policy = std::uniform_int_distribution<int>(1, 100)(random_);
  catalog_.policy = policy <= 60   ? SchemaPolicy::kKeep
                    : policy <= 85 ? SchemaPolicy::kMirror
                                   : SchemaPolicy::kFreeze;
  const auto any_type = [this] { return kTypes[random_() % std::size(kTypes)]; };
  for (const char* const name : kProperties) {
    const auto declared = catalog_.properties.find(name);
    if (declared == catalog_.properties.end()) {
      if (Chance(syncs_.empty() ? 60 : 20)) catalog_.properties[name] = any_type();
    } else if (Chance(12)) {
      catalog_.properties.erase(declared);
    } else if (Chance(12)) {
      declared->second = any_type();
    }
  }
  return catalog_;
}

const HistoryCatalog& ColumnHistory::TakeBack() {
  catalog_ = accepted_;
  if (catalog_.policy == SchemaPolicy::kFreeze) catalog_.policy = SchemaPolicy::kKeep;
  return catalog_;
}

const HistoryCatalog& ColumnHistory::Empty() {
  catalog_ = {};
  return catalog_;
}

std::string ColumnHistory::Line(int64_t id, int64_t version) const {
  std::string line = absl::StrCat("{\"id\":", id, ",\"version\":", version);
  for (const auto& [name, type] : catalog_.properties) {
    absl::StrAppend(&line, ",\"", name, "\":", ValueOf(type, NumberOf(name, id, version)).json);
  }
  return line + "}\n";
}

std::string ColumnHistory::Start(int64_t version, const std::vector<ColumnSchema>& columns,
                                 const std::vector<SchemaChange>& changes) {
  accepted_ = catalog_;
  last_dropped_.clear();
  Started& started = syncs_[version];
  started.catalog = catalog_;
  for (const SchemaChange& change : changes) {
    if (change.kind == SchemaChange::Kind::kDropColumn) last_dropped_.insert(change.column);
  }
  started.dropped = last_dropped_;
  for (const ColumnSchema& column : columns) {
    if (column.input_name == "id" || column.input_name == "version") continue;
    const std::string& known =
        columns_.emplace(column.input_name, column.column_name).first->second;
    if (known != column.column_name) {
      return absl::StrCat(column.input_name, " moves from ", known, " to ", column.column_name);
    }
  }
  std::set<std::string> names = {"id", "version"};
  for (const auto& [property, column] : columns_) {
    if (!names.insert(column).second) return absl::StrCat("two properties share ", column);
  }
  return "";
}

bool ColumnHistory::WasDropped(const std::string& property, int64_t after) const {
  return std::any_of(syncs_.upper_bound(after), syncs_.end(), [&](const auto& sync) {
    return sync.second.dropped.count(columns_.at(property)) > 0;
  });
}

bool ColumnHistory::WasRetyped(const std::string& property, PropertyType type) const {
  return std::any_of(syncs_.begin(), syncs_.end(), [&](const auto& sync) {
    const auto declared = sync.second.catalog.properties.find(property);
    return declared != sync.second.catalog.properties.end() && declared->second != type;
  });
}

bool ColumnHistory::IsExpected(const RecordKey& record, const std::string& property,
                               const HistoryValues& row, const Table& table) const {
  const auto& [id, version] = record;
  const PropertyType type = syncs_.at(version).catalog.properties.at(property);
  const std::optional<std::string> value = ValueIn(row, property);
  if (value == ValueOf(type, NumberOf(property, id, version)).text) return true;
  // What was staged in a dropped column is lost. What was stored may still be there.
  if (value.has_value()) {
    return WasDropped(property, version) && IsKept(record, property, row, table);
  }
  return WasDropped(property, version) ||
         (row.entries.count(property) > 0 && WasRetyped(property, type));
}

bool ColumnHistory::IsKept(const RecordKey& record, const std::string& property,
                           const HistoryValues& row, const Table& table) const {
  const int64_t id = record.first;
  const std::optional<std::string> value = ValueIn(row, property);
  std::set<std::optional<std::string>> owed;
  int64_t newest = 0;  // of the rows that it replaced
  for (auto before = before_.lower_bound({id, 0});
       before != before_.end() && before->first.first == id; ++before) {
    if (before->first == record) return value == ValueIn(before->second, property);
    if (table.count(before->first) > 0) continue;
    owed.insert(ValueIn(before->second, property));
    newest = before->first.second;
  }
  if (owed.empty()) owed.insert(std::nullopt);
  if (owed.count(value) > 0) return true;
  // The value of an older staged row of the key, if it fits the column and was not dropped.
  return std::any_of(
      syncs_.upper_bound(newest), syncs_.lower_bound(record.second), [&](const auto& sync) {
        const auto declared = sync.second.catalog.properties.find(property);
        if (declared == sync.second.catalog.properties.end()) return false;
        if (!value.has_value() &&
            (WasDropped(property, sync.first) || WasRetyped(property, declared->second))) {
          return true;
        }
        return value == ValueOf(declared->second, NumberOf(property, id, sync.first)).text;
      });
}

std::string ColumnHistory::Check(const Table& table, bool replaced) {
  if (replaced) before_.clear();
  for (const auto& [record, row] : table) {
    const HistoryCatalog& sent = syncs_.at(record.second).catalog;
    for (const auto& [property, column] : columns_) {
      const bool declared = sent.properties.count(property) > 0;
      if (declared ? IsExpected(record, property, row, table)
                   : IsKept(record, property, row, table))
        continue;
      if (!declared && last_dropped_.count(column) > 0 && !ValueIn(row, property)) continue;
      return absl::StrCat("record ", record.first, ":", record.second, ": \"", property, "\" (",
                          column, ") is ", ValueIn(row, property).value_or("NULL"),
                          ", and the source sent ",
                          declared ? ValueOf(sent.properties.at(property),
                                             NumberOf(property, record.first, record.second))
                                         .json
                                   : "nothing");
    }
  }
  before_ = table;
  return "";
}

}  // namespace syncline::testing
