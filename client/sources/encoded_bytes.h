// Converts text of any encoding that the C library knows to UTF-8. For use by one thread.
#pragma once

#include <iconv.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/byte_source.h"

namespace syncline::client {

class EncodedBytes : public ByteSource {
 public:
  // `encoding` is a name of iconv; `source` must outlive the result. Errors: INVALID_ARGUMENT if
  // the encoding is not known.
  static absl::StatusOr<std::unique_ptr<EncodedBytes>> Create(const std::string& encoding,
                                                              ByteSource* source);
  ~EncodedBytes() override;
  EncodedBytes(const EncodedBytes&) = delete;
  EncodedBytes& operator=(const EncodedBytes&) = delete;

  // `capacity` must be at least 4. Errors: INVALID_ARGUMENT with the line and the byte of what is
  // not a character, also if the input ends inside a character.
  absl::StatusOr<Event> Read(bool report_idle, char* buffer, size_t capacity,
                             size_t* count) override;

 private:
  EncodedBytes(iconv_t converter, std::string encoding, ByteSource* source);

  absl::StatusOr<Event> Convert(bool report_idle, char* buffer, size_t capacity, size_t* count);
  absl::StatusOr<Event> Fill(bool report_idle);
  absl::Status Fault(absl::string_view what) const;

  const iconv_t converter_;
  const std::string encoding_;
  ByteSource* const source_;
  std::string input_;  // read and not yet converted, from begin_ on
  size_t begin_ = 0;
  int64_t converted_ = 0;   // bytes of input
  int64_t lines_ = 0;       // line breaks converted
  bool needs_more_ = true;  // the input that was read ends inside a character
  absl::Status failure_;
};

}  // namespace syncline::client
