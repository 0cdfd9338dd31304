#include "server/dataflow/text/json_text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/json_scanner.h"
#include "base/utf8.h"
#include "server/dataflow/text/decimal.h"

namespace syncline::dataflow {
namespace {

// The open brackets: one bit per level.
class BracketStack {
 public:
  int depth() const { return depth_; }
  bool full() const { return depth_ == kMaxScanDepth; }
  void Push(bool object) {
    uint64_t& word = words_[static_cast<size_t>(depth_) / 64];
    const uint64_t bit = uint64_t{1} << (static_cast<size_t>(depth_) % 64);
    word = object ? word | bit : word & ~bit;
    ++depth_;
  }
  void Pop() { --depth_; }
  bool InObject() const {
    const size_t top = static_cast<size_t>(depth_) - 1;
    return ((words_[top / 64] >> (top % 64)) & 1) != 0;
  }

 private:
  std::array<uint64_t, kMaxScanDepth / 64> words_;  // only bits below depth_ are read
  int depth_ = 0;
};

// Applies changes to the text. The text is copied at the first change.
class Rewriter {
 public:
  Rewriter(absl::string_view input, ScratchArena* scratch)
      : input_(input), copied_to_(input.data()), scratch_(scratch) {}

  // Replaces [begin, end) with `with`. Calls must be in ascending order. The replacement is not
  // longer than the original, except "null" for NaN, which with the character that follows has at
  // least four bytes.
  void Replace(const char* begin, const char* end, absl::string_view with) {
    if (start_ == nullptr) {
      start_ = scratch_->Allocate(input_.size() + input_.size() / 4 + 1);
      out_ = start_;
    }
    Append(absl::string_view(copied_to_, static_cast<size_t>(begin - copied_to_)));
    Append(with);
    copied_to_ = end;
  }

  absl::string_view Finish() {
    if (start_ == nullptr) return input_;
    const char* const end = input_.data() + input_.size();
    Append(absl::string_view(copied_to_, static_cast<size_t>(end - copied_to_)));
    scratch_->TrimTo(out_);
    return absl::string_view(start_, static_cast<size_t>(out_ - start_));
  }

 private:
  void Append(absl::string_view piece) {
    if (piece.empty()) return;
    std::memcpy(out_, piece.data(), piece.size());
    out_ += piece.size();
  }

  absl::string_view input_;
  const char* copied_to_;
  ScratchArena* scratch_;
  char* start_ = nullptr;
  char* out_ = nullptr;
};

class Scanner {
 public:
  Scanner(absl::string_view json, JsonStyle style, ScratchArena* scratch)
      : p_(json.data()),
        end_(json.data() + json.size()),
        style_(style),
        size_(static_cast<int64_t>(json.size())),
        rewriter_(json, scratch) {}

  CheckedJson Run() {
    CheckedJson result;
    result.status = Scan();
    if (result.status != JsonStatus::kValid) return result;
    result.cleaned = cleaned_;
    result.not_finite = not_finite_;
    result.fits_jsonb = fits_jsonb_ && size_ <= kMaxFieldBytes && values_ <= kMaxJsonValues &&
                        size_ + 12 * values_ <= kMaxJsonbBytes;
    result.text = rewriter_.Finish();
    return result;
  }

 private:
  JsonStatus Scan() {
    SkipSpace();
    while (true) {
      const JsonStatus begun = BeginValue();
      if (begun != JsonStatus::kValid) return begun;
      if (opened_) continue;
      bool next_value = false;
      while (!next_value) {
        SkipSpace();
        if (open_.depth() == 0) return p_ == end_ ? JsonStatus::kValid : JsonStatus::kInvalid;
        if (!AfterValue(&next_value)) return JsonStatus::kInvalid;
      }
    }
  }

  // Reads a scalar, an empty container, or the start of a container up to its first value
  // (opened_).
  JsonStatus BeginValue() {
    opened_ = false;
    if (p_ == end_) return JsonStatus::kInvalid;
    ++values_;
    bool valid = false;
    switch (*p_) {
      case '{':
      case '[':
        return BeginContainer();
      case '"':
        valid = String();
        break;
      case 't':
        valid = Literal("true");
        break;
      case 'f':
        valid = Literal("false");
        break;
      case 'n':
        valid = Literal("null");
        break;
      default:
        valid = Number() || NotFinite();
        break;
    }
    return valid ? JsonStatus::kValid : JsonStatus::kInvalid;
  }

  JsonStatus BeginContainer() {
    if (open_.full()) return JsonStatus::kTooDeep;
    const bool object = *p_ == '{';
    open_.Push(object);
    if (open_.depth() > kMaxJsonDepth) fits_jsonb_ = false;
    ++p_;
    SkipSpace();
    if (p_ == end_) return JsonStatus::kInvalid;
    if (*p_ == (object ? '}' : ']')) {
      ++p_;
      open_.Pop();
      return JsonStatus::kValid;
    }
    opened_ = true;
    return !object || Key() ? JsonStatus::kValid : JsonStatus::kInvalid;
  }

  // Reads what follows a value in a container: the closing bracket, or a comma and a key.
  bool AfterValue(bool* next_value) {
    if (p_ == end_) return false;
    const bool object = open_.InObject();
    const char c = *p_++;
    if (c == ',') {
      SkipSpace();
      *next_value = true;
      return !object || Key();
    }
    open_.Pop();
    return c == (object ? '}' : ']');
  }

  bool Key() {
    if (p_ == end_ || *p_ != '"' || !String()) return false;
    SkipSpace();
    if (p_ == end_ || *p_ != ':') return false;
    ++p_;
    SkipSpace();
    return true;
  }

  bool String() {
    ++p_;
    while (true) {
      p_ = FindStringEvent(p_, end_);
      if (p_ == end_) return false;
      if (*p_ == '"') break;
      if (*p_ != '\\') return false;
      const Escape escape = ReadEscape(p_ + 1, end_);
      if (escape.next == nullptr) return false;
      if (escape.code_point == 0 || escape.lone_surrogate) {
        cleaned_ = true;
        rewriter_.Replace(p_, escape.next, escape.lone_surrogate ? kReplacementUtf8 : "");
      }
      p_ = escape.next;
    }
    ++p_;
    return true;
  }

  bool Literal(absl::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size()) return false;
    if (std::memcmp(p_, word.data(), word.size()) != 0) return false;
    p_ += word.size();
    return true;
  }

  bool NotFinite() {
    const char* const begin = p_;
    if (!Literal("NaN") && !Literal("Infinity") && !Literal("-Infinity")) return false;
    rewriter_.Replace(begin, p_, "null");
    not_finite_ = true;
    return true;
  }

  bool Number() {
    const char* const begin = p_;
    const char* const behind = SkipJsonNumber(begin, end_);
    if (behind == nullptr) return false;
    p_ = behind;
    const absl::string_view number(begin, static_cast<size_t>(p_ - begin));
    // Without an exponent, only a long number can exceed the limits.
    const bool safe = static_cast<int64_t>(number.size()) <= kNumericMaxScale &&
                      std::none_of(begin, p_, [](char c) { return c == 'e' || c == 'E'; });
    Decimal decimal;
    if (!safe && (!ParseDecimal(number, DecimalGrammar::kJson, &decimal) ||
                  CheckNumericFit(decimal) != NumericFit::kFits)) {
      fits_jsonb_ = false;
    }
    return true;
  }

  void SkipSpace() {
    if (p_ == end_ || !IsJsonSpace(*p_)) return;
    const char* const begin = p_;
    while (p_ != end_ && IsJsonSpace(*p_)) ++p_;
    if (style_ == JsonStyle::kCompact) rewriter_.Replace(begin, p_, "");
  }

  const char* p_;
  const char* const end_;
  const JsonStyle style_;
  const int64_t size_;
  Rewriter rewriter_;
  BracketStack open_;
  bool opened_ = false;
  bool cleaned_ = false;
  bool not_finite_ = false;
  bool fits_jsonb_ = true;
  int64_t values_ = 0;
};

}  // namespace

CheckedJson CheckJson(absl::string_view json, JsonStyle style, ScratchArena* scratch) {
  return Scanner(json, style, scratch).Run();
}

}  // namespace syncline::dataflow
