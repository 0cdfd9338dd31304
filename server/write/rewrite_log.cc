#include "server/write/rewrite_log.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/log.h"
#include "server/model/evolution_plan.h"

namespace syncline::write {
namespace {

// Maximum changes in a log line; a wide table may have a thousand.
constexpr size_t kMaxLoggedChanges = 20;

std::string ChangesText(const std::vector<SchemaChange>& changes) {
  std::vector<std::string> texts;
  for (const SchemaChange& change : changes) {
    if (!change.rewrites) continue;
    if (texts.size() == kMaxLoggedChanges) {
      texts.push_back("and more");
      break;
    }
    texts.push_back(Describe(change));
  }
  return absl::StrJoin(texts, "; ");
}

}  // namespace

bool Rewrites(const std::vector<SchemaChange>& changes) {
  return std::any_of(changes.begin(), changes.end(),
                     [](const SchemaChange& change) { return change.rewrites; });
}

absl::Status LogRewrite(const Rewrite& rewrite, absl::FunctionRef<absl::Status()> body) {
  const std::string changes = ChangesText(rewrite.changes);
  Log(LogLevel::kInfo, "table_rewrite_started")
      .Field("table", rewrite.table.ToString())
      .Field("table_bytes", rewrite.table_bytes)
      .Field("changes", changes);
  const absl::Time started = absl::Now();
  const absl::Status status = body();
  Log line(status.ok() ? LogLevel::kInfo : LogLevel::kWarning,
           status.ok() ? "table_rewritten" : "table_rewrite_failed");
  line.Field("table", rewrite.table.ToString())
      .Field("table_bytes", rewrite.table_bytes)
      .Field("changes", changes)
      .Field("took", absl::Now() - started);
  if (!status.ok()) line.Error(status);
  return status;
}

}  // namespace syncline::write
