// Decompresses zstd, bzip2 and xz data with libarchive. For use by one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/byte_source.h"
#include "client/sources/compression.h"

struct archive;

namespace syncline::client {

class ArchiveBytes : public ByteSource {
 public:
  // `source` must outlive this object. `compression` is kZstd, kBzip2 or kXz.
  ArchiveBytes(Compression compression, ByteSource* source);
  ~ArchiveBytes() override;
  ArchiveBytes(const ArchiveBytes&) = delete;
  ArchiveBytes& operator=(const ArchiveBytes&) = delete;

  // Never returns kIdle, because libarchive cannot stop while it waits for input.
  absl::StatusOr<Event> Read(bool report_idle, char* buffer, size_t capacity,
                             size_t* count) override;

 private:
  // Called by libarchive for more input. Returns its size, 0 at the end, or -1 for an error.
  static ptrdiff_t ReadInput(archive* reader, void* self, const void** input);

  absl::Status Open();
  absl::StatusOr<Event> NextBlock();
  absl::Status CheckEnd();
  absl::Status Fault() const;
  int64_t position() const;

  const Compression compression_;
  ByteSource* const source_;
  const std::unique_ptr<char[]> input_;
  archive* reader_;
  bool opened_ = false;
  absl::string_view block_;  // decompressed and not yet returned
  int64_t read_ = 0;         // bytes of compressed data
  bool input_ended_ = false;
  bool interrupted_ = false;
  bool ended_ = false;
  absl::Status failure_;
};

}  // namespace syncline::client
