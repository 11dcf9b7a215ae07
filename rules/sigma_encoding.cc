#include "rules/sigma_encoding.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace oddverb {
namespace {

constexpr std::string_view kDashes[] = {"-", "/", "\u2013", "\u2014", "\u2015"};

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Size of the dash at the front of `text`; 0 if there is none.
size_t DashSize(std::string_view text) {
  for (std::string_view dash : kDashes) {
    if (text.starts_with(dash)) return dash.size();
  }
  return 0;
}

void AppendUnit(uint16_t unit, Utf16Form form, std::string& out) {
  char high = static_cast<char>(unit >> 8);
  char low = static_cast<char>(unit & 0xff);
  out += form == Utf16Form::kBigEndian ? high : low;
  out += form == Utf16Form::kBigEndian ? low : high;
}

}  // namespace

std::string Base64Of(std::string_view bytes) {
  return absl::Base64Escape(A(bytes));
}

std::array<std::string, 3> Base64AtOffsets(std::string_view bytes) {
  // Characters that also hold bits of what stands before and behind.
  constexpr size_t kStarts[] = {0, 2, 3};
  constexpr size_t kEnds[] = {0, 3, 2};
  std::array<std::string, 3> variants;
  for (size_t offset = 0; offset < variants.size(); ++offset) {
    std::string encoded =
        Base64Of(std::string(offset, ' ') + std::string(bytes));
    size_t end = kEnds[(bytes.size() + offset) % 3];
    size_t start = kStarts[offset];
    if (start + end < encoded.size()) {
      variants[offset] = encoded.substr(start, encoded.size() - start - end);
    }
  }
  return variants;
}

std::string Utf16Of(std::string_view utf8, Utf16Form form) {
  std::string out;
  if (form == Utf16Form::kWithMark) AppendUnit(0xfeff, form, out);
  while (!utf8.empty()) {
    CodePoint c = DecodeUtf8(utf8);
    uint32_t value = c.value;
    if (value >= 0x10000) {
      value -= 0x10000;
      AppendUnit(static_cast<uint16_t>(0xd800 | value >> 10), form, out);
      AppendUnit(static_cast<uint16_t>(0xdc00 | (value & 0x3ff)), form, out);
    } else {
      AppendUnit(static_cast<uint16_t>(value), form, out);
    }
    utf8.remove_prefix(c.bytes);
  }
  return out;
}

std::optional<std::vector<Glob>> DashVariants(const Glob& value) {
  std::vector<std::vector<Glob::Part>> variants(1);
  for (const Glob::Part& part : value.parts()) {
    if (part.kind != Glob::PartKind::kText) {
      for (auto& variant : variants) variant.push_back(part);
      continue;
    }
    std::string_view text = part.text;
    size_t start = 0;  // of what is not copied yet
    auto flush = [&](size_t end) {
      std::string letters(text.substr(start, end - start));
      for (auto& variant : variants) {
        variant.push_back({Glob::PartKind::kText, letters});
      }
    };
    for (size_t at = 0; at < text.size(); ++at) {
      size_t size = DashSize(text.substr(at));
      if (size == 0) continue;
      size_t behind = at + size;
      bool begins_word = (at == 0 || !IsWordByte(text[at - 1])) &&
                         behind < text.size() && IsWordByte(text[behind]) &&
                         DashSize(text.substr(behind)) == 0;
      if (!begins_word) {
        at = behind - 1;
        continue;
      }
      if (variants.size() * std::size(kDashes) > kMaxDashVariants) {
        return std::nullopt;
      }
      flush(at);
      std::vector<std::vector<Glob::Part>> more;
      for (const auto& variant : variants) {
        for (std::string_view dash : kDashes) {
          more.push_back(variant);
          more.back().push_back({Glob::PartKind::kText, std::string(dash)});
        }
      }
      variants = std::move(more);
      start = behind;
      at = behind - 1;
    }
    flush(text.size());
  }
  std::vector<Glob> globs;
  for (auto& variant : variants) globs.emplace_back(std::move(variant));
  return globs;
}

}  // namespace oddverb
