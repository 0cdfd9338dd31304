#include "client/sources/encoded_bytes.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::client {
namespace {

constexpr size_t kInputBytes = size_t{64} << 10;

iconv_t NoConverter() { return reinterpret_cast<iconv_t>(-1); }  // NOLINT: iconv's own constant

}  // namespace

absl::StatusOr<std::unique_ptr<EncodedBytes>> EncodedBytes::Create(const std::string& encoding,
                                                                   ByteSource* source) {
  const iconv_t converter = iconv_open("UTF-8", encoding.c_str());
  if (converter == NoConverter()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the encoding ", encoding, " is not known; 'iconv -l' lists the names, such as latin1"));
  }
  return std::unique_ptr<EncodedBytes>(new EncodedBytes(converter, encoding, source));
}

EncodedBytes::EncodedBytes(iconv_t converter, std::string encoding, ByteSource* source)
    : converter_(converter), encoding_(std::move(encoding)), source_(source) {}

EncodedBytes::~EncodedBytes() { iconv_close(converter_); }

absl::Status EncodedBytes::Fault(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat("the text is not ", encoding_, ": ", what, " on line ", lines_ + 1, ", byte ",
                   converted_ + 1, " of the text; name its encoding with --encoding"));
}

absl::StatusOr<ByteSource::Event> EncodedBytes::Read(bool report_idle, char* buffer,
                                                     size_t capacity, size_t* count) {
  *count = 0;
  SYNCLINE_RETURN_IF_ERROR(failure_);
  const auto event = Convert(report_idle, buffer, capacity, count);
  if (!event.ok()) failure_ = event.status();
  return event;
}

absl::StatusOr<ByteSource::Event> EncodedBytes::Convert(bool report_idle, char* buffer,
                                                        size_t capacity, size_t* count) {
  while (true) {
    if (needs_more_) {
      SYNCLINE_ASSIGN_OR_RETURN(const Event event, Fill(report_idle));
      if (event == Event::kEnd && begin_ < input_.size())
        return Fault("it ends inside a character");
      if (event != Event::kBytes) return event;
    }
    char* from = input_.data() + begin_;
    size_t from_left = input_.size() - begin_;
    char* to = buffer;
    size_t to_left = capacity;
    const size_t result = iconv(converter_, &from, &from_left, &to, &to_left);
    const int error = result == static_cast<size_t>(-1) ? errno : 0;
    const size_t used = input_.size() - begin_ - from_left;
    begin_ += used;
    converted_ += static_cast<int64_t>(used);
    *count = capacity - to_left;
    lines_ += std::count(buffer, buffer + *count, '\n');
    needs_more_ = error == 0 || error == EINVAL;
    if (*count > 0) return Event::kBytes;  // a fault is found again by the next call
    if (error == EILSEQ) return Fault("there is no such character");
    if (error == E2BIG) return absl::InternalError("the buffer for converted text is too small");
  }
}

absl::StatusOr<ByteSource::Event> EncodedBytes::Fill(bool report_idle) {
  input_.erase(0, begin_);
  begin_ = 0;
  const size_t kept = input_.size();
  input_.resize(kept + kInputBytes);
  size_t count = 0;
  const auto event = source_->Read(report_idle, input_.data() + kept, kInputBytes, &count);
  input_.resize(kept + count);
  return event;
}

}  // namespace syncline::client
