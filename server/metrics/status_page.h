// The status page: what the server loads now and has loaded, for people.
//
// Static text: the page asks /status.json every two seconds and draws what comes. It loads nothing
// from elsewhere. /status.json is
//   {"server": {"version", "ready", "reason", "started_at", "open_streams", "connections",
//               "buffered_bytes"},
//    "now": "RFC 3339",
//    "error": "why the syncs could not be read, when they could not",
//    "limit": how many syncs are shown at most, the newest ones,
//    "syncs": [SyncSummary of proto/syncline/v1 in protobuf's JSON, names as in the proto]}
#pragma once

#include "server/metrics/http_server.h"

namespace syncline::metrics {

HttpResponse StatusPage();

}  // namespace syncline::metrics
