#include "tests/component/matrix_reference.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace syncline::testing {
namespace {

const char* SchemaOf(MatrixType type) {
  switch (type) {
    case MatrixType::kInteger:
      return R"({"type":"integer"})";
    case MatrixType::kNumber:
      return R"({"type":"number"})";
    case MatrixType::kString:
      return R"({"type":"string"})";
    case MatrixType::kBoolean:
      return R"({"type":"boolean"})";
  }
  return "";
}

// A value as the table shows it. Some values violate the constraints that users add.
std::optional<std::string> RandomValue(MatrixType type, std::mt19937_64* random) {
  const uint64_t number = (*random)() % 60;
  if ((*random)() % 7 == 0) return std::nullopt;
  switch (type) {
    case MatrixType::kInteger:
      return absl::StrCat((*random)() % 8 == 0 ? 70000 + number : number);
    case MatrixType::kNumber:
      return absl::StrCat(number, ".25");
    case MatrixType::kString:
      return (*random)() % 3 == 0 ? absl::StrCat(number) : absl::StrCat("text ", number);
    case MatrixType::kBoolean:
      return number % 2 == 0 ? "true" : "false";
  }
  return std::nullopt;
}

std::string ToJson(MatrixType type, const std::optional<std::string>& value) {
  if (!value.has_value()) return "null";
  return type == MatrixType::kString ? absl::StrCat("\"", *value, "\"") : *value;
}

std::optional<std::string> ValueIn(const MatrixRow& row, const std::string& column) {
  const auto value = row.values.find(column);
  return value == row.values.end() ? std::nullopt : value->second;
}

std::string Show(const std::optional<std::string>& value) { return value.value_or("NULL"); }

std::string Fault(const MatrixKey& key, const std::string& column,
                  const std::optional<std::string>& value, const std::string& expected) {
  return absl::StrCat("record ", key.first, ":", key.second, ": ", column, " is ", Show(value),
                      " and not ", expected);
}

}  // namespace

std::string JsonSchemaOf(const MatrixCatalog& catalog) {
  std::string text =
      R"({"type":"object","properties":{"id":{"type":"integer"},"at":{"type":"integer"})";
  for (const auto& [name, type] : catalog) {
    absl::StrAppend(&text, ",\"", name, "\":", SchemaOf(type));
  }
  return text + "}}";
}

std::string MatrixReference::Send(int64_t at, const MatrixCatalog& catalog,
                                  std::mt19937_64* random) {
  std::string lines;
  for (int64_t id = 1; id <= 8; ++id) {
    if ((*random)() % 2 == 0) continue;
    Record& record = sent_[{id, at}];
    record.catalog = catalog;
    absl::StrAppend(&lines, "{\"id\":", id, ",\"at\":", at);
    for (const auto& [name, type] : catalog) {
      record.values[name] = RandomValue(type, random);
      absl::StrAppend(&lines, ",\"", name, "\":", ToJson(type, record.values[name]));
    }
    absl::StrAppend(&lines, "}\n");
    syncs_[at].emplace_back(id, at);
    pending_.emplace(id, at);
  }
  return lines;
}

MatrixKey MatrixReference::RecordAt(int64_t at, int64_t offset) const {
  return syncs_.at(at).at(static_cast<size_t>(offset));
}

void MatrixReference::Publish() {
  new_table_ = mode_.replaces;
  if (mode_.replaces) visible_.clear();
  visible_.insert(pending_.begin(), pending_.end());
  pending_.clear();
}

std::set<MatrixKey> MatrixReference::Owed(const std::set<MatrixKey>& rejected) const {
  std::map<int64_t, MatrixKey> newest;
  std::set<MatrixKey> owed;
  for (const MatrixKey& key : visible_) {
    if (rejected.count(key) > 0) continue;
    newest[key.first] = key;  // in the order of `at`
    owed.insert(key);
  }
  if (!mode_.dedup) return owed;
  owed.clear();
  for (const auto& [id, key] : newest) owed.insert(key);
  return owed;
}

std::string MatrixReference::CheckStored(const MatrixKey& key, const MatrixRow& before,
                                         const MatrixRow& row, const MatrixSync& sync) const {
  for (const auto& [column, value] : before.values) {
    if (ValueIn(row, column) == value || sync.dropped.count(column) > 0) continue;
    return Fault(key, column, ValueIn(row, column), absl::StrCat("the stored ", Show(value)));
  }
  return "";
}

std::string MatrixReference::CheckSent(const MatrixKey& key, const MatrixRow& row,
                                       const MatrixSync& sync) const {
  for (const auto& [column, value] : sent_.at(key).values) {
    if (ValueIn(row, column) == value || sync.dropped.count(column) > 0) continue;
    if (value.has_value() && row.entries.count(column) > 0) continue;
    return Fault(key, column, ValueIn(row, column), absl::StrCat("the sent ", Show(value)));
  }
  return "";
}

std::string MatrixReference::CheckMerged(const MatrixKey& key, const MatrixRow& row,
                                         const MatrixTable& table, const MatrixSync& sync) const {
  if (!mode_.dedup || new_table_) return "";
  for (auto before = stored_.lower_bound({key.first, 0});
       before != stored_.end() && before->first.first == key.first; ++before) {
    if (table.count(before->first) > 0) continue;
    for (const auto& stored : before->second.values) {
      const std::string& column = stored.first;
      const std::optional<std::string>& value = stored.second;
      const Record& record = sent_.at(key);
      if (record.values.count(column) > 0 || sync.dropped.count(column) > 0) continue;
      if (ValueIn(row, column) == value) continue;
      // An older record of the key, staged with this one, may have set another value.
      const bool staged =
          std::any_of(sent_.upper_bound(before->first), sent_.find(key), [&](const auto& other) {
            const auto brought = other.second.values.find(column);
            return brought != other.second.values.end() && brought->second == ValueIn(row, column);
          });
      if (staged) continue;
      return Fault(key, column, ValueIn(row, column), absl::StrCat("the kept ", Show(value)));
    }
  }
  return "";
}

std::string MatrixReference::Check(const MatrixTable& table, const MatrixSync& sync) const {
  const std::set<MatrixKey> owed = Owed(sync.rejected);
  for (const MatrixKey& key : owed) {
    if (table.count(key) == 0) return absl::StrCat("lost ", key.first, ":", key.second);
  }
  for (const auto& [key, row] : table) {
    if (owed.count(key) == 0) return absl::StrCat("unexpected ", key.first, ":", key.second);
    const auto before = stored_.find(key);
    const std::string fault = before != stored_.end() && !new_table_
                                  ? CheckStored(key, before->second, row, sync)
                                  : CheckSent(key, row, sync);
    if (!fault.empty()) return fault;
    if (const std::string merged = CheckMerged(key, row, table, sync); !merged.empty()) {
      return merged;
    }
  }
  return "";
}

}  // namespace syncline::testing
