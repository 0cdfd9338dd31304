#include "tests/fuzz/json_reference.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace syncline::fuzz {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsSurrogate(uint32_t code) { return code >= 0xD800 && code < 0xE000; }
bool IsHigh(uint32_t code) { return code >= 0xD800 && code < 0xDC00; }

void AppendUtf8(uint32_t code, std::string* out) {
  const auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 + code / 64);
  } else {
    if (code < 0x10000) {
      add(0xE0 + code / 4096);
    } else {
      add(0xF0 + code / 262144);
      add(0x80 + code / 4096 % 64);
    }
    add(0x80 + code / 64 % 64);
  }
  add(0x80 + code % 64);
}

class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  std::optional<JsonNode> ReadAll() {
    JsonNode node;
    if (!ReadValue(1, &node)) return std::nullopt;
    SkipSpace();
    if (at_ != text_.size()) return std::nullopt;
    return node;
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() && absl::StrContains(" \t\r\n", text_[at_])) ++at_;
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(absl::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool TakeDigits() {
    const size_t start = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    return at_ != start;
  }

  bool ReadValue(int depth, JsonNode* node) {
    SkipSpace();
    const size_t start = at_;
    if (at_ == text_.size() || !ReadAny(depth, node)) return false;
    node->token = text_.substr(start, at_ - start);
    return true;
  }

  bool ReadAny(int depth, JsonNode* node) {
    switch (text_[at_]) {
      case '{':
        return ReadObject(depth, node);
      case '[':
        return ReadArray(depth, node);
      case '"':
        node->kind = JsonNode::Kind::kString;
        return ReadString(&node->text, &node->unstorable);
      case 'n':
        return TakeWord("null");
      case 't':
        node->kind = JsonNode::Kind::kBoolean;
        return TakeWord("true");
      case 'f':
        node->kind = JsonNode::Kind::kBoolean;
        return TakeWord("false");
      default:
        if (TakeWord("NaN") || TakeWord("Infinity") || TakeWord("-Infinity")) {
          node->kind = JsonNode::Kind::kNotFinite;
          node->not_finite = true;
          return true;
        }
        node->kind = JsonNode::Kind::kNumber;
        return ReadNumber();
    }
  }

  bool ReadNumber() {
    Take('-');
    if (!Take('0') && !TakeDigits()) return false;
    if (Take('.') && !TakeDigits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!TakeDigits()) return false;
    }
    return true;
  }

  bool ReadHex(uint32_t* code) {
    *code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == text_.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text_[at_]))) {
        return false;
      }
      const char c = absl::ascii_tolower(static_cast<unsigned char>(text_[at_]));
      *code = *code * 16 + static_cast<uint32_t>(IsDigit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
  }

  // Reads the digits after "\u".
  bool ReadUnicode(std::string* out, bool* unstorable) {
    uint32_t code = 0;
    if (!ReadHex(&code)) return false;
    if (IsHigh(code)) {
      const size_t behind = at_;
      uint32_t low = 0;
      if (TakeWord("\\u") && ReadHex(&low) && IsSurrogate(low) && !IsHigh(low)) {
        AppendUtf8(0x10000 + (code - 0xD800) * 1024 + (low - 0xDC00), out);
        return true;
      }
      at_ = behind;
    }
    *unstorable = *unstorable || code == 0 || IsSurrogate(code);
    AppendUtf8(IsSurrogate(code) ? 0xFFFD : code, out);
    return true;
  }

  bool ReadString(std::string* out, bool* unstorable) {
    if (!Take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out->push_back(c);
        continue;
      }
      if (at_ == text_.size()) return false;
      const char escape = text_[at_++];
      if (escape == 'u') {
        if (!ReadUnicode(out, unstorable)) return false;
        continue;
      }
      constexpr absl::string_view kEscapes = "\"\\/bfnrt";
      constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
      const size_t which = kEscapes.find(escape);
      if (which == absl::string_view::npos) return false;
      out->push_back(kMeanings[which]);
    }
    return false;
  }

  static void Adopt(const JsonNode& child, JsonNode* node) {
    node->depth = std::max(node->depth, child.depth + 1);
    node->unstorable = node->unstorable || child.unstorable;
    node->not_finite = node->not_finite || child.not_finite;
  }

  bool ReadArray(int depth, JsonNode* node) {
    node->kind = JsonNode::Kind::kArray;
    node->depth = 1;
    if (depth > kMaxReferenceDepth || !Take('[')) return false;
    SkipSpace();
    if (Take(']')) return true;
    do {
      JsonNode item;
      if (!ReadValue(depth + 1, &item)) return false;
      Adopt(item, node);
      node->items.push_back(std::move(item));
      SkipSpace();
    } while (Take(','));
    return Take(']');
  }

  bool ReadObject(int depth, JsonNode* node) {
    node->kind = JsonNode::Kind::kObject;
    node->depth = 1;
    if (depth > kMaxReferenceDepth || !Take('{')) return false;
    SkipSpace();
    if (Take('}')) return true;
    do {
      SkipSpace();
      std::string name;
      if (!ReadString(&name, &node->unstorable)) return false;
      SkipSpace();
      JsonNode field;
      if (!Take(':') || !ReadValue(depth + 1, &field)) return false;
      Adopt(field, node);
      node->names.push_back(std::move(name));
      node->items.push_back(std::move(field));
      SkipSpace();
    } while (Take(','));
    return Take('}');
  }

  absl::string_view text_;
  size_t at_ = 0;
};

}  // namespace

bool IsUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = lead < 0x80 ? 0 : lead < 0xC0 ? -1 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if (more < 0 || lead > 0xF7 || i + static_cast<size_t>(more) >= text.size()) return false;
    uint32_t code = more == 0 ? lead : lead & (0x3Fu >> more);
    for (int k = 1; k <= more; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + static_cast<size_t>(k)]);
      if (byte < 0x80 || byte > 0xBF) return false;
      code = code * 64 + byte % 64;
    }
    constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeast[more] || IsSurrogate(code) || code > 0x10FFFF) return false;
    i += static_cast<size_t>(more) + 1;
  }
  return true;
}

const JsonNode* JsonNode::Find(absl::string_view name) const {
  for (size_t i = names.size(); i > 0; --i) {
    if (names[i - 1] == name) return &items[i - 1];
  }
  return nullptr;
}

std::optional<JsonNode> ReadJson(absl::string_view text) { return Reader(text).ReadAll(); }

}  // namespace syncline::fuzz
