// Ends one stream of a run, after checking its counts in the ledger if it is strict.
//
// The functions block; any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/report.h"
#include "client/sync_client.h"

namespace syncline::client {

// Calls CompleteStream, with retries for up to `retry_for`.
absl::Status EndStream(SyncClient* client, const v1::CompleteStreamRequest& request,
                       absl::Duration retry_for);

// Completes a stream only if every record was stored as it was sent. Otherwise returns
// FAILED_PRECONDITION with what was rejected, nulled, truncated or not declared, and ends the
// stream as incomplete unless `keep_open` is set.
absl::Status EndStreamStrictly(SyncClient* client, const v1::CompleteStreamRequest& request,
                               const v1::StreamPlan& plan, bool keep_open,
                               absl::Duration retry_for);

}  // namespace syncline::client
