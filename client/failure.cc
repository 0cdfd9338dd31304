#include "client/failure.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "client/call_error.h"
#include "client/exit_code.h"
#include "client/name_hint.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

constexpr int kSuggestedSyncs = 200;  // that are searched for a similar id

}  // namespace

int ReportOutput(const LineOutput& output) {
  const absl::Status status = output.status();
  if (status.ok()) return kExitOk;
  PrintMessage(status.message());
  return kExitFailed;
}

int ReportFailure(const absl::Status& status) {
  if (GetReason(status).empty()) {
    PrintMessage(status.message());
  } else {
    PrintMessage(Explain(status, ""));
  }
  return IsUsageError(status) ? kExitUsage : kExitFailed;
}

int ReportCallFailure(const absl::Status& status, absl::string_view server) {
  PrintMessage(Explain(status, server));
  return kExitFailed;
}

int ReportSyncFailure(const absl::Status& status, absl::string_view sync_id,
                      const Destination& destination) {
  std::string hint;
  if (GetReason(status) == reason::kUnknownSync) {
    v1::ListSyncsRequest newest;
    newest.set_page_size(kSuggestedSyncs);
    const auto page = destination.client()->ListSyncs(newest);
    std::vector<std::string> ids;
    if (page.ok()) {
      for (const v1::SyncSummary& sync : page->syncs()) ids.push_back(sync.sync_id());
    }
    hint = SuggestName(sync_id, ids);
  }
  PrintMessage(absl::StrCat(Explain(status, destination.name()), hint));
  return kExitFailed;
}

}  // namespace syncline::client
