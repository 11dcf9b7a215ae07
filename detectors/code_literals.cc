// Long because: literals, names and calls of six languages, side by side.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "detectors/code_folder.h"
#include "detectors/code_values.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/text_codecs.h"

namespace oddverb {
namespace {

using std::string_view;

}  // namespace

CodeFolder::Result CodeFolder::NumberLiteral() {
  size_t begin = at_;
  while (IsNameByte(Peek())) ++at_;
  size_t dots = 0;
  while (Peek() == '.' && IsDigit(Peek(1))) {
    ++dots;
    ++at_;
    while (IsDigit(Peek())) ++at_;
  }
  if (!budget_.Take(at_ - begin)) return std::nullopt;
  std::string text(code_.substr(begin, at_ - begin));
  if (dots == 1) return CodeValue::Text(text);
  if (dots > 1) {
    if (!Is(CodeLanguage::kPerl)) return std::nullopt;
    return VersionString(text);
  }
  text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
  std::optional<int64_t> value;
  if (text.starts_with("0b")) {
    value = ReadShellInteger("2#" + text.substr(2));
  } else if (text.starts_with("0o")) {
    value = ReadShellInteger("8#" + text.substr(2));
  } else {
    value = ReadShellInteger(text);
  }
  if (!value) return std::nullopt;
  return CodeValue::Number(*value);
}

CodeFolder::Result CodeFolder::VersionString(string_view text) {
  std::string characters;
  while (!text.empty()) {
    size_t dot = text.find('.');
    auto code = ReadShellInteger(text.substr(0, dot));
    if (!code || *code < 0 || *code > 0x10ffff) return std::nullopt;
    AppendUtf8(static_cast<uint32_t>(*code), characters);
    text.remove_prefix(dot == text.npos ? text.size() : dot + 1);
  }
  return CodeValue::Text(characters);
}

CodeFolder::Result CodeFolder::Sigil() {
  char sigil = code_[at_++];
  if (Is(CodeLanguage::kAwk)) {
    Result index = NumberLiteral();
    if (!index) return std::nullopt;
    return Field(index->AsNumber());
  }
  if (sigil == '@' && Rest().starts_with("{[")) {
    at_ += 2;
    Result list = ListBody(']');
    return Accept("}") ? list : std::nullopt;
  }
  bool braced = Peek() == '{';
  if (braced) ++at_;
  string_view name = Name();
  if (braced && !Accept("}")) return std::nullopt;
  if (name.empty()) return std::nullopt;
  if (name == "ENV" && (Peek() == '{' || Peek() == '[')) {
    char close = Peek() == '{' ? '}' : ']';
    ++at_;
    while (Peek() == '\'' || Peek() == '"') ++at_;
    std::string key(Name());
    while (Peek() == '\'' || Peek() == '"') ++at_;
    if (Peek() != close) return std::nullopt;
    ++at_;
    return Environment(key);
  }
  auto known = variables_.find(name);
  if (known == variables_.end()) return std::nullopt;
  return known->second;
}

CodeFolder::Result CodeFolder::Field(int64_t number) {
  std::string line = context_.input.substr(0, context_.input.find('\n'));
  if (number == 0) return CodeValue::Text(line);
  std::string dividers = context_.divider.empty() ? " \t" : context_.divider;
  string_view rest = line;
  for (int64_t i = 1; i < number && i < 64; ++i) {
    size_t stop = rest.find_first_of(dividers);
    if (stop == rest.npos) return CodeValue::Text("");
    rest.remove_prefix(stop + 1);
  }
  return CodeValue::Text(
      std::string(rest.substr(0, rest.find_first_of(dividers))));
}

CodeFolder::Result CodeFolder::BackQuoted() {
  if (Is(CodeLanguage::kJavaScript)) return Literal("f");
  size_t close = code_.find('`', at_ + 1);
  if (!budget_.Take(std::min(close, code_.size()) - at_)) return std::nullopt;
  if (close == code_.npos) return std::nullopt;
  std::string script =
      Interpolated(code_.substr(at_ + 1, close - at_ - 1), "f");
  at_ = close + 1;
  if (budget_.Take(script.size())) result_.scripts.push_back(std::move(script));
  return std::nullopt;
}

CodeFolder::Result CodeFolder::Literal(string_view prefix) {
  char quote = Peek();
  std::string mark(1, quote);
  bool triple = Rest().starts_with(std::string(3, quote)) && quote != '`';
  if (triple) mark = std::string(3, quote);
  at_ += mark.size();
  size_t begin = at_;
  while (at_ < code_.size() && !Rest().starts_with(mark)) {
    at_ += Peek() == '\\' ? 2 : 1;
  }
  if (at_ >= code_.size()) {
    budget_.Take(code_.size() - begin);
    at_ = code_.size();
    return std::nullopt;
  }
  string_view inside = code_.substr(begin, at_ - begin);
  at_ += mark.size();
  if (!budget_.Take(inside.size())) return std::nullopt;
  bool raw = prefix.find_first_of("rR") != prefix.npos;
  bool plain = quote == '\'' && HasSigils();
  if (raw) return CodeValue::Text(std::string(inside));
  if (plain) {
    std::string text;
    for (size_t i = 0; i < inside.size(); ++i) {
      bool escaped = inside[i] == '\\' && i + 1 < inside.size() &&
                     (inside[i + 1] == '\'' || inside[i + 1] == '\\');
      if (escaped) ++i;
      text += inside[i];
    }
    return CodeValue::Text(std::move(text));
  }
  bool interpolates = HasSigils() || prefix.find_first_of("fF") != prefix.npos;
  if (interpolates) return CodeValue::Text(Interpolated(inside, prefix));
  return CodeValue::Text(UndoEscapes(inside));
}

std::string CodeFolder::Interpolated(string_view inside, string_view prefix) {
  std::string text;
  bool python = Is(CodeLanguage::kPython);
  bool ruby = Is(CodeLanguage::kRuby);
  for (size_t i = 0; i < inside.size();) {
    if (!budget_.Take(1)) break;
    Escape escape = ReadEscape(inside.substr(i));
    if (escape.length > 0) {
      text += escape.text;
      i += escape.length;
      continue;
    }
    char c = inside[i];
    size_t open = string_view::npos;
    if (python && c == '{') open = i;
    if (ruby && inside.substr(i).starts_with("#{")) open = i + 1;
    if (!python && !ruby && inside.substr(i).starts_with("${")) open = i + 1;
    if (open != string_view::npos) {
      size_t close = inside.find('}', open);
      string_view code = close == inside.npos
                             ? string_view()
                             : inside.substr(open + 1, close - open - 1);
      if (python) code = code.substr(0, code.find('!'));
      Result value = ValueOf(code);
      if (!value && Is(CodeLanguage::kPerl))
        value = ValueOf(absl::StrCat("$", A(code)));
      if (value) {
        text += value->AsText();
        i = close + 1;
        continue;
      }
    }
    bool sigil = HasDotOperator() && (c == '$' || c == '@') && prefix != "b";
    if (sigil) {
      size_t end = i + 1;
      bool computed = inside.substr(end).starts_with("{[");
      if (computed)
        end = std::min(inside.find("]}", end), inside.size() - 2) + 2;
      while (!computed && end < inside.size() && IsNameByte(inside[end])) ++end;
      if (end < inside.size() && inside[end] == '[' && !computed) {
        size_t close = inside.find(']', end);
        if (close != inside.npos && close > end + 1 &&
            IsDigit(inside[end + 1])) {
          end = close + 1;
        }
      }
      if (auto value = ValueOf(inside.substr(i, end - i))) {
        text += value->is_list() ? Spaced(*value) : value->AsText();
        i = end;
        continue;
      }
    }
    text += c;
    ++i;
  }
  return text;
}

std::string CodeFolder::Spaced(const CodeValue& list) {
  std::string text;
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) text += ' ';
    text += list.items[i].AsText();
  }
  return text;
}

CodeFolder::Result CodeFolder::ValueOf(string_view code) {
  if (code.empty()) return std::nullopt;
  std::string owned(code);
  string_view outer = std::exchange(code_, owned);
  size_t at = std::exchange(at_, 0);
  Result value = Expression(0);
  SkipSpace();
  if (at_ != code_.size()) value.reset();
  code_ = outer;
  at_ = at;
  return value;
}

CodeFolder::Result CodeFolder::PerlQuote(string_view name) {
  SkipSpace();
  char open = Peek();
  if (open == '\0' || IsNameByte(open) || open == ',' || open == '=')
    return std::nullopt;
  char close = open == '('   ? ')'
               : open == '{' ? '}'
               : open == '[' ? ']'
               : open == '<' ? '>'
                             : open;
  size_t end = code_.find(close, at_ + 1);
  if (!budget_.Take(std::min(end, code_.size()) - at_)) return std::nullopt;
  if (end == code_.npos) return std::nullopt;
  string_view inside = code_.substr(at_ + 1, end - at_ - 1);
  at_ = end + 1;
  if (name == "q") return CodeValue::Text(std::string(inside));
  if (name == "qq") return CodeValue::Text(Interpolated(inside, "f"));
  if (name == "qx") {
    result_.scripts.push_back(Interpolated(inside, "f"));
    return std::nullopt;
  }
  CodeValue list = CodeValue::List({});
  while (!inside.empty()) {
    size_t stop = inside.find_first_of(" \t\n");
    if (stop != 0)
      list.items.push_back(
          CodeValue::Text(std::string(inside.substr(0, stop))));
    inside.remove_prefix(stop == inside.npos ? inside.size() : stop + 1);
  }
  return list;
}

CodeFolder::Result CodeFolder::PerlMap() {
  SkipSpace();
  bool parenthesized = Accept("(");
  SkipSpace();
  bool block = Accept("{");
  SkipSpace();
  size_t begin = at_;
  int nested = 0;
  while (at_ < code_.size()) {
    char c = Peek();
    if (block ? (c == '}' && nested == 0) : (c == ',' && nested == 0)) break;
    if (c == '(' || c == '{' || c == '[') ++nested;
    if (c == ')' || c == '}' || c == ']') --nested;
    ++at_;
    if (!budget_.Take(1)) return std::nullopt;
  }
  size_t end = at_;
  if (at_ >= code_.size()) return std::nullopt;
  ++at_;
  Accept(",");
  // The list: all that follows.
  CodeValue list = CodeValue::List({});
  do {
    Result value = Expression(0);
    if (!value) return std::nullopt;
    Append(list, std::move(*value));
  } while (Accept(","));
  if (parenthesized && !Accept(")")) return std::nullopt;
  size_t behind = at_;
  while (end > begin && IsSpace(code_[end - 1])) --end;
  std::string body(code_.substr(begin, end - begin));
  if (IsOneOf(body, {"chr", "hex", "oct", "ord", "lc", "uc"})) body += "($_)";
  CodeValue result = CodeValue::List({});
  if (list.items.size() > kMaxRounds) return std::nullopt;
  for (CodeValue& item : list.items) {
    Remember("_", std::move(item));
    Result value = ValueOf(body);
    if (!value) return std::nullopt;
    Append(result, std::move(*value));
  }
  at_ = behind;
  return result;
}

CodeFolder::Result CodeFolder::NamePrimary() {
  size_t begin = at_;
  string_view name = Name();
  char next = Peek();
  bool quoted = next == '"' || next == '\'';
  if (quoted && name.size() <= 2 && Is(CodeLanguage::kPython) &&
      name.find_first_not_of("rRbBfFuU") == name.npos) {
    return Literal(name);
  }
  if (Is(CodeLanguage::kPerl)) {
    if (IsOneOf(name, {"q", "qq", "qw", "qx"})) return PerlQuote(name);
    if (name == "map") return PerlMap();
    if (name.size() > 1 && name[0] == 'v' && IsDigit(name[1])) {
      while (Peek() == '.' && IsDigit(Peek(1))) {
        ++at_;
        while (IsDigit(Peek())) ++at_;
      }
      return VersionString(code_.substr(begin + 1, at_ - begin - 1));
    }
  }
  if (name == "new") {
    SkipSpace();
    return NamePrimary();
  }
  auto known = variables_.find(name);
  if (known != variables_.end() && !HasDotOperator() && next != '(') {
    return known->second;
  }
  // __import__('base64').b64decode(...), require('x').y(...)
  if (name == "__import__" || name == "require" || name == "import_module") {
    if (next != '(') return std::nullopt;
    size_t close = code_.find(')', at_);
    if (close == code_.npos || code_.substr(close + 1, 1) != ".")
      return std::nullopt;
    at_ = close + 2;
    name = Name();
  }
  string_view path = code_.substr(begin, at_ - begin);
  while (!name.empty() &&
         ((Peek() == '.' && !HasDotOperator() && IsNameStart(Peek(1))) ||
          Rest().starts_with("::") || Rest().starts_with("->"))) {
    at_ += Peek() == '.' ? 1 : 2;
    name = Name();
    path = code_.substr(begin, at_ - begin);
    if (path == "sys.argv" || path == "process.argv")
      return ProgramArguments(path);
    if (path.ends_with("os.environ") || path == "process.env")
      return EnvironmentItem();
  }
  if (name == "ENV") return EnvironmentItem();
  if (name == "getenv" && Peek() == '(') {
    return EnvironmentItem();
  }
  if (path.ends_with("stdin.read") || path == "input") {
    Accept("(");
    if (!Accept(")") || context_.input.empty()) return std::nullopt;
    return CodeValue::Text(context_.input);
  }
  return Call(name);
}

CodeFolder::Result CodeFolder::ProgramArguments(string_view path) {
  CodeValue list = CodeValue::List({CodeValue::Text("-c")});
  if (path == "process.argv") list.items.push_back(CodeValue::Text("node"));
  if (path == "process.argv") list.items.erase(list.items.begin());
  for (const std::string& argument : context_.arguments) {
    list.items.push_back(CodeValue::Text(argument));
  }
  return list;
}

CodeFolder::Result CodeFolder::EnvironmentItem() {
  while (at_ < code_.size() &&
         string_view("[(.'\"").find(Peek()) != string_view::npos) {
    ++at_;
  }
  std::string key(Name());
  if (key == "get") return EnvironmentItem();
  while (at_ < code_.size() &&
         string_view("'\"").find(Peek()) != string_view::npos)
    ++at_;
  if (Peek() == ']' || Peek() == ')') ++at_;
  return key.empty() ? std::nullopt : Environment(key);
}

CodeFolder::Result CodeFolder::Call(string_view name) {
  SkipSpace();
  if (Peek() == '(') {
    const size_t body = ++at_;
    ++depth_;
    Result list = ListBody(')');
    // map(chr, [...]): the function itself is an argument.
    if (!list && name == "map" && Is(CodeLanguage::kPython)) {
      at_ = body;
      list = PythonMap();
    }
    --depth_;
    if (!list) return std::nullopt;
    return CallFunction(name, list->items, budget_);
  }
  // Perl and Ruby need no parentheses.
  bool bare = (Is(CodeLanguage::kPerl) || Is(CodeLanguage::kRuby)) &&
              IsOneOf(name, {"join", "chr", "ord", "hex", "oct", "lc", "uc",
                             "reverse", "pack", "sprintf", "scalar", "substr",
                             "decode_base64", "format"});
  if (!bare) return std::nullopt;
  bool unary =
      IsOneOf(name, {"chr", "ord", "hex", "oct", "lc", "uc", "decode_base64"});
  CodeValue list = CodeValue::List({});
  do {
    size_t before = at_;
    Result value = Expression(unary ? 7 : 0);
    if (!value && name == "reverse" && list.items.empty()) {
      at_ = before;
      value = variables_["_"];
    }
    if (!value) return std::nullopt;
    Append(list, std::move(*value));
  } while (!unary && Accept(","));
  return CallFunction(name, list.items, budget_);
}

CodeFolder::Result CodeFolder::PythonMap() {
  SkipSpace();
  string_view name = Name();
  if (name == "lambda") {
    SkipSpace();
    string_view parameter = Name();
    if (!Accept(":")) return std::nullopt;
    size_t begin = at_;
    Remember(parameter, CodeValue::Number(0));
    if (!Expression(0) || !Accept(",")) return std::nullopt;
    Result list = Expression(0);
    if (!list || !Accept(")")) return std::nullopt;
    size_t behind = at_;
    size_t end = string_view::npos;
    Result mapped = ForEach(*list, parameter, begin, end);
    at_ = behind;
    if (!mapped) return std::nullopt;
    return CodeValue::List({CodeValue::Text("str"), std::move(*mapped)});
  }
  if (!Accept(",")) return std::nullopt;
  Result list = Expression(0);
  if (!list || !Accept(")")) return std::nullopt;
  return CodeValue::List(
      {CodeValue::Text(std::string(name)), std::move(*list)});
}

}  // namespace oddverb
