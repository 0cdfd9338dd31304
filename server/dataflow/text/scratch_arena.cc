#include "server/dataflow/text/scratch_arena.h"

#include <algorithm>
#include <utility>

namespace syncline::dataflow {

void ScratchArena::NextChunk(size_t bytes) {
  if (used_chunks_ == chunks_.size() || chunks_[used_chunks_].size < bytes) {
    Chunk chunk;
    chunk.size = std::max(bytes, kChunkBytes);
    chunk.data.reset(new char[chunk.size]);  // make_unique would zero it
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(used_chunks_), std::move(chunk));
  }
  next_ = chunks_[used_chunks_].data.get();
  end_ = next_ + chunks_[used_chunks_].size;
  ++used_chunks_;
}

void ScratchArena::Reset() {
  if (used_chunks_ == 0) return;
  size_t retained = 0;
  size_t kept = 0;
  while (kept < chunks_.size() && retained + chunks_[kept].size <= kRetainedBytes) {
    retained += chunks_[kept].size;
    ++kept;
  }
  chunks_.resize(kept);
  used_chunks_ = std::min<size_t>(kept, 1);
  next_ = kept == 0 ? nullptr : chunks_[0].data.get();
  end_ = kept == 0 ? nullptr : next_ + chunks_[0].size;
}

}  // namespace syncline::dataflow
