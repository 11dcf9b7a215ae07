// Long because: one table of the functions of five languages.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/gunzip.h"
#include "base/strings.h"
#include "base/uri.h"
#include "detectors/code_values.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/text_codecs.h"

namespace oddverb {
namespace {

using std::string_view;
using Result = std::optional<CodeValue>;

constexpr size_t kMaxItems = 4096;
constexpr size_t kMaxUnzipped = 64 * 1024;

bool IsOneOf(string_view word, std::initializer_list<string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result Text(std::string text) { return CodeValue::Text(std::move(text)); }
Result Number(int64_t number) { return CodeValue::Number(number); }

std::string Joined(const std::vector<CodeValue>& items, string_view divider) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += divider;
    text += items[i].AsText();
  }
  return text;
}

std::string Rot13(std::string text) {
  for (char& c : text) {
    char lower = static_cast<char>(c | 0x20);
    if (lower >= 'a' && lower <= 'm') {
      c = static_cast<char>(c + 13);
    } else if (lower >= 'n' && lower <= 'z') {
      c = static_cast<char>(c - 13);
    }
  }
  return text;
}

std::string Dotted(uint32_t v4) {
  return absl::StrCat(v4 >> 24, ".", v4 >> 16 & 255, ".", v4 >> 8 & 255, ".",
                      v4 & 255);
}

std::string Characters(CodeArguments arguments) {
  std::string text;
  for (const CodeValue& argument : arguments) {
    if (argument.is_list()) {
      text += Characters(argument.items);
      continue;
    }
    int64_t code = argument.AsNumber();
    if (code < 0 || code > 0x10ffff) continue;
    AppendUtf8(static_cast<uint32_t>(code), text);
  }
  return text;
}

std::string Bytes(CodeArguments arguments) {
  std::string text;
  for (const CodeValue& argument : arguments) {
    if (argument.is_list()) {
      text += Bytes(argument.items);
    } else {
      text += static_cast<char>(argument.AsNumber() & 255);
    }
  }
  return text;
}

// As named: 'hex', 'base64', 'rot13'. Unknown ones (utf-8) change nothing.
std::string Decoded(const std::string& text, string_view codec) {
  std::string name = absl::AsciiStrToLower(A(codec));
  if (name.starts_with("hex")) return DecodeHexText(text);
  if (name.starts_with("base64")) return DecodeBase64Text(text);
  if (name.starts_with("rot")) return Rot13(text);
  if (name == "unicode_escape" || name == "unicode-escape") {
    return UndoEscapes(text);
  }
  return text;
}

Result Split(const CodeValue& value, string_view divider) {
  CodeValue list = CodeValue::List({});
  string_view rest = value.text;
  if (divider.empty()) {
    for (char c : rest.substr(0, kMaxItems)) {
      list.items.push_back(CodeValue::Text(std::string(1, c)));
    }
    return list;
  }
  while (list.items.size() < kMaxItems) {
    size_t stop = rest.find(divider);
    list.items.push_back(CodeValue::Text(std::string(rest.substr(0, stop))));
    if (stop == rest.npos) break;
    rest.remove_prefix(stop + divider.size());
  }
  return list;
}

// "H*", "C*", "c*", "U*", "N", ">I", "!I", "m"
Result Packed(string_view format, CodeArguments values) {
  std::vector<CodeValue> flat;
  for (const CodeValue& value : values) {
    if (value.is_list()) {
      flat.insert(flat.end(), value.items.begin(), value.items.end());
    } else {
      flat.push_back(value);
    }
  }
  if (flat.empty()) return std::nullopt;
  if (format.starts_with('H')) return Text(DecodeHexText(flat[0].AsText()));
  if (format.starts_with('m') || format.starts_with('u')) {
    return Text(DecodeBase64Text(flat[0].AsText()));
  }
  if (format.starts_with('U') || format.starts_with('W')) {
    return Text(Characters(flat));
  }
  if (format.find_first_of("NIL") != format.npos) {
    auto v4 = static_cast<uint32_t>(flat[0].AsNumber());
    bool little = format.starts_with('<') || format.starts_with('V');
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      bytes += static_cast<char>(v4 >> (little ? 8 * i : 24 - 8 * i) & 255);
    }
    return Text(bytes);
  }
  return Text(Bytes(flat));
}

Result Mapped(string_view function, const CodeValue& list, FoldBudget& budget) {
  CodeValue result = CodeValue::List({});
  std::vector<CodeValue> items = list.items;
  if (list.is_text()) {
    for (char c : list.text.substr(0, kMaxItems)) {
      items.push_back(CodeValue::Text(std::string(1, c)));
    }
  }
  for (const CodeValue& item : items) {
    if (!budget.Take(8)) return std::nullopt;
    Result value = CallFunction(function, {&item, 1}, budget);
    if (!value) return std::nullopt;
    result.items.push_back(std::move(*value));
  }
  return result;
}

int64_t IntegerOf(CodeArguments arguments) {
  if (arguments[0].is_number()) return arguments[0].number;
  std::string text = arguments[0].text;
  int64_t base = arguments.size() > 1 ? arguments[1].AsNumber() : 10;
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  if (text.starts_with("0x") || text.starts_with("0X")) {
    return ReadShellInteger(text).value_or(0);
  }
  if (text.starts_with("0o"))
    return ReadShellInteger("8#" + text.substr(2)).value_or(0);
  if (base == 0) return ReadShellInteger(text).value_or(0);
  if (base < 2 || base > 36) return 0;
  return ReadShellInteger(absl::StrCat(base, "#", text)).value_or(0);
}

std::string InBase(int64_t number, int64_t base) {
  if (base == 16) return absl::StrFormat("%x", number);
  if (base == 8) return absl::StrFormat("%o", number);
  return absl::StrCat(number);
}

bool IsTextLike(const CodeValue& value) { return !value.is_list(); }

}  // namespace

std::optional<CodeValue> CallFunction(string_view name, CodeArguments arguments,
                                      FoldBudget& budget) {
  size_t size = 8;
  for (const CodeValue& a : arguments)
    size += a.text.size() + 4 * a.items.size();
  if (arguments.empty() || !budget.Take(size)) return std::nullopt;
  const CodeValue& first = arguments[0];
  bool has_second = arguments.size() > 1;
  if (IsOneOf(name, {"b64decode", "urlsafe_b64decode", "standard_b64decode",
                     "a2b_base64", "decodebytes", "decode_base64", "atob",
                     "base64_decode", "decode64", "strict_decode64",
                     "urlsafe_decode64", "decodestring"})) {
    return Text(DecodeBase64Text(first.AsText()));
  }
  if (IsOneOf(name, {"fromhex", "unhexlify", "a2b_hex", "hex2bin"})) {
    return Text(DecodeHexText(first.AsText()));
  }
  if (IsOneOf(name, {"chr", "fromCharCode", "fromCodePoint", "unichr"})) {
    return Text(Characters(arguments));
  }
  if (IsOneOf(name, {"bytes", "bytearray", "Uint8Array", "memoryview"})) {
    if (first.is_number()) return std::nullopt;
    return first.is_text() ? first : *Text(Bytes(arguments.first(1)));
  }
  if (IsOneOf(name, {"str", "String", "strval", "quotes", "repr"})) {
    if (first.is_list()) return std::nullopt;
    return Text(first.AsText());
  }
  if (IsOneOf(name, {"int", "parseInt", "intval", "Integer", "Number"})) {
    return Number(IntegerOf(arguments));
  }
  if (name == "hex" || name == "oct") {
    // Python writes, Perl reads.
    if (first.is_number()) {
      return Text((name == "hex" ? "0x" : "0o") +
                  InBase(first.number, name == "hex" ? 16 : 8));
    }
    std::string text = first.text;
    bool prefixed = text.starts_with("0x");
    if (prefixed) return Number(ReadShellInteger(text).value_or(0));
    return Number(
        ReadShellInteger((name == "hex" ? "16#" : "8#") + text).value_or(0));
  }
  if (name == "ord") {
    if (!first.is_text() || first.text.empty()) return std::nullopt;
    return Number(static_cast<unsigned char>(first.text[0]));
  }
  if (name == "hexdec")
    return Number(ReadShellInteger("16#" + first.AsText()).value_or(0));
  if (name == "octdec")
    return Number(ReadShellInteger("8#" + first.AsText()).value_or(0));
  if (IsOneOf(name, {"ip_address", "IPv4Address", "long2ip"}) &&
      first.is_number()) {
    return Text(Dotted(static_cast<uint32_t>(first.number)));
  }
  if (IsOneOf(name, {"inet_ntoa", "inet_ntop"})) {
    std::string bytes = arguments.back().AsText();
    if (bytes.size() != 4) return std::nullopt;
    uint32_t v4 = 0;
    for (char c : bytes) v4 = v4 << 8 | static_cast<unsigned char>(c);
    return Text(Dotted(v4));
  }
  if (IsOneOf(name,
              {"unquote", "unquote_plus", "decodeURIComponent", "decodeURI",
               "unescape", "urldecode", "rawurldecode", "uri_unescape"})) {
    return Text(PercentDecode(first.AsText(), PlusIs::kPlus));
  }
  if (IsOneOf(name, {"reversed", "strrev", "array_reverse", "reverse"})) {
    if (arguments.size() > 1) {
      std::vector<CodeValue> items(arguments.rbegin(), arguments.rend());
      return CodeValue::List(std::move(items));
    }
    return Sliced(first, {.begin = {}, .end = {}, .step = -1});
  }
  if (name == "scalar" || name == "list" || name == "tuple" || name == "iter" ||
      name == "sorted") {
    return first;
  }
  if (name == "join" || name == "implode") {
    // join('.', list) and join('.', 1, 2)
    std::vector<CodeValue> items;
    for (const CodeValue& a : arguments.subspan(1)) {
      if (a.is_list()) {
        items.insert(items.end(), a.items.begin(), a.items.end());
      } else {
        items.push_back(a);
      }
    }
    if (items.empty() || first.is_list()) return std::nullopt;
    return Text(Joined(items, first.AsText()));
  }
  if (name == "sprintf" || name == "format" || name == "vsprintf") {
    CodeArguments values = arguments.subspan(1);
    if (values.size() == 1 && values[0].is_list()) values = values[0].items;
    auto text = FormatValues(first.AsText(), values);
    if (!text) return std::nullopt;
    return Text(*text);
  }
  if (name == "pack" && has_second) {
    return Packed(first.AsText(), arguments.subspan(1));
  }
  if (name == "map" && has_second && first.is_text()) {
    return Mapped(first.text, arguments[1], budget);
  }
  if (name == "range") {
    int64_t from = has_second ? first.AsNumber() : 0;
    int64_t to = has_second ? arguments[1].AsNumber() : first.AsNumber();
    int64_t step = arguments.size() > 2 ? arguments[2].AsNumber() : 1;
    constexpr int64_t kMost = 1'000'000'000;
    if (step == 0 || std::abs(from) > kMost || std::abs(to) > kMost ||
        std::abs(step) > kMost) {
      return std::nullopt;
    }
    CodeValue list = CodeValue::List({});
    for (int64_t i = from; (step > 0 ? i < to : i > to); i += step) {
      if (list.items.size() >= 64) return std::nullopt;
      list.items.push_back(CodeValue::Number(i));
    }
    return list;
  }
  if (name == "decompress" || name == "gzdecode" || name == "gunzipSync") {
    if (!IsGzip(first.text)) return std::nullopt;
    std::string text = Gunzip(first.text, kMaxUnzipped);
    if (!budget.Take(text.size())) return std::nullopt;
    return Text(std::move(text));
  }
  // Buffer.from(x, 'hex'), codecs.decode(x, 'rot13')
  if ((name == "from" || name == "decode" || name == "Buffer") &&
      IsTextLike(first)) {
    return Text(Decoded(first.AsText(),
                        has_second ? arguments[1].AsText() : std::string()));
  }
  if (name == "from" && first.is_list()) return Text(Bytes(arguments.first(1)));
  if (name == "str_rot13") return Text(Rot13(first.AsText()));
  if (name == "len" || name == "strlen" || name == "length") {
    return Number(static_cast<int64_t>(
        first.is_list() ? first.items.size() : first.AsText().size()));
  }
  if (name == "str_replace" && arguments.size() > 2) {
    std::string from = first.AsText();
    if (from.empty()) return std::nullopt;
    return Text(absl::StrReplaceAll(arguments[2].AsText(),
                                    {{from, arguments[1].AsText()}}));
  }
  if (name == "substr" && has_second) {
    CodeSlice slice{.begin = arguments[1].AsNumber(), .end = {}};
    if (arguments.size() > 2 && *slice.begin >= 0) {
      slice.end = *slice.begin +
                  std::clamp<int64_t>(arguments[2].AsNumber(), 0, 1 << 20);
    }
    return Sliced(first, slice);
  }
  if (IsOneOf(name, {"lc", "lower", "strtolower"})) {
    return Text(absl::AsciiStrToLower(first.AsText()));
  }
  if (IsOneOf(name, {"uc", "upper", "strtoupper"})) {
    return Text(absl::AsciiStrToUpper(first.AsText()));
  }
  if (name == "array" || name == "Array") {
    return CodeValue::List({arguments.begin(), arguments.end()});
  }
  return std::nullopt;
}

std::optional<CodeValue> CallMethod(string_view name, const CodeValue& value,
                                    CodeArguments arguments,
                                    FoldBudget& budget) {
  if (!budget.Take(8 + value.text.size() + 4 * value.items.size())) {
    return std::nullopt;
  }
  std::string first = arguments.empty() ? std::string() : arguments[0].AsText();
  if (name == "join") {
    // Python's divider comes first, the others' list.
    if (!arguments.empty() && (arguments[0].is_list() || value.is_text())) {
      if (arguments[0].is_text())
        return Text(Joined(Split(arguments[0], "")->items, value.AsText()));
      return Text(Joined(arguments[0].items, value.AsText()));
    }
    if (value.is_list()) return Text(Joined(value.items, first));
    return std::nullopt;
  }
  if (name == "format" && value.is_text()) {
    std::string text;
    size_t next = 0;
    for (size_t i = 0; i < value.text.size(); ++i) {
      if (value.text[i] != '{') {
        text += value.text[i];
        continue;
      }
      size_t close = value.text.find('}', i);
      if (close == std::string::npos) return std::nullopt;
      string_view inside = string_view(value.text).substr(i + 1, close - i - 1);
      size_t colon = inside.find(':');
      string_view place = inside.substr(0, colon);
      size_t index = next++;
      if (!place.empty() && !absl::SimpleAtoi(A(place), &index))
        return std::nullopt;
      if (index >= arguments.size()) return std::nullopt;
      std::string spec(colon == inside.npos ? "" : inside.substr(colon + 1));
      if (!spec.empty()) {
        if (absl::ascii_isdigit(static_cast<unsigned char>(spec.back())))
          spec += 'd';
        auto one = FormatValues("%" + spec, arguments.subspan(index, 1));
        if (!one) return std::nullopt;
        text += *one;
      } else {
        text += arguments[index].AsText();
      }
      i = close;
    }
    return Text(text);
  }
  if (name == "replace" || name == "replaceAll" || name == "gsub" ||
      name == "sub" || name == "tr") {
    if (arguments.size() < 2 || first.empty() || !value.is_text())
      return std::nullopt;
    return Text(
        absl::StrReplaceAll(value.text, {{first, arguments[1].AsText()}}));
  }
  if (name == "split") {
    if (!value.is_text()) return std::nullopt;
    bool by_blank = arguments.empty();
    return Split(value, by_blank ? " " : first);
  }
  if (name == "reverse" || name == "reversed") {
    return Sliced(value, {.begin = {}, .end = {}, .step = -1});
  }
  if (name == "decode" || name == "encode" || name == "unpack1") {
    if (name == "decode" && !arguments.empty())
      return Text(Decoded(value.AsText(), first));
    if (name == "unpack1") return Packed(first, {&value, 1});
    return Text(value.AsText());
  }
  if (name == "unpack") {
    Result one = Packed(first, {&value, 1});
    if (!one) return one;
    return CodeValue::List({*one});
  }
  if (name == "pack") return Packed(first, {&value, 1});
  if (name == "toString" || name == "to_s") {
    if (value.is_number() && !arguments.empty()) {
      return Text(InBase(value.number, arguments[0].AsNumber()));
    }
    return Text(value.AsText());
  }
  if (name == "chr") return Text(Characters({&value, 1}));
  if (name == "ord") return CallFunction("ord", {&value, 1}, budget);
  if (name == "hex" && value.is_number() == false && arguments.empty()) {
    return CallFunction("hex", {&value, 1}, budget);
  }
  if (name == "strip" || name == "trim" || name == "rstrip" ||
      name == "lstrip" || name == "chomp") {
    return Text(std::string(absl::StripAsciiWhitespace(value.AsText())));
  }
  if (name == "lower" || name == "toLowerCase" || name == "downcase") {
    return Text(absl::AsciiStrToLower(value.AsText()));
  }
  if (name == "upper" || name == "toUpperCase" || name == "upcase") {
    return Text(absl::AsciiStrToUpper(value.AsText()));
  }
  if (name == "concat") {
    std::string text = value.AsText();
    for (const CodeValue& a : arguments) text += a.AsText();
    return Text(text);
  }
  if (IsOneOf(name, {"slice", "substring", "substr"}) && !arguments.empty()) {
    CodeSlice slice{.begin = arguments[0].AsNumber(), .end = {}};
    if (arguments.size() > 1) slice.end = arguments[1].AsNumber();
    return Sliced(value, slice);
  }
  if (name == "repeat" && arguments.size() == 1) {
    std::string text;
    for (int64_t i = 0; i < arguments[0].AsNumber() && i < 1024; ++i) {
      if (!budget.Take(value.text.size())) return std::nullopt;
      text += value.AsText();
    }
    return Text(text);
  }
  if (name == "exploded" || name == "compressed") return Text(value.AsText());
  return std::nullopt;
}

}  // namespace oddverb
