// Decompresses gzip data, of one or several members, with ISA-L. Decision 0046 says why not zlib.
//
// libarchive, which reads the other compressions, does not check gzip's checksums and ignores what
// follows the data. For use by one thread.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/sources/byte_source.h"

struct inflate_state;

namespace syncline::client {

class GzipBytes : public ByteSource {
 public:
  // `source` must outlive this object.
  explicit GzipBytes(ByteSource* source);
  ~GzipBytes() override;
  GzipBytes(const GzipBytes&) = delete;
  GzipBytes& operator=(const GzipBytes&) = delete;

  absl::StatusOr<Event> Read(bool report_idle, char* buffer, size_t capacity,
                             size_t* count) override;

 private:
  absl::StatusOr<Event> Inflate(bool report_idle, size_t capacity, size_t* count);
  absl::StatusOr<Event> Fill(bool report_idle);
  absl::Status BeginMember();
  absl::Status Fault(absl::string_view what) const;
  // Returns how many bytes of compressed data were used.
  int64_t position() const;

  ByteSource* const source_;
  const std::unique_ptr<unsigned char[]> input_;
  const std::unique_ptr<inflate_state> state_;
  bool in_member_ = false;
  bool has_output_ = false;  // more can be read without further input
  bool padding_ = false;     // zeros follow the last member
  int64_t members_ = 0;      // that have ended
  int64_t read_ = 0;         // bytes of compressed data
  absl::Status failure_;
};

}  // namespace syncline::client
