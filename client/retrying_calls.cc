#include "client/retrying_calls.h"

#include "base/status_macros.h"
#include "client/retry.h"

namespace syncline::client {
namespace {

template <typename Call>
auto CallWithRetries(SyncClient* client, absl::Duration retry_for, const Call& call)
    -> decltype(call()) {
  Retry retry(client->outage(), retry_for);
  while (true) {
    auto response = call();
    if (response.ok()) return response;
    SYNCLINE_RETURN_IF_ERROR(retry.WaitAfter(response.status()));
  }
}

}  // namespace

absl::StatusOr<v1::StartSyncResponse> StartSyncWithRetries(SyncClient* client,
                                                           const v1::StartSyncRequest& request,
                                                           absl::Duration retry_for) {
  return CallWithRetries(client, retry_for, [&] { return client->StartSync(request); });
}

absl::StatusOr<v1::CompleteStreamResponse> CompleteStreamWithRetries(
    SyncClient* client, const v1::CompleteStreamRequest& request, absl::Duration retry_for) {
  return CallWithRetries(client, retry_for, [&] { return client->CompleteStream(request); });
}

absl::StatusOr<v1::SyncSummary> GetSyncWithRetries(SyncClient* client, const std::string& sync_id,
                                                   absl::Duration retry_for) {
  return CallWithRetries(client, retry_for, [&] { return client->GetSync(sync_id); });
}

}  // namespace syncline::client
