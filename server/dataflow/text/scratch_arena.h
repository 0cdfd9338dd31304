// ScratchArena: memory for the text of one record that cannot be borrowed from the batch, such as
// unescaped strings and rewritten JSON. Allocations stay valid until Reset. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace syncline::dataflow {

class ScratchArena {
 public:
  // Returns uninitialized memory without alignment.
  char* Allocate(size_t bytes) {
    if (bytes > static_cast<size_t>(end_ - next_)) NextChunk(bytes);
    char* start = next_;
    next_ += bytes;
    return start;
  }

  // Releases the bytes after `end`, a position within the latest allocation.
  void TrimTo(char* end) { next_ = end; }

  // Releases all allocations. Keeps up to kRetainedBytes for the next record.
  void Reset();

 private:
  static constexpr size_t kChunkBytes = size_t{16} << 10;
  static constexpr size_t kRetainedBytes = size_t{1} << 20;

  struct Chunk {
    std::unique_ptr<char[]> data;
    size_t size = 0;
  };

  void NextChunk(size_t bytes);

  std::vector<Chunk> chunks_;
  size_t used_chunks_ = 0;
  char* next_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace syncline::dataflow
