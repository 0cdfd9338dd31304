// Ends one stream of a run, and asks the ledger what became of its records.
//
// Blocking calls, any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/report.h"
#include "client/sync_client.h"

namespace syncline::client {

// CompleteStream, tried again while that may help.
absl::Status EndStream(SyncClient* client, const v1::CompleteStreamRequest& request,
                       absl::Duration retry_for);

// Completes a stream that must hold every record as it was sent. FAILED_PRECONDITION lists what was
// rejected, nulled, truncated or not declared; the stream is then ended as incomplete unless
// `keep_open`.
absl::Status EndStreamStrictly(SyncClient* client, const v1::CompleteStreamRequest& request,
                               const v1::StreamPlan& plan, bool keep_open,
                               absl::Duration retry_for);

}  // namespace syncline::client
