// What the tests of one part of the events say of its texts: each text is
// judged once, as long as it is remembered, and texts of which all tests say
// the same are one class. Few classes make up a log, whoever writes it. One
// thread.
#ifndef ODDVERB_RULES_PART_CLASSES_H_
#define ODDVERB_RULES_PART_CLASSES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/symbol_table.h"

namespace oddverb {

class PartClasses {
 public:
  static constexpr size_t kTexts = 1024;  // a power of two
  static constexpr size_t kMaxTextBytes = 1024;
  // Beyond, all are forgotten.
  static constexpr size_t kMaxClasses = 1024;

  using Results = std::vector<bool>;  // by test of the part
  struct Class {
    uint16_t number = 0;  // from 1
    Results results;
  };

  PartClasses() : texts_(kTexts + 1) {}

  // The class of a text; its number stands beside it, as most ask for no more.
  struct Found {
    const Class* of = nullptr;
    uint16_t number = 0;
  };

  // The class of `text`, by what judge() says of it if it is new: its Results.
  // None: too long to be remembered. Lives until the next call.
  template <class Judge>
  Found Find(std::string_view text, const Judge& judge) {
    if (text.size() > kMaxTextBytes) return {};
    // What is missing, as much is, has the last place.
    size_t place = text.empty() ? kTexts : WideHash(text) & (kTexts - 1);
    Text& known = texts_[place];
    if (known.found.of != nullptr && known.text == text) return known.found;
    Results results = judge();
    if (classes_.size() >= kMaxClasses && !classes_.contains(results)) Forget();
    auto next = static_cast<uint16_t>(classes_.size() + 1);
    auto [it, is_new] = classes_.try_emplace(results);
    if (is_new) it->second = {next, std::move(results)};
    known.text = text;
    known.found = {&it->second, it->second.number};
    return known.found;
  }

  // How often all were forgotten: the numbers begin anew.
  uint64_t forgotten() const { return forgotten_; }

 private:
  struct Text {
    std::string text;
    Found found;
  };

  // As QuickHash(), for long texts: four words at a time.
  static uint64_t WideHash(std::string_view text) {
    constexpr size_t kLanes = 4;
    constexpr size_t kBlock = kLanes * sizeof(uint64_t);
    if (text.size() < 2 * kBlock) return QuickHash(text);
    uint64_t lanes[kLanes] = {1, 2, 3, 4};
    size_t at = 0;
    for (; at + kBlock <= text.size(); at += kBlock) {
      uint64_t words[kLanes];
      std::memcpy(words, text.data() + at, kBlock);
      for (size_t i = 0; i < kLanes; ++i) {
        lanes[i] = (lanes[i] ^ words[i]) * 0x9e3779b97f4a7c15u;
        lanes[i] ^= lanes[i] >> 32;
      }
    }
    uint64_t hash = QuickHash(text.substr(at));
    for (uint64_t lane : lanes) {
      hash = (hash ^ lane) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 32;
    }
    return hash;
  }

  void Forget() {
    for (Text& known : texts_) known.found = {};
    classes_.clear();
    ++forgotten_;
  }

  std::vector<Text> texts_;
  std::map<Results, Class> classes_;
  uint64_t forgotten_ = 0;
};

}  // namespace oddverb

#endif  // ODDVERB_RULES_PART_CLASSES_H_
