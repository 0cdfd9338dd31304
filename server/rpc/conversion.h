// Conversions between the messages of the API and the model.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/model/rejected_page.h"
#include "server/model/rejected_record.h"
#include "server/model/stream.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/model/validation.h"
#include "server/sync/start_request.h"
#include "server/sync/sync_event.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

StreamDescriptor FromProto(const v1::StreamDescriptor& descriptor);

PublishGuard FromProto(const v1::PublishGuard& guard);

// Errors: INVALID_ARGUMENT for an unset or unknown write mode.
absl::StatusOr<sync::StartRequest> FromProto(const v1::StartSyncRequest& request);

v1::StreamPlan ToPlan(const StreamEntry& stream);
v1::SyncSummary ToSummary(const SyncEntry& sync);
v1::Validation ToProto(const Validation& validation);
v1::Outcome ToProto(StreamOutcome outcome);
v1::RejectedRecord ToProto(const ListedRejection& rejection);
// Returns the bytes of the WatchSyncResponse for `event`.
std::string Encode(sync::SyncEvent event);

}  // namespace syncline::rpc
