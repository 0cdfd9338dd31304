#include "client/sources/gzip_bytes.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::client {
namespace {

constexpr size_t kInputBytes = size_t{64} << 10;
constexpr int kGzipOnly = 16;  // added to the window's bits: expect gzip's header and trailer

}  // namespace

GzipBytes::GzipBytes(ByteSource* source)
    : source_(source), input_(std::make_unique<unsigned char[]>(kInputBytes)) {
  if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) {
    failure_ = absl::ResourceExhaustedError("not enough memory to decompress gzip data");
  }
}

GzipBytes::~GzipBytes() { inflateEnd(&stream_); }

absl::Status GzipBytes::Fault(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat("the gzip data ", what, " at byte ", position(), " of the compressed file"));
}

absl::StatusOr<ByteSource::Event> GzipBytes::Read(bool report_idle, char* buffer, size_t capacity,
                                                  size_t* count) {
  *count = 0;
  SYNCLINE_RETURN_IF_ERROR(failure_);
  stream_.next_out = reinterpret_cast<unsigned char*>(buffer);
  const auto event = Inflate(report_idle, capacity, count);
  if (!event.ok()) failure_ = event.status();
  return event;
}

absl::StatusOr<ByteSource::Event> GzipBytes::Inflate(bool report_idle, size_t capacity,
                                                     size_t* count) {
  const size_t wanted = std::min<size_t>(capacity, std::numeric_limits<uInt>::max());
  stream_.avail_out = static_cast<uInt>(wanted);
  while (true) {
    if (stream_.avail_in == 0) {
      SYNCLINE_ASSIGN_OR_RETURN(const Event event, Fill(report_idle));
      if (event == Event::kEnd && in_member_) {
        return Fault("is cut: the file ends inside the compressed stream");
      }
      if (event != Event::kBytes) return event;
    }
    if (!in_member_) {
      SYNCLINE_RETURN_IF_ERROR(BeginMember());
      continue;
    }
    const int result = inflate(&stream_, Z_NO_FLUSH);
    *count = wanted - stream_.avail_out;
    if (result == Z_STREAM_END) {
      in_member_ = false;
      ++members_;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      if (*count > 0) return Event::kBytes;  // the next call fails
      return Fault(
          absl::StrCat("is damaged (", stream_.msg == nullptr ? "error" : stream_.msg, ")"));
    }
    if (*count > 0) return Event::kBytes;
  }
}

absl::StatusOr<ByteSource::Event> GzipBytes::Fill(bool report_idle) {
  size_t count = 0;
  SYNCLINE_ASSIGN_OR_RETURN(
      const Event event,
      source_->Read(report_idle, reinterpret_cast<char*>(input_.get()), kInputBytes, &count));
  stream_.next_in = input_.get();
  stream_.avail_in = static_cast<uInt>(count);
  read_ += static_cast<int64_t>(count);
  return event;
}

// Prepares for the member at next_in. Skips zeros that pad the data, as on tapes.
absl::Status GzipBytes::BeginMember() {
  if (members_ > 0) {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
      padding_ = true;
    }
    if (stream_.avail_in == 0) return absl::OkStatus();
    if (padding_ || *stream_.next_in != 0x1F) {
      return Fault("is followed by other data");
    }
    inflateReset(&stream_);
  }
  in_member_ = true;
  return absl::OkStatus();
}

}  // namespace syncline::client
