#include "client/schema_inference.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/json_string.h"
#include "base/utf8.h"
#include "client/record_scanner.h"

namespace syncline::client {

bool SchemaInference::AddLine(absl::string_view line) {
  found_.clear();
  const bool whole = ScanRecord(line, [this](absl::string_view raw_key, JsonText value) {
    found_.emplace_back(raw_key, value);
  });
  if (!whole) return false;
  for (size_t i = 0; i < found_.size(); ++i) {
    const bool known = i < expected_.size() && expected_[i].raw_key == found_[i].first;
    if (!known && !IsUtf8(found_[i].first)) return false;
  }
  for (size_t i = 0; i < found_.size(); ++i) AddMember(i, found_[i].first, found_[i].second);
  return true;
}

void SchemaInference::AddMember(size_t position, absl::string_view raw_key, JsonText value) {
  if (position >= expected_.size() || expected_[position].raw_key != raw_key) {
    const JsonText quoted{JsonKind::kString,
                          absl::string_view(raw_key.data() - 1, raw_key.size() + 2)};
    expected_.resize(std::max(expected_.size(), position + 1));
    expected_[position] = {std::string(raw_key), FindOrAddColumn(UnescapeJson(quoted))};
  }
  const size_t index = expected_[position].index;
  if (value.kind == JsonKind::kString && !CanChange(index)) return;
  AddValue(index, InferJsonType(value));
}

size_t SchemaInference::FindOrAddColumn(const std::string& column) {
  const auto [found, added] = index_.emplace(column, columns_.size());
  if (added) columns_.emplace_back(column, InferredType::kNone);
  return found->second;
}

void SchemaInference::AddValue(const std::string& column, InferredType type) {
  AddValue(FindOrAddColumn(column), type);
}

void SchemaInference::Add(const SchemaInference& other) {
  for (const auto& [column, type] : other.columns_) AddValue(column, type);
}

std::string SchemaInference::JsonSchema(const std::map<std::string, std::string>& declared) const {
  std::string schema = R"({"type":"object","properties":{)";
  const size_t start = schema.size();
  const auto add = [&](absl::string_view column, absl::string_view property) {
    if (schema.size() > start) schema.push_back(',');
    AppendJsonString(column, &schema);
    absl::StrAppend(&schema, ":", property);
  };
  for (const auto& [column, type] : columns_) {
    const auto stated = declared.find(column);
    add(column, stated == declared.end() ? PropertySchema(type) : stated->second);
  }
  for (const auto& [column, property] : declared) {
    if (index_.find(column) == index_.end()) add(column, property);
  }
  return schema + "}}";
}

}  // namespace syncline::client
