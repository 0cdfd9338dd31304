// A byte source that returns a text in pieces of a given size.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "client/sources/byte_source.h"

namespace syncline::testing {

class TextBytes : public client::ByteSource {
 public:
  TextBytes(std::string text, size_t piece) : text_(std::move(text)), piece_(piece) {}

  absl::StatusOr<Event> Read(bool /*report_idle*/, char* buffer, size_t capacity,
                             size_t* count) override {
    *count = std::min({capacity, piece_, text_.size() - at_});
    std::memcpy(buffer, text_.data() + at_, *count);
    at_ += *count;
    return *count == 0 ? Event::kEnd : Event::kBytes;
  }

 private:
  const std::string text_;
  const size_t piece_;
  size_t at_ = 0;
};

// Reads everything. An error is appended as "error: " and its message.
inline std::string ReadAll(client::ByteSource* source, size_t capacity = 1000) {
  std::string all;
  std::string buffer(capacity, '\0');
  while (true) {
    size_t count = 0;
    const auto event = source->Read(false, buffer.data(), capacity, &count);
    all.append(buffer, 0, count);
    if (!event.ok()) return all + "error: " + std::string(event.status().message());
    if (*event == client::ByteSource::Event::kEnd) return all;
  }
}

}  // namespace syncline::testing
