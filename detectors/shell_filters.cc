// Long because: one table of small programs, each a few lines.
#include "detectors/shell_filters.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/gunzip.h"
#include "base/strings.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/text_codecs.h"
#include "re2/re2.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr size_t kMaxUnzipped = 64 * 1024;
constexpr size_t kMaxLines = 256;
constexpr size_t kMaxPatternBytes = 256;

// The flags and values of a command line such as "-c 1-3 -d. --decode".
class Options {
 public:
  Options(const ShellWords& words, string_view with_value) {
    for (size_t i = 1; i < words.size(); ++i) {
      string_view word = words[i];
      if (word.size() < 2 || word[0] != '-') {
        operands.emplace_back(word);
      } else if (word.starts_with("--")) {
        flags.emplace_back(word);
      } else {
        i += ReadBundle(words, i, with_value);
      }
    }
  }
  bool Has(char flag) const { return letters.find(flag) != letters.npos; }
  bool Has(string_view flag) const {
    return std::any_of(flags.begin(), flags.end(),
                       [&](string_view f) { return f.starts_with(flag); });
  }
  std::optional<std::string> Value(char flag) const {
    for (const auto& [name, value] : values) {
      if (name == flag) return value;
    }
    return std::nullopt;
  }

  ShellWords operands;

 private:
  // How many further words it took.
  size_t ReadBundle(const ShellWords& words, size_t i, string_view with_value) {
    string_view word = words[i];
    for (size_t at = 1; at < word.size(); ++at) {
      letters += word[at];
      if (with_value.find(word[at]) == with_value.npos) continue;
      if (at + 1 < word.size()) {
        values.emplace_back(word[at], word.substr(at + 1));
        return 0;
      }
      if (i + 1 >= words.size()) return 0;
      values.emplace_back(word[at], words[i + 1]);
      return 1;
    }
    return 0;
  }

  std::string letters;
  std::vector<string_view> flags;
  std::vector<std::pair<char, std::string>> values;
};

std::vector<string_view> Lines(string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  std::vector<string_view> lines;
  while (lines.size() < kMaxLines) {
    size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string Joined(const std::vector<string_view>& lines) {
  std::string text;
  for (string_view line : lines) absl::StrAppend(&text, A(line), "\n");
  return text;
}

// tr's sets: ranges, classes, escapes.
std::string TrSet(string_view text) {
  std::string set;
  for (size_t i = 0; i < text.size() && set.size() < 1024;) {
    if (text.substr(i).starts_with("[:")) {
      size_t close = text.find(":]", i);
      string_view name = close == text.npos ? string_view()
                                            : text.substr(i + 2, close - i - 2);
      auto add = [&set](char from, char to) {
        for (char c = from; c <= to; ++c) set += c;
      };
      if (name == "upper" || name == "alpha" || name == "alnum") add('A', 'Z');
      if (name == "lower" || name == "alpha" || name == "alnum") add('a', 'z');
      if (name == "digit" || name == "alnum") add('0', '9');
      if (name == "space" || name == "blank") set += " \t\n";
      if (!name.empty()) {
        i = close + 2;
        continue;
      }
    }
    Escape escape = ReadEscape(text.substr(i));
    std::string one = escape.length > 0 ? escape.text : std::string(1, text[i]);
    i += std::max<size_t>(escape.length, 1);
    bool is_range = i + 1 < text.size() && text[i] == '-' && one.size() == 1;
    if (!is_range) {
      set += one;
      continue;
    }
    auto to = static_cast<unsigned char>(text[i + 1]);
    for (int c = static_cast<unsigned char>(one[0]); c <= to; ++c) {
      set += static_cast<char>(c);
    }
    i += 2;
  }
  return set;
}

std::optional<std::string> Tr(const ShellWords& words, string_view input) {
  Options options(words, "");
  if (options.operands.empty()) return std::nullopt;
  bool deletes = options.Has('d') || options.Has("--delete");
  bool complement =
      options.Has('c') || options.Has('C') || options.Has("--complement");
  std::string from = TrSet(options.operands[0]);
  std::string to =
      options.operands.size() > 1 ? TrSet(options.operands[1]) : std::string();
  std::array<int, 256> map{};
  for (size_t c = 0; c < map.size(); ++c) {
    bool in_set = from.find(static_cast<char>(c)) != from.npos;
    map[c] = static_cast<int>(c);
    if (in_set == complement) continue;
    if (deletes) map[c] = -1;
    if (deletes || to.empty()) continue;
    size_t at = complement ? to.size() - 1 : from.find(static_cast<char>(c));
    map[c] = static_cast<unsigned char>(to[std::min(at, to.size() - 1)]);
  }
  std::string output;
  bool squeezes = options.Has('s') && !deletes;
  const std::string& squeezed = to.empty() ? from : to;
  for (char c : input) {
    int mapped = map[static_cast<unsigned char>(c)];
    if (mapped < 0) continue;
    char now = static_cast<char>(mapped);
    if (squeezes && !output.empty() && output.back() == now &&
        squeezed.find(now) != squeezed.npos) {
      continue;
    }
    output += now;
  }
  return output;
}

// A basic regular expression as an extended one.
std::string ExtendedPattern(string_view basic) {
  std::string extended;
  for (size_t i = 0; i < basic.size(); ++i) {
    char c = basic[i];
    constexpr string_view kSwapped = "(){}+?|";
    if (c == '\\' && i + 1 < basic.size()) {
      char next = basic[++i];
      if (kSwapped.find(next) == kSwapped.npos) extended += '\\';
      extended += next;
    } else {
      if (kSwapped.find(c) != kSwapped.npos) extended += '\\';
      extended += c;
    }
  }
  return extended;
}

// "s/a/b/g": its parts, from behind the "s"; false if there are not three.
struct Substitution {
  std::string pattern;
  std::string replacement;
  string_view flags;
  size_t length = 0;
};
bool ReadSubstitution(string_view text, Substitution& out) {
  if (text.empty()) return false;
  char divider = text[0];
  size_t i = 1;
  for (std::string* part : {&out.pattern, &out.replacement}) {
    for (; i < text.size() && text[i] != divider; ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) {
        if (text[i + 1] != divider) *part += '\\';
        ++i;
      }
      *part += text[i];
    }
    if (i++ >= text.size()) return false;
  }
  size_t end = i;
  while (end < text.size() && text[end] != ';' && text[end] != '\n') ++end;
  out.flags = text.substr(i, end - i);
  out.length = end;
  return true;
}

bool SubstituteLines(const Substitution& s, bool extended, std::string& text,
                     FoldBudget& budget) {
  if (s.pattern.size() > kMaxPatternBytes) return false;
  RE2::Options re_options(RE2::Quiet);
  re_options.set_max_mem(1 << 18);
  re_options.set_case_sensitive(s.flags.find_first_of("iI") == s.flags.npos);
  // Compiling and matching, compared with looking at a byte.
  constexpr size_t kPatternCost = 16;
  if (!budget.Take(kPatternCost * (s.pattern.size() + 8) + text.size())) {
    return false;
  }
  RE2 pattern(extended ? s.pattern : ExtendedPattern(s.pattern), re_options);
  std::string rewrite;
  for (size_t i = 0; i < s.replacement.size(); ++i) {
    char c = s.replacement[i];
    if (c == '&') {
      rewrite += "\\0";
    } else if (c == '\\' && i + 1 < s.replacement.size()) {
      char next = s.replacement[++i];
      if (absl::ascii_isdigit(static_cast<unsigned char>(next))) {
        rewrite += '\\';
      }
      rewrite += next == 'n' ? '\n' : next;
      if (next == '\\') rewrite += '\\';
    } else {
      rewrite += c;
    }
  }
  std::string error;
  if (!pattern.ok() || !pattern.CheckRewriteString(rewrite, &error)) {
    return false;
  }
  bool all = s.flags.find('g') != s.flags.npos;
  std::string output;
  for (string_view line : Lines(text)) {
    std::string changed(line);
    if (all) {
      RE2::GlobalReplace(&changed, pattern, rewrite);
    } else {
      RE2::Replace(&changed, pattern, rewrite);
    }
    absl::StrAppend(&output, changed, "\n");
    if (!budget.Take(changed.size())) return false;
  }
  text = std::move(output);
  return true;
}

std::optional<std::string> Sed(const ShellWords& words, string_view input,
                               FoldBudget& budget) {
  Options options(words, "ef");
  bool extended = options.Has('E') || options.Has('r');
  std::string script = options.Value('e').value_or("");
  if (script.empty() && !options.operands.empty()) script = options.operands[0];
  std::string text(input);
  string_view rest = script;
  while (!rest.empty()) {
    rest = S(absl::StripLeadingAsciiWhitespace(A(rest)));
    if (rest.starts_with(';')) {
      rest.remove_prefix(1);
    } else if (rest.starts_with('s')) {
      Substitution s;
      if (!ReadSubstitution(rest.substr(1), s)) return std::nullopt;
      if (!SubstituteLines(s, extended, text, budget)) return std::nullopt;
      rest.remove_prefix(std::min(rest.size(), 1 + s.length));
    } else if (rest.starts_with('y')) {
      Substitution s;
      if (!ReadSubstitution(rest.substr(1), s)) return std::nullopt;
      for (char& c : text) {
        size_t at = s.pattern.find(c);
        if (at < s.replacement.size()) c = s.replacement[at];
      }
      rest.remove_prefix(std::min(rest.size(), 1 + s.length));
    } else {
      break;  // prints, deletes: the text stays for the most part
    }
  }
  return text;
}

// "1-3,5": positions that are kept, from 1 on.
bool IsListed(string_view list, size_t position) {
  for (absl::string_view range : absl::StrSplit(A(list), ',')) {
    std::vector<absl::string_view> ends = absl::StrSplit(range, '-');
    size_t from = 1;
    size_t to = SIZE_MAX;
    if (!ends[0].empty() && !absl::SimpleAtoi(ends[0], &from)) return false;
    if (ends.size() == 1) to = from;
    if (ends.size() > 1 && !ends[1].empty() &&
        !absl::SimpleAtoi(ends[1], &to)) {
      return false;
    }
    if (position >= from && position <= to) return true;
  }
  return false;
}

std::optional<std::string> Cut(const ShellWords& words, string_view input) {
  Options options(words, "bcfd");
  std::string list = options.Value('c').value_or(
      options.Value('b').value_or(options.Value('f').value_or("")));
  bool fields = options.Value('f').has_value();
  char divider = options.Value('d').value_or("\t").c_str()[0];
  std::string output;
  for (string_view line : Lines(input)) {
    std::string kept;
    size_t position = 1;
    bool any = false;
    for (size_t i = 0; i < line.size(); ++i) {
      bool divides = fields && line[i] == divider;
      if (divides) ++position;
      bool listed = IsListed(list, position);
      if (divides && (!listed || !any)) continue;
      if (listed) kept += line[i];
      any = any || listed;
      if (!fields) ++position;
    }
    absl::StrAppend(&output, kept, "\n");
  }
  return output;
}

std::optional<std::string> HeadOrTail(const ShellWords& words,
                                      string_view input) {
  Options options(words, "cn");
  bool is_head = words[0] == "head";
  bool bytes = options.Value('c').has_value();
  std::string value =
      options.Value('c').value_or(options.Value('n').value_or("10"));
  int64_t count = 0;
  string_view digits = value;
  bool from_there = digits.starts_with('+');
  if (from_there) digits.remove_prefix(1);
  if (!absl::SimpleAtoi(A(digits), &count)) return std::nullopt;
  std::vector<string_view> lines = Lines(input);
  auto size = static_cast<int64_t>(bytes ? input.size() : lines.size());
  int64_t begin = 0;
  int64_t end = size;
  if (is_head) {
    end =
        count < 0 ? std::max<int64_t>(0, size + count) : std::min(size, count);
  } else {
    begin = from_there ? std::min(size, std::max<int64_t>(count, 1) - 1)
                       : std::max<int64_t>(0, size - std::abs(count));
  }
  auto from = static_cast<size_t>(begin);
  auto length = static_cast<size_t>(std::max<int64_t>(0, end - begin));
  if (bytes) return std::string(input.substr(from, length));
  lines = {lines.begin() + begin,
           lines.begin() + begin + std::max<int64_t>(0, end - begin)};
  return Joined(lines);
}

std::optional<std::string> ByLine(const ShellWords& words, string_view input) {
  string_view name = words[0];
  std::vector<string_view> lines = Lines(input);
  if (name == "rev") {
    std::string output;
    for (string_view line : lines) {
      output.append(line.rbegin(), line.rend());
      output += '\n';
    }
    if (!input.ends_with('\n')) output.pop_back();
    return output;
  }
  if (name == "tac") std::reverse(lines.begin(), lines.end());
  if (name == "sort") {
    Options options(words, "kt");
    std::stable_sort(lines.begin(), lines.end());
    if (options.Has('r')) std::reverse(lines.begin(), lines.end());
  }
  if (name == "paste") {
    Options options(words, "d");
    return absl::StrCat(absl::StrJoin(lines, options.Value('d').value_or("\t"),
                                      [](std::string* out, string_view line) {
                                        out->append(line);
                                      }),
                        "\n");
  }
  return Joined(lines);
}

std::optional<std::string> Calculate(const ShellWords& words, string_view input,
                                     FoldBudget& budget) {
  ArithmeticVariables none{[](string_view) { return std::string(); },
                           [](string_view, int64_t) {}};
  std::string output;
  if (words[0] == "expr") {
    std::string text;
    for (size_t i = 1; i < words.size(); ++i) text += words[i] + " ";
    auto value = EvaluateArithmetic(text, none, budget);
    if (!value) return std::nullopt;
    return absl::StrCat(*value, "\n");
  }
  int64_t base = 10;
  for (absl::string_view part :
       absl::StrSplit(A(input), absl::ByAnyChar("\n;"))) {
    std::string text(absl::StripAsciiWhitespace(part));
    if (text.starts_with("ibase=")) {
      base = ReadShellInteger(text.substr(6)).value_or(10);
    } else if (!text.empty()) {
      if (base != 10) text = absl::StrCat(base, "#", text);
      auto value = EvaluateArithmetic(text, none, budget);
      if (!value) return std::nullopt;
      absl::StrAppend(&output, *value, "\n");
    }
  }
  return output;
}

std::optional<std::string> Sequence(const ShellWords& words) {
  Options options(words, "sf");
  std::vector<int64_t> numbers;
  for (const std::string& word : options.operands) {
    numbers.push_back(ReadShellInteger(word).value_or(0));
  }
  if (numbers.empty()) return std::nullopt;
  int64_t from = numbers.size() > 1 ? numbers[0] : 1;
  int64_t step = numbers.size() > 2 ? numbers[1] : 1;
  int64_t to = numbers.back();
  constexpr int64_t kMost = 1'000'000'000;
  bool sane = step > 0 && step < kMost && std::abs(to) < kMost &&
              std::abs(from) < kMost;
  if (!sane) return std::nullopt;
  std::string divider = options.Value('s').value_or("\n");
  std::string output;
  size_t count = 0;
  for (int64_t i = from; i <= to && count < kMaxLines; i += step, ++count) {
    absl::StrAppend(&output, count > 0 ? divider : "", i);
  }
  return output + "\n";
}

std::optional<std::string> Decode(const ShellWords& words,
                                  const std::string& input,
                                  FoldBudget& budget) {
  string_view name = words[0];
  Options options(words, "wcls");
  bool decodes = options.Has('d') || options.Has('D') || options.Has("--d");
  if (name == "base64" || name == "openssl") {
    bool is_base64 = name == "base64" ||
                     std::any_of(words.begin(), words.end(), [](const auto& w) {
                       return w == "base64" || w == "-base64" || w == "-a";
                     });
    if (!is_base64 || !decodes) return std::nullopt;
    return DecodeBase64Text(input);
  }
  if (name == "xxd") {
    if (!options.Has('r')) return std::nullopt;
    return DecodeHexText(input);
  }
  bool unzips = name != "gzip" || decodes;
  if (!unzips || !IsGzip(input)) return std::nullopt;
  std::string text = Gunzip(input, kMaxUnzipped);
  budget.Take(text.size());
  return text;
}

}  // namespace

std::optional<std::string> FilterOutput(const ShellWords& words,
                                        const std::string& input,
                                        FoldBudget& budget) {
  if (!budget.Take(input.size() + 16)) return std::nullopt;
  string_view name = words[0];
  if (name == "tr") return Tr(words, input);
  if (name == "sed") return Sed(words, input, budget);
  if (name == "cut") return Cut(words, input);
  if (name == "head" || name == "tail") return HeadOrTail(words, input);
  if (name == "rev" || name == "tac" || name == "sort" || name == "uniq" ||
      name == "paste") {
    return ByLine(words, input);
  }
  if (name == "bc" || name == "expr") return Calculate(words, input, budget);
  if (name == "seq") return Sequence(words);
  if (name == "base64" || name == "xxd" || name == "openssl" ||
      name == "gunzip" || name == "zcat" || name == "gzip") {
    return Decode(words, input, budget);
  }
  return std::nullopt;
}

}  // namespace oddverb
