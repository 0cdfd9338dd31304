// BufferTextsView: reads the texts of BufferTexts by their offsets. Immutable.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

class BufferTextsView {
 public:
  BufferTextsView() = default;
  // `texts` must outlive the view.
  explicit BufferTextsView(const v1::BufferTexts& texts)
      : offsets_(&texts.offsets()), data_(&texts.data()), wide_(texts.wide()) {
    if (count() > 0) first_ = OffsetAt(0);
  }

  // Number of whole offsets.
  int64_t count() const {
    return static_cast<int64_t>(offsets_->size() / (wide_ ? sizeof(int64_t) : sizeof(int32_t)));
  }

  // Offset `index`, which must be less than count().
  int64_t OffsetAt(int64_t index) const {
    return wide_ ? Load<int64_t>(index) : int64_t{Load<int32_t>(index)};
  }

  // The text of `row`. The message must have passed CheckRowBatch.
  absl::string_view TextAt(int64_t row) const {
    const int64_t begin = OffsetAt(row);
    return {data_->data() + (begin - first_), static_cast<size_t>(OffsetAt(row + 1) - begin)};
  }

 private:
  template <typename Offset>
  Offset Load(int64_t index) const {
    Offset offset;
    std::memcpy(&offset, offsets_->data() + static_cast<size_t>(index) * sizeof(Offset),
                sizeof(Offset));
    return offset;
  }

  const std::string* offsets_ = nullptr;
  const std::string* data_ = nullptr;
  int64_t first_ = 0;
  bool wide_ = false;
};

}  // namespace syncline::dataflow
