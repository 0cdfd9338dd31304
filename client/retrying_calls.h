// Calls that a run depends on, with retries. Each blocks, and is retried for up to `retry_for`
// while the error is retryable. Errors: the last one.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/sync_client.h"

namespace syncline::client {

absl::StatusOr<v1::StartSyncResponse> StartSyncWithRetries(SyncClient* client,
                                                           const v1::StartSyncRequest& request,
                                                           absl::Duration retry_for);

absl::StatusOr<v1::CompleteStreamResponse> CompleteStreamWithRetries(
    SyncClient* client, const v1::CompleteStreamRequest& request, absl::Duration retry_for);

absl::StatusOr<v1::SyncSummary> GetSyncWithRetries(SyncClient* client, const std::string& sync_id,
                                                   absl::Duration retry_for);

}  // namespace syncline::client
