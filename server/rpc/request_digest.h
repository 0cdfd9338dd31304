// Identifies what a StartSync request asks for. Pure function; any thread.
#pragma once

#include <string>

#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

// Returns the digest of a request. Equal requests have equal digests in this and every later
// release, because fields are serialized by number and there are no maps. Fields that do not change
// what the sync loads are left out.
std::string GetDigest(const v1::StartSyncRequest& request);

}  // namespace syncline::rpc
