// The failpoints: places in the server where a test stops it, so that a fault strikes at a moment
// that no timing would hit.
//
// A library of the product holds none: SYNCLINE_FAILPOINT is nothing unless the file is compiled
// with SYNCLINE_FAILPOINTS, which only the second server of the fault tests is (the build option of
// that name; tests/support/failpoint.cc is the other half, and says what a failpoint can do).
// Thread-safe. A failpoint that is not armed changes nothing.
#pragma once

#ifdef SYNCLINE_FAILPOINTS
#include "absl/status/status.h"
#include "base/status_macros.h"
#endif

namespace syncline::failpoint {

// A lane is about to parse a batch.
inline constexpr char kDecode[] = "decode";
// A block's rows are sent, COPY is not ended.
inline constexpr char kCopySent[] = "copy_sent";
// COPY has ended; the writer's row is not touched.
inline constexpr char kCopied[] = "copied";
// Rows and ledger are written, the writer's row is locked; COMMIT is not sent.
inline constexpr char kBeforeCommit[] = "before_commit";
// COMMIT has succeeded; nobody was told.
inline constexpr char kCommitted[] = "committed";
// Staged rows are merged and staging is dropped; COMMIT is not sent.
inline constexpr char kMerged[] = "merged";
// The merge is committed; nobody was told.
inline constexpr char kMergeCommitted[] = "merge_committed";
// The target's locks are held, the old table is gone and the new one has its name; COMMIT is not
// sent.
inline constexpr char kSwapped[] = "swapped";
// The swap is committed; replaced tables that are kept are not pruned, and nobody was told.
inline constexpr char kSwapCommitted[] = "swap_committed";

}  // namespace syncline::failpoint

#ifdef SYNCLINE_FAILPOINTS
namespace syncline {
// Does what `name` is armed with; an error only when that is to fail.
absl::Status ReachFailpoint(const char* name);
}  // namespace syncline
#define SYNCLINE_FAILPOINT(name) \
  ::syncline::ReachFailpoint(::syncline::failpoint::name).IgnoreError()
#define SYNCLINE_FAILPOINT_OR_RETURN(name) \
  SYNCLINE_RETURN_IF_ERROR(::syncline::ReachFailpoint(::syncline::failpoint::name))
#else
#define SYNCLINE_FAILPOINT(name) static_cast<void>(0)
#define SYNCLINE_FAILPOINT_OR_RETURN(name) static_cast<void>(0)
#endif
