#include "client/airbyte/message_router.h"

#include <cstring>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/json_scanner.h"
#include "client/json_text.h"
#include "client/record_scanner.h"

namespace syncline::client {
namespace {

constexpr absl::string_view kNamespaceKey = "\"namespace\"";

// Skips white space and consumes `token`.
bool Take(absl::string_view* text, absl::string_view token) {
  while (!text->empty() && IsJsonSpace(text->front())) text->remove_prefix(1);
  return absl::ConsumePrefix(text, token);
}

// Consumes a string without escapes; `*content` is its contents.
bool TakeSimpleString(absl::string_view* text, absl::string_view* content) {
  if (!Take(text, "\"")) return false;
  const size_t quote = text->find('"');
  if (quote == absl::string_view::npos) return false;
  *content = text->substr(0, quote);
  if (absl::StrContains(*content, '\\')) return false;
  text->remove_prefix(quote + 1);
  return true;
}

struct Prefix {
  absl::string_view name;
  absl::string_view name_space;
  bool has_namespace = false;
  const char* data = nullptr;  // where the data begins
};

// Reads {"type":"RECORD","record":{ and the members before "data". Returns false if the line begins
// in any other way.
bool ReadPrefix(absl::string_view line, Prefix* prefix) {
  if (!Take(&line, "{") || !Take(&line, "\"type\"") || !Take(&line, ":") ||
      !Take(&line, "\"RECORD\"") || !Take(&line, ",") || !Take(&line, "\"record\"") ||
      !Take(&line, ":") || !Take(&line, "{")) {
    return false;
  }
  bool has_name = false;
  absl::string_view key;
  while (TakeSimpleString(&line, &key) && Take(&line, ":")) {
    if (key == "data") {
      prefix->data = line.data();
      return has_name;
    }
    if (key == "stream") {
      if (!TakeSimpleString(&line, &prefix->name)) return false;
      has_name = true;
    } else if (key == "namespace") {
      prefix->has_namespace = true;
      if (!Take(&line, "null") && !TakeSimpleString(&line, &prefix->name_space)) return false;
    } else if (!TakeJson(&line).has_value()) {
      return false;
    }
    if (!Take(&line, ",")) return false;
  }
  return false;
}

std::string StringOrEmpty(const std::optional<JsonText>& value) {
  return value.has_value() && value->kind == JsonKind::kString ? UnescapeJson(*value) : "";
}

}  // namespace

bool MessageRouter::AddStream(absl::string_view name_space, absl::string_view name, int index) {
  return streams_.emplace(absl::StrCat(name_space, absl::string_view("\0", 1), name), index).second;
}

int MessageRouter::Find(absl::string_view name_space, absl::string_view name) const {
  const auto found = streams_.find(absl::StrCat(name_space, absl::string_view("\0", 1), name));
  return found == streams_.end() ? -1 : found->second;
}

void MessageRouter::Begin(absl::string_view piece) {
  piece_end_ = piece.data() + piece.size();
  next_namespace_ = nullptr;
}

const char* MessageRouter::NextNamespace(const char* from) {
  if (next_namespace_ != nullptr && next_namespace_ >= from) return next_namespace_;
  const void* const found = memmem(from, static_cast<size_t>(piece_end_ - from),
                                   kNamespaceKey.data(), kNamespaceKey.size());
  next_namespace_ = found == nullptr ? piece_end_ : static_cast<const char*>(found);
  return next_namespace_;
}

RoutedMessage MessageRouter::ToStream(absl::string_view name_space, absl::string_view name) const {
  const int index = Find(name_space, name);
  if (index >= 0) return {MessageKind::kRecord, index, ""};
  return {MessageKind::kUnknownStream, -1,
          name_space.empty() ? std::string(name) : absl::StrCat(name_space, ".", name)};
}

RoutedMessage MessageRouter::Route(absl::string_view line) {
  while (!line.empty() && IsJsonSpace(line.back())) line.remove_suffix(1);
  if (line.empty()) return {MessageKind::kBlank, -1, ""};
  RoutedMessage routed;
  if (RouteFast(line, &routed)) return routed;
  return RouteSlow(line);
}

bool MessageRouter::RouteFast(absl::string_view line, RoutedMessage* routed) {
  if (!absl::EndsWith(line, "}")) return false;
  if (prefix_.empty() || !absl::StartsWith(line, prefix_)) {
    Prefix prefix;
    if (!ReadPrefix(line, &prefix)) return false;
    prefix_.assign(line.data(), static_cast<size_t>(prefix.data - line.data()));
    prefix_name_ = std::string(prefix.name);
    prefix_has_namespace_ = prefix.has_namespace;
    prefix_routed_ = ToStream(prefix.name_space, prefix.name);
  }
  const char* const data = line.data() + prefix_.size();
  if (NextNamespace(data) >= line.data() + line.size() || prefix_has_namespace_) {
    *routed = prefix_routed_;
    return true;
  }
  absl::string_view name_space;
  if (!ReadTail(line, data, &name_space)) return false;
  *routed = ToStream(name_space, prefix_name_);
  return true;
}

// For a line whose only "namespace" after `data` is its last member: ..."namespace":"x"}}
bool MessageRouter::ReadTail(absl::string_view line, const char* data,
                             absl::string_view* name_space) {
  const char* const key = NextNamespace(data);
  const char* const line_end = line.data() + line.size();
  absl::string_view tail(key, static_cast<size_t>(line_end - key));
  // It is a member's key only if a comma precedes it; a value may also be this word.
  const char* before = key - 1;
  while (before > data && IsJsonSpace(*before)) --before;
  if (*before != ',') return false;
  tail.remove_prefix(kNamespaceKey.size());
  if (!Take(&tail, ":")) return false;
  if (!Take(&tail, "null") && !TakeSimpleString(&tail, name_space)) return false;
  return Take(&tail, "}") && Take(&tail, "}") && tail.empty();
}

// For a RECORD with data that is not JSON, such as Python's NaN: the server decides what becomes of
// it, as for lines that take the fast path.
RoutedMessage MessageRouter::RouteUnchecked(absl::string_view line) {
  std::optional<JsonText> type, record, name, name_space, data;
  const auto visit_message = [&](absl::string_view key, JsonText value) {
    if (key == "type") type = value;
    if (key == "record") record = value;
  };
  const auto visit_record = [&](absl::string_view key, JsonText value) {
    if (key == "stream") name = value;
    if (key == "namespace") name_space = value;
    if (key == "data") data = value;
  };
  if (!ScanRecord(line, visit_message) || !type.has_value() || type->raw != "\"RECORD\"" ||
      !record.has_value() || !ScanRecord(record->raw, visit_record) || !data.has_value() ||
      StringOrEmpty(name).empty()) {
    return {};
  }
  ++slow_lines_;
  return ToStream(StringOrEmpty(name_space), StringOrEmpty(name));
}

RoutedMessage MessageRouter::RouteSlow(absl::string_view line) {
  const auto message = ParseJson(line);
  if (!message.has_value()) return RouteUnchecked(line);
  const auto type = FindMember(*message, "type");
  if (!type.has_value() || type->kind != JsonKind::kString) return {MessageKind::kForeign, -1, ""};
  if (type->raw == "\"STATE\"") return {MessageKind::kState, -1, ""};
  if (type->raw == "\"TRACE\"") return {MessageKind::kTrace, -1, ""};
  if (type->raw == "\"LOG\"") return {MessageKind::kLog, -1, ""};
  if (type->raw == "\"CONNECTION_STATUS\"") return {MessageKind::kConnectionStatus, -1, ""};
  if (type->raw != "\"RECORD\"") return {MessageKind::kOther, -1, ""};
  ++slow_lines_;
  const auto record = FindMember(*message, "record");
  if (!record.has_value()) return {};
  const std::string name = StringOrEmpty(FindMember(*record, "stream"));
  if (name.empty() || !FindMember(*record, "data").has_value()) return {};
  return ToStream(StringOrEmpty(FindMember(*record, "namespace")), name);
}

}  // namespace syncline::client
