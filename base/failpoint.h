// Failpoints: places in the server where a test can stop it, so that a fault happens at a moment
// that timing alone would not reach.
//
// The libraries of the product contain none: SYNCLINE_FAILPOINT expands to nothing unless the file
// is compiled with SYNCLINE_FAILPOINTS. Only the second server of the fault tests is, with the
// build option of that name. tests/support/failpoint.cc implements ReachFailpoint and describes
// what a failpoint can do. Thread-safe. A failpoint that is not armed has no effect.
#pragma once

#ifdef SYNCLINE_FAILPOINTS
#include "absl/status/status.h"
#include "base/status_macros.h"
#endif

namespace syncline::failpoint {

// A lane is about to parse a batch.
inline constexpr char kDecode[] = "decode";
// The rows of a block are sent; COPY has not ended.
inline constexpr char kCopySent[] = "copy_sent";
// COPY has ended; the writer's row in the ledger is unchanged.
inline constexpr char kCopied[] = "copied";
// Rows and ledger are written and the writer's row is locked; COMMIT has not been sent. Of a small
// block: the statement that commits it has not been sent.
inline constexpr char kBeforeCommit[] = "before_commit";
// Several small blocks have been taken for one commit; nothing has been sent.
inline constexpr char kGroupTaken[] = "group_taken";
// The statements of several small blocks and their COMMIT have been sent; no result has been read.
inline constexpr char kGroupSent[] = "group_sent";
// Several small blocks are committed; no lane has been informed.
inline constexpr char kGroupCommitted[] = "group_committed";
// COMMIT has succeeded; the caller has not been informed.
inline constexpr char kCommitted[] = "committed";
// Staged rows are merged and the staging table is dropped; COMMIT has not been sent.
inline constexpr char kMerged[] = "merged";
// The merge is committed; the caller has not been informed.
inline constexpr char kMergeCommitted[] = "merge_committed";
// The rows are replaced in place and the staging table is dropped; COMMIT has not been sent.
inline constexpr char kReplacedInPlace[] = "replaced_in_place";
// The in-place replace is committed; the caller has not been informed.
inline constexpr char kReplaceCommitted[] = "replace_committed";
// The target's locks are held, the old table is gone and the new one has its name; COMMIT has not
// been sent.
inline constexpr char kSwapped[] = "swapped";
// The swap is committed; old kept tables are not pruned and the caller has not been informed.
inline constexpr char kSwapCommitted[] = "swap_committed";

}  // namespace syncline::failpoint

#ifdef SYNCLINE_FAILPOINTS
namespace syncline {
// Performs the action that `name` is armed with. Returns an error only if that action is to fail.
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
