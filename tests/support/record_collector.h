// A RecordSink that keeps copies of everything that it receives.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/dataflow/parse/record_parser.h"

namespace syncline {

// A Value that owns its text.
struct KeptValue {
  Value::Kind kind = Value::Kind::kNull;
  int64_t scalar = 0;
  int32_t zone_west_seconds = 0;
  std::string text;

  bool is_null() const { return kind == Value::Kind::kNull; }
};

inline KeptValue Keep(const Value& value) {
  KeptValue kept;
  kept.kind = value.kind;
  kept.zone_west_seconds = value.zone_west_seconds;
  if (value.kind == Value::Kind::kScalar) kept.scalar = value.scalar;
  if (value.kind == Value::Kind::kText) kept.text = std::string(value.text());
  return kept;
}

struct KeptRecord {
  int64_t offset = 0;
  int64_t extracted_at_us = 0;
  std::string meta_json;
  std::vector<KeptValue> values;
};

struct KeptReject {
  int64_t offset = 0;
  dataflow::RejectReason reason = dataflow::RejectReason::kInvalidJson;
  std::string raw;
};

class RecordCollector : public dataflow::RecordSink {
 public:
  bool Wants(int64_t offset) override { return unwanted.count(offset) == 0; }

  void OnRecord(const RecordMeta& meta, absl::Span<const Value> values) override {
    KeptRecord record;
    record.offset = meta.offset;
    record.extracted_at_us = meta.extracted_at_us;
    record.meta_json = std::string(meta.meta_json);
    for (const Value& value : values) record.values.push_back(Keep(value));
    records.push_back(std::move(record));
  }

  void OnRejected(int64_t offset, dataflow::RejectReason reason, absl::string_view raw) override {
    rejects.push_back({offset, reason, std::string(raw)});
  }

  void OnUnreadable(int64_t offset, absl::string_view reason, absl::string_view raw) override {
    unreadable.push_back(absl::StrCat(offset, " ", reason, " ", raw));
  }

  std::set<int64_t> unwanted;
  std::vector<KeptRecord> records;
  std::vector<KeptReject> rejects;
  std::vector<std::string> unreadable;  // "offset REASON line"
};

}  // namespace syncline
