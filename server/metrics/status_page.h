// The status page: shows the running and finished syncs in a browser.
//
// The page is static. Its script requests /status.json every two seconds and renders the result. It
// loads nothing from other hosts. /status.json is
//   {"server": {"version", "ready", "reason", "started_at", "open_streams", "connections",
//               "buffered_bytes"},
//    "now": "RFC 3339",
//    "error": "why the syncs could not be read; empty if they were",
//    "limit": maximum number of syncs, which are the newest ones,
//    "syncs": [SyncSummary of proto/syncline/v1 in protobuf's JSON, names as in the proto]}
#pragma once

#include "server/metrics/http_server.h"

namespace syncline::metrics {

HttpResponse StatusPage();

}  // namespace syncline::metrics
