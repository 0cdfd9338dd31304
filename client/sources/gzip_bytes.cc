#include "client/sources/gzip_bytes.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::client {
namespace {

constexpr size_t kInputBytes = size_t{64} << 10;

absl::string_view DescribeError(int error) {
  switch (error) {
    case ISAL_INCORRECT_CHECKSUM:
      return "incorrect data check";
    case ISAL_INVALID_WRAPPER:
    case ISAL_UNSUPPORTED_METHOD:
      return "invalid header";
    default:
      return "invalid compressed data";
  }
}

}  // namespace

GzipBytes::GzipBytes(ByteSource* source)
    : source_(source),
      input_(std::make_unique<unsigned char[]>(kInputBytes)),
      state_(std::make_unique<inflate_state>()) {
  isal_inflate_init(state_.get());
  state_->crc_flag = ISAL_GZIP;  // expects gzip's header, and checks its trailer
}

GzipBytes::~GzipBytes() = default;

int64_t GzipBytes::position() const { return read_ - static_cast<int64_t>(state_->avail_in); }

absl::Status GzipBytes::Fault(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat("the gzip data ", what, " at byte ", position(), " of the compressed file"));
}

absl::StatusOr<ByteSource::Event> GzipBytes::Read(bool report_idle, char* buffer, size_t capacity,
                                                  size_t* count) {
  *count = 0;
  SYNCLINE_RETURN_IF_ERROR(failure_);
  state_->next_out = reinterpret_cast<uint8_t*>(buffer);
  const auto event = Inflate(report_idle, capacity, count);
  if (!event.ok()) failure_ = event.status();
  return event;
}

absl::StatusOr<ByteSource::Event> GzipBytes::Inflate(bool report_idle, size_t capacity,
                                                     size_t* count) {
  const size_t wanted = std::min<size_t>(capacity, std::numeric_limits<uint32_t>::max());
  state_->avail_out = static_cast<uint32_t>(wanted);
  while (true) {
    if (state_->avail_in == 0 && !has_output_) {
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
    const int result = isal_inflate(state_.get());
    *count = wanted - state_->avail_out;
    has_output_ = state_->avail_out == 0;
    if (result != ISAL_DECOMP_OK) {
      failure_ = Fault(absl::StrCat("is damaged (", DescribeError(result), ")"));
      if (*count == 0) return failure_;
    } else if (state_->block_state == ISAL_BLOCK_FINISH) {
      in_member_ = false;
      has_output_ = false;
      ++members_;
    }
    if (*count > 0) return Event::kBytes;
  }
}

absl::StatusOr<ByteSource::Event> GzipBytes::Fill(bool report_idle) {
  size_t count = 0;
  SYNCLINE_ASSIGN_OR_RETURN(
      const Event event,
      source_->Read(report_idle, reinterpret_cast<char*>(input_.get()), kInputBytes, &count));
  state_->next_in = input_.get();
  state_->avail_in = static_cast<uint32_t>(count);
  read_ += static_cast<int64_t>(count);
  return event;
}

// Prepares for the member at next_in. Skips zeros that pad the data, as on tapes.
absl::Status GzipBytes::BeginMember() {
  if (members_ > 0) {
    while (state_->avail_in > 0 && *state_->next_in == 0) {
      ++state_->next_in;
      --state_->avail_in;
      padding_ = true;
    }
    if (state_->avail_in == 0) return absl::OkStatus();
    if (padding_ || *state_->next_in != 0x1F) {
      return Fault("is followed by other data");
    }
    isal_inflate_reset(state_.get());
  }
  in_member_ = true;
  return absl::OkStatus();
}

}  // namespace syncline::client
