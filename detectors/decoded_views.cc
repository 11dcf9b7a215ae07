#include "detectors/decoded_views.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/gunzip.h"
#include "base/uri.h"
#include "detectors/digit_fold.h"
#include "detectors/shell_interpreter.h"
#include "detectors/text_codecs.h"

namespace oddverb {
namespace {

// A percent layer is undone twice: with the transport's own that makes three.
// Servers and clients in a row undo no more.
constexpr int kMaxPercentLayers = 2;
// The shortest URL of a target, http://a9fe..., gives at least this much.
constexpr size_t kMinBase64Run = 12;
// Decoded bytes that are text for the most part are taken for text.
constexpr size_t kMaxBinaryPercent = 10;
// Shorter runs are hashes' prefixes, colours, addresses of memory.
constexpr size_t kMinHexRun = 20;
// A command is short; gzip makes a thousand bytes of one.
constexpr size_t kMaxUnzipped = 64 * 1024;
constexpr size_t kMaxUnzips = 4;

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

struct EscapeReading {
  size_t length = 0;  // 0 = none
  char character = 0;
};

// "\\x31", "\\061", "\\u0031" at the beginning of `text`; of ASCII only.
EscapeReading ReadAsciiEscape(std::string_view text) {
  if (text.size() < 3 || text[0] != '\\') return {};
  bool is_hex = text[1] == 'x' || text[1] == 'u';
  size_t digits = text[1] == 'u' ? 4 : is_hex ? 2 : 3;
  size_t begin = is_hex ? 2 : 1;
  int value = 0;
  size_t i = begin;
  for (; i < text.size() && i < begin + digits; ++i) {
    int digit = HexValue(text[i]);
    if (digit < 0 || (!is_hex && digit > 7)) break;
    value = value * (is_hex ? 16 : 8) + digit;
  }
  if (i < begin + 2 || value < 0x20 || value > 0x7e) return {};
  return {i, static_cast<char>(value)};
}

struct Run {
  size_t begin = 0, end = 0;
};
// The next maximal run of at least `least` bytes that are `is_digit`, from
// `from` on, where the last run ended or the text begins. Such a run has a byte
// at every `least`-th place, so most others are never looked at.
template <typename IsDigit>
std::optional<Run> NextRun(std::string_view text, size_t from, size_t least,
                           IsDigit is_digit) {
  for (size_t at = from + least - 1; at < text.size();) {
    if (!is_digit(text[at])) {
      from = at + 1;
      at += least;
      continue;
    }
    Run run{at, at + 1};
    while (run.begin > from && is_digit(text[run.begin - 1])) --run.begin;
    while (run.end < text.size() && is_digit(text[run.end])) ++run.end;
    if (run.end - run.begin >= least) return run;
    from = run.end;
    at = from + least - 1;
  }
  return std::nullopt;
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
    case DecodeLayer::kHex:
      return "hex";
    case DecodeLayer::kGzip:
      return "gzip";
    case DecodeLayer::kEscapes:
      return "escapes";
    case DecodeLayer::kReversed:
      return "reversed";
    case DecodeLayer::kUnicode:
      return "unicode";
    case DecodeLayer::kShell:
      return "shell";
  }
  return "request";
}

DecodedViews::DecodedViews(std::string text, const Limits& limits,
                           const ShellWords* command)
    : limits_(limits), is_command_(command != nullptr) {
  fold_.work = limits.fold_work;
  views_.push_back({.text = std::move(text)});
  if (command != nullptr) AddCommandView(*command);
  // What the arguments' own commands leave out is not run, whatever it hides.
  size_t first = whole_command_.value_or(0);
  for (size_t i = first; i < views_.size(); ++i) {
    if (views_[i].text.size() > limits_.scanned_bytes - scanned_bytes_) {
      too_large_ = true;
      continue;
    }
    scanned_bytes_ += views_[i].text.size();
    if (views_[i].depth >= limits_.depth) {
      NoteDeeperLayers(i);
      continue;
    }
    AddUnicodeView(i);
    if (i > first) AddScriptView(i);
    AddPercentView(i);
    AddEscapesView(i);
    AddReversedView(i);
    AddHexViews(i);
    AddBase64Views(i);
  }
}

DecodedViews::Limits DecodedViews::left() const {
  Limits left = limits_;
  left.produced_bytes -= produced_bytes_;
  left.candidates -= candidates_;
  left.fold_work = fold_.work;
  left.scanned_bytes -= scanned_bytes_;
  return left;
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

bool DecodedViews::IsKnown(std::string_view text) const {
  return std::any_of(
      views_.begin(), views_.end(), [&](const DecodedView& view) {
        return view.text.size() == text.size() && view.text == text;
      });
}

void DecodedViews::AddCommandView(const ShellWords& command) {
  ShellInterpreter shell(fold_);
  // No program's name has blanks in it: whatever runs this divides it.
  bool is_script =
      command.size() == 1 && command[0].find(' ') != std::string::npos;
  if (is_script) {
    shell.RunText(command[0]);
  } else {
    shell.RunArguments(command);
  }
  std::string commands = shell.commands();
  if (commands.ends_with('\n')) commands.pop_back();
  if (shell.is_sure()) {
    whole_command_ = commands == views_[0].text || commands.empty() ? 0 : 1;
  }
  if (commands.empty() && shell.is_sure()) whole_command_ = 1;
  if (whole_command_ == 0u) return;
  produced_bytes_ += std::min(commands.size(), limits_.produced_bytes);
  views_.push_back({.text = std::move(commands),
                    .layer = DecodeLayer::kShell,
                    .parent = 0,
                    .depth = 1});
}

// What decoding gave may be a script itself.
void DecodedViews::AddScriptView(size_t parent) {
  const DecodedView& view = views_[parent];
  if (!is_command_ || view.layer == DecodeLayer::kShell) return;
  if (view.text.find_first_of("$`\\'\"|<{*?") == std::string::npos) return;
  ShellInterpreter shell(fold_);
  shell.RunText(view.text);
  std::string commands = shell.commands();
  if (commands.ends_with('\n')) commands.pop_back();
  AddView(parent, DecodeLayer::kShell, std::move(commands));
}

// Only of the layers that hold text as digits: whatever else looks like one at
// the limit comes of reading a text in several orders.
void DecodedViews::NoteDeeperLayers(size_t parent) {
  is_too_deep_ = true;
  AddHexViews(parent);
  AddBase64Views(parent);
  is_too_deep_ = false;
}

void DecodedViews::AddUnicodeView(size_t parent) {
  std::string folded = FoldDigits(views_[parent].text);
  if (!folded.empty())
    AddView(parent, DecodeLayer::kUnicode, std::move(folded));
}

void DecodedViews::AddView(size_t parent, DecodeLayer layer, std::string text) {
  if (IsKnown(text)) return;
  if (is_too_deep_) {
    exhausted_ = true;
    return;
  }
  size_t rest = limits_.produced_bytes - produced_bytes_;
  if (text.size() > rest) {
    exhausted_ = true;
    text.resize(rest);
  }
  if (text.empty()) return;
  produced_bytes_ += text.size();
  // Expanded arguments are one text with the arguments themselves.
  if (parent == whole_command_ && layer != DecodeLayer::kShell) parent = 0;
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
  if (text.size() > useful) too_large_ = true;
  text = text.substr(0, useful);
  std::string decoded = PercentDecode(text, PlusIs::kPlus);
  if (decoded.size() == text.size() || !TakeCandidate()) return;
  AddView(parent, DecodeLayer::kPercent, std::move(decoded));
}

template <typename IsDigit, typename Decode>
void DecodedViews::AddRunViews(size_t parent, DecodeLayer layer, size_t least,
                               IsDigit is_digit, Decode decode) {
  for (size_t from = 0;;) {
    const std::string_view text = views_[parent].text;  // views_ may have grown
    const std::optional<Run> run = NextRun(text, from, least, is_digit);
    if (!run) return;
    from = run->end;
    std::string bytes = decode(text.substr(run->begin, run->end - run->begin));
    if (!AddBytes(parent, layer, std::move(bytes))) return;
  }
}

void DecodedViews::AddBase64Views(size_t parent) {
  AddRunViews(
      parent, DecodeLayer::kBase64, kMinBase64Run,
      [](char c) { return Base64Value(c) >= 0; },
      [this](std::string_view run) {
        size_t useful = (limits_.produced_bytes - produced_bytes_) / 3 * 4 + 4;
        return DropUtf16Zeros(DecodeBase64Digits(run.substr(0, useful)));
      });
}

bool DecodedViews::AddBytes(size_t parent, DecodeLayer layer,
                            std::string bytes) {
  bool is_gzip = IsGzip(bytes);
  // Only text counts as a candidate: decoys cost their author more then.
  if (!is_gzip && (!LooksLikeText(bytes) || IsKnown(bytes))) return true;
  if (!TakeCandidate()) return false;
  if (is_gzip) {
    if (unzips_ >= kMaxUnzips) {
      exhausted_ = true;
      return true;
    }
    ++unzips_;
    layer = DecodeLayer::kGzip;
    bytes = Gunzip(bytes, kMaxUnzipped);
    if (bytes.size() >= kMaxUnzipped) too_large_ = true;
    if (!LooksLikeText(bytes)) return true;
  }
  AddView(parent, layer, std::move(bytes));
  return true;
}

// `xxd -r -p`, `printf`, unhexlify: digits in a row.
void DecodedViews::AddHexViews(size_t parent) {
  AddRunViews(
      parent, DecodeLayer::kHex, kMinHexRun,
      [](char c) { return HexValue(c) >= 0; },
      [this](std::string_view run) {
        std::string bytes;
        if (run.size() % 2 != 0) return bytes;
        // One byte too many tells that there are more.
        run = run.substr(0, 2 * (limits_.produced_bytes - produced_bytes_) + 2);
        for (size_t i = 0; i + 1 < run.size(); i += 2) {
          bytes +=
              static_cast<char>(HexValue(run[i]) << 4 | HexValue(run[i + 1]));
        }
        return bytes;
      });
}

void DecodedViews::AddEscapesView(size_t parent) {
  const std::string_view text = views_[parent].text;
  std::string decoded;
  size_t copied = 0;
  for (size_t i = text.find('\\'); i != text.npos; i = text.find('\\', i)) {
    EscapeReading escape = ReadAsciiEscape(text.substr(i));
    if (escape.length == 0) {
      ++i;
      continue;
    }
    decoded += text.substr(copied, i - copied);
    decoded += escape.character;
    i += escape.length;
    copied = i;
  }
  if (copied == 0 || !TakeCandidate()) return;
  decoded += text.substr(copied);
  AddView(parent, DecodeLayer::kEscapes, std::move(decoded));
}

// Only beside the program that turns it back: anything can be read backwards.
void DecodedViews::AddReversedView(size_t parent) {
  const DecodedView& view = views_[parent];
  if (view.layer == DecodeLayer::kReversed) return;
  bool has_program = view.text.find("rev") != std::string::npos ||
                     view.text.find("[::-1]") != std::string::npos;
  if (!has_program || !TakeCandidate()) return;
  AddView(parent, DecodeLayer::kReversed,
          std::string(view.text.rbegin(), view.text.rend()));
}

}  // namespace oddverb
