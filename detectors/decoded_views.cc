#include "detectors/decoded_views.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/uri.h"

namespace oddverb {
namespace {

// A percent layer is undone twice: with the transport's own that makes three.
// Servers and clients in a row undo no more.
constexpr int kMaxPercentLayers = 2;
// The shortest URL of a target, http://a9fe..., gives at least this much.
constexpr size_t kMinBase64Run = 12;
// Decoded bytes that are text for the most part are taken for text.
constexpr size_t kMaxBinaryPercent = 10;

// The value of a base64 or base64url digit, else -1.
constexpr std::array<int8_t, 256> Base64Values() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  }
  values['-'] = 62;
  values['_'] = 63;
  return values;
}
constexpr std::array<int8_t, 256> kBase64Values = Base64Values();

int Base64Value(char c) { return kBase64Values[static_cast<unsigned char>(c)]; }

std::string DecodeBase64(std::string_view run) {
  std::string bytes;
  bytes.reserve(run.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int bit_count = 0;
  for (char c : run) {
    bits = bits << 6 | static_cast<uint32_t>(Base64Value(c));
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    bytes += static_cast<char>(bits >> bit_count & 0xff);
  }
  return bytes;
}

// PowerShell's -EncodedCommand holds UTF-16LE.
std::string DropUtf16Zeros(const std::string& bytes) {
  size_t pairs = bytes.size() / 2;
  size_t zeros = 0;
  for (size_t i = 0; i < pairs; ++i) zeros += bytes[2 * i + 1] == '\0';
  if (pairs == 0 || zeros * 10 < pairs * 9) return bytes;
  std::string text;
  text.reserve(pairs);
  for (size_t i = 0; i < pairs; ++i) text += bytes[2 * i];
  return text;
}

bool LooksLikeText(std::string_view bytes) {
  auto is_binary = [](char c) {
    auto byte = static_cast<unsigned char>(c);
    bool is_space = byte == '\t' || byte == '\n' || byte == '\r';
    return (byte < 0x20 && !is_space) || byte >= 0x7f;
  };
  auto binary =
      static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), is_binary));
  return !bytes.empty() && binary * 100 <= bytes.size() * kMaxBinaryPercent;
}

}  // namespace

std::string_view DecodeLayerName(DecodeLayer layer) {
  switch (layer) {
    case DecodeLayer::kTransport:
      return "request";
    case DecodeLayer::kPercent:
      return "percent";
    case DecodeLayer::kBase64:
      return "base64";
  }
  return "request";
}

DecodedViews::DecodedViews(std::string text, const Limits& limits)
    : limits_(limits) {
  views_.push_back({.text = std::move(text)});
  for (size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].depth >= limits_.depth) continue;
    AddPercentView(i);
    AddBase64Views(i);
  }
}

std::vector<const DecodedView*> DecodedViews::Chain(size_t index) const {
  std::vector<const DecodedView*> chain = {&views_[index]};
  while (index != 0) {
    index = views_[index].parent;
    chain.push_back(&views_[index]);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

bool DecodedViews::TakeCandidate() {
  if (candidates_ < limits_.candidates) {
    ++candidates_;
    return true;
  }
  exhausted_ = true;
  return false;
}

void DecodedViews::AddView(size_t parent, DecodeLayer layer, std::string text) {
  size_t rest = limits_.produced_bytes - produced_bytes_;
  if (text.size() > rest) {
    exhausted_ = true;
    text.resize(rest);
  }
  if (text.empty()) return;
  produced_bytes_ += text.size();
  views_.push_back({.text = std::move(text),
                    .layer = layer,
                    .parent = parent,
                    .depth = views_[parent].depth + 1});
}

void DecodedViews::AddPercentView(size_t parent) {
  int percent_layers = 0;
  for (const DecodedView* view : Chain(parent)) {
    percent_layers += view->layer == DecodeLayer::kPercent;
  }
  if (percent_layers >= kMaxPercentLayers) return;
  std::string_view text = views_[parent].text;
  size_t first = text.find('%');
  if (first == text.npos) return;
  // What lies far in front of the first escape was read in the parent. The
  // bytes near it may be the beginning of what is disguised.
  constexpr size_t kContextBytes = 256;
  text.remove_prefix(first > kContextBytes ? first - kContextBytes : 0);
  // Decoding makes text shorter, threefold at most.
  size_t useful = 3 * (limits_.produced_bytes - produced_bytes_) + 3;
  if (text.size() > useful) exhausted_ = true;
  text = text.substr(0, useful);
  std::string decoded = PercentDecode(text, PlusIs::kPlus);
  if (decoded.size() == text.size() || !TakeCandidate()) return;
  AddView(parent, DecodeLayer::kPercent, std::move(decoded));
}

void DecodedViews::AddBase64Views(size_t parent) {
  size_t end = 0;
  while (true) {
    const std::string& text = views_[parent].text;  // views_ may have grown
    size_t begin = end;
    while (begin < text.size() && Base64Value(text[begin]) < 0) ++begin;
    if (begin == text.size()) return;
    end = begin;
    while (end < text.size() && Base64Value(text[end]) >= 0) ++end;
    if (end - begin < kMinBase64Run) continue;
    size_t useful = (limits_.produced_bytes - produced_bytes_) / 3 * 4 + 4;
    std::string_view run(text.data() + begin, end - begin);
    std::string decoded = DropUtf16Zeros(DecodeBase64(run.substr(0, useful)));
    // Only text counts as a candidate: decoys cost their author more then.
    if (!LooksLikeText(decoded)) continue;
    if (!TakeCandidate()) return;
    AddView(parent, DecodeLayer::kBase64, std::move(decoded));
  }
}

}  // namespace oddverb
