#include "client/sources/decoded_input.h"

#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/sources/foreign_format.h"
#include "client/sources/text_encoding.h"

namespace syncline::client {
namespace {

constexpr int64_t kAnyLines = std::numeric_limits<int64_t>::max();

}  // namespace

absl::StatusOr<std::unique_ptr<DecodedInput>> DecodedInput::Open(int fd,
                                                                 const std::string& encoding,
                                                                 const std::string& file) {
  std::unique_ptr<DecodedInput> input(new DecodedInput(fd));
  SYNCLINE_RETURN_IF_ERROR(input->Decompress(encoding, file));
  SYNCLINE_RETURN_IF_ERROR(input->Convert(encoding));
  return input;
}

absl::Status DecodedInput::Decompress(const std::string& encoding, const std::string& file) {
  bool whole = false;
  SYNCLINE_ASSIGN_OR_RETURN(absl::string_view head,
                            stored_.Peek(kForeignHeadBytes, kAnyLines, &whole));
  compression_ = FindCompression(head);
  decompressed_ = client::Decompress(compression_, &stored_);
  ByteSource* const content = decompressed_ == nullptr ? &stored_ : decompressed_.get();
  content_ = std::make_unique<PeekedBytes>(content);
  SYNCLINE_ASSIGN_OR_RETURN(head, content_->Peek(kForeignHeadBytes, kAnyLines, &whole));
  if (const Compression inner = FindCompression(head);
      compression_ != Compression::kNone && inner != Compression::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("the data is compressed twice, with ", CompressionName(inner), " and then ",
                     CompressionName(compression_), "; decompress it once and load the result"));
  }
  // Text in UTF-16 looks like binary data.
  const bool text = !encoding.empty() || !FindMarkedEncoding(head).empty() ||
                    !FindUnmarkedWideEncoding(head).empty();
  return RefuseForeignFormat(head, file, text);
}

absl::Status DecodedInput::Convert(const std::string& encoding) {
  bool whole = false;
  SYNCLINE_ASSIGN_OR_RETURN(const absl::string_view head,
                            content_->Peek(kEncodingHeadBytes, kAnyLines, &whole));
  const absl::string_view marked = FindMarkedEncoding(head);
  const absl::string_view wide = FindUnmarkedWideEncoding(head);
  const bool unicode = absl::StartsWithIgnoreCase(encoding, "utf");
  if (!encoding.empty() && !marked.empty() && !unicode) {
    return absl::InvalidArgumentError(absl::StrCat("the text has the byte order mark of ", marked,
                                                   ", but --encoding states ", encoding,
                                                   "; leave the flag out"));
  }
  encoding_ = encoding.empty() ? std::string(marked) : NormalizeEncodingName(encoding);
  // Without a mark, Windows writes little endian, but iconv assumes big endian.
  if (encoding_ == "UTF-16" && marked.empty())
    encoding_ = wide.empty() ? "UTF-16LE" : std::string(wide);
  if (encoding_ == "UTF-8") encoding_.clear();
  if (encoding.empty() && !wide.empty() && marked.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the text seems to be ", wide,
                     " without a byte order mark; if it is, add --encoding ", wide));
  }
  ByteSource* text = content_.get();
  if (!encoding_.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(converted_, EncodedBytes::Create(encoding_, content_.get()));
    text = converted_.get();
  }
  text_ = std::make_unique<PeekedBytes>(text);
  return absl::OkStatus();
}

}  // namespace syncline::client
