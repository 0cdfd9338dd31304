// The four loaders, by what they do with the table.
#pragma once

namespace syncline {

// The loader that publishes a stream.
enum class LoaderKind { kAppend, kDedup, kAppendTruncate, kDedupTruncate };

// Returns whether the loader replaces the table, for which the minimum generation is the
// generation.
inline bool IsTruncate(LoaderKind loader) {
  return loader == LoaderKind::kAppendTruncate || loader == LoaderKind::kDedupTruncate;
}
// Returns whether the loader stages rows in the staging table.
inline bool StagesRows(LoaderKind loader) { return loader != LoaderKind::kAppend; }

}  // namespace syncline
