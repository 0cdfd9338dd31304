#include "server/rpc/status_board.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/version.h"
#include "server/rpc/conversion.h"

namespace syncline::rpc {
namespace {

// Maximum number of syncs; the page indicates that there may be more.
constexpr int kSyncs = 50;
constexpr absl::Duration kViewedWithin = absl::Seconds(10);

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "null";
  return json;
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

}  // namespace

StatusBoard::StatusBoard(sync::SyncRegistry* registry, std::function<ServerFigures()> figures)
    : registry_(registry), figures_(std::move(figures)) {}

std::string StatusBoard::Json() {
  const ServerFigures figures = figures_();
  google::protobuf::Struct server;
  auto& fields = *server.mutable_fields();
  fields["version"].set_string_value(std::string(Version()));
  fields["ready"].set_bool_value(figures.ready);
  fields["reason"].set_string_value(figures.reason);
  fields["started_at"].set_string_value(Rfc3339(started_at_));
  fields["open_streams"].set_number_value(static_cast<double>(figures.open_streams));
  fields["connections"].set_number_value(static_cast<double>(figures.connections));
  fields["buffered_bytes"].set_number_value(static_cast<double>(figures.buffered_bytes));
  google::protobuf::Value error;
  const absl::Time now = absl::Now();
  MutexLock lock(&mutex_);
  asked_at_ = now;
  error.set_string_value(error_);
  return absl::StrCat("{\"server\":", ToJson(server), ",\"now\":\"", Rfc3339(now),
                      "\",\"error\":", ToJson(error), ",\"limit\":", kSyncs, ",\"syncs\":", syncs_,
                      "}\n");
}

void StatusBoard::Refresh() {
  {
    MutexLock lock(&mutex_);
    if (absl::Now() - asked_at_ > kViewedWithin) return;
  }
  const absl::StatusOr<std::vector<SyncEntry>> syncs = registry_->List({.limit = kSyncs});
  std::string json = "[]";
  std::string error;
  if (syncs.ok()) {
    json = absl::StrCat("[",
                        absl::StrJoin(*syncs, ",",
                                      [](std::string* out, const SyncEntry& sync) {
                                        absl::StrAppend(out, ToJson(ToSummary(sync)));
                                      }),
                        "]");
  } else {
    error = absl::StrCat("The syncs cannot be read: ", syncs.status().message());
  }
  MutexLock lock(&mutex_);
  if (syncs.ok()) syncs_ = std::move(json);
  error_ = std::move(error);
}

}  // namespace syncline::rpc
