#include "detectors/code_fold.h"

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

// A word of a shell that stands for itself.
std::string Quoted(string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace

string_view CodeFolder::Name() {
  size_t begin = at_;
  if (IsNameStart(Peek())) {
    while (IsNameByte(Peek())) ++at_;
  }
  budget_.Take(at_ - begin);
  return code_.substr(begin, at_ - begin);
}

void CodeFolder::EmitValue(const CodeValue& value) {
  if (value.is_number()) return Emit(value.AsText());
  if (value.is_text()) return Emit(absl::StrCat("'", value.text, "'"));
  Emit("[");
  for (const CodeValue& item : value.items) {
    EmitValue(item);
    Emit(", ");
  }
  Emit("]");
}

void CodeFolder::Step() {
  char c = Peek();
  if (IsComment()) {
    at_ = std::min(code_.find('\n', at_), code_.size());
    return;
  }
  bool begins = IsNameByte(c) || c == '"' || c == '\'' || c == '`' ||
                c == '(' || c == '[' || c == '$' || c == '@';
  // Of a call that is not known: its arguments, one by one.
  bool is_call = c == '(' && at_ > 0 && IsNameByte(code_[at_ - 1]);
  if (!begins || is_call) {
    Emit(code_.substr(at_++, 1));
    return;
  }
  size_t start = at_;
  if (IsNameByte(c) || c == '$' || c == '@') {
    if (Assignment()) return;
    at_ = start;
    if (Statement()) return;
    at_ = start;
  }
  Result value = Expression(0);
  if (value && at_ > start) {
    EmitValue(*value);
    return;
  }
  at_ = start;
  string_view name = Name();
  if (name.empty()) ++at_;
  while (name.empty() && IsDigit(c) && IsNameByte(Peek())) ++at_;
  Emit(code_.substr(start, at_ - start));
}

bool CodeFolder::IsComment() const {
  char before = at_ > 0 ? code_[at_ - 1] : '\n';
  bool hash = Peek() == '#' && !Is(CodeLanguage::kJavaScript) &&
              (IsSpace(before) || before == ';');
  return hash || (Rest().starts_with("//") &&
                  (Is(CodeLanguage::kJavaScript) || Is(CodeLanguage::kPhp)) &&
                  (IsSpace(before) || before == ';'));
}

bool CodeFolder::Assignment() {
  size_t start = at_;
  string_view name = Name();
  if (IsOneOf(name, {"my", "our", "local", "const", "let", "var"})) {
    SkipSpace();
    start = at_;
    name = {};
  }
  char sigil = '\0';
  if (name.empty() && (Peek() == '$' || Peek() == '@' || Peek() == '%')) {
    sigil = code_[at_++];
  }
  if (name.empty()) name = Name();
  std::vector<string_view> names = {name};
  while (!name.empty() && sigil == '\0' && Peek() == ',') {
    ++at_;
    SkipSpace();
    names.push_back(Name());
    if (names.back().empty() || names.size() > 16) return false;
  }
  SkipSpace();
  string_view op;
  for (string_view each : {"+=", ".=", "="}) {
    if (Rest().starts_with(each)) {
      op = each;
      break;
    }
  }
  char behind = Peek(op.size());
  if (name.empty() || op.empty() || behind == '=' || behind == '~' ||
      behind == '>') {
    return false;
  }
  at_ += op.size();
  Result value = Expression(0);
  if (value && names.size() > 1) {
    CodeValue list = CodeValue::List({*value});
    while (value && Accept(",")) {
      value = Expression(0);
      if (value) list.items.push_back(*value);
    }
    if (list.items.size() == 1 && list.items[0].is_list()) list = list.items[0];
    if (!value || list.items.size() != names.size()) return false;
    for (size_t i = 0; i < names.size(); ++i) {
      Remember(names[i], std::move(list.items[i]));
    }
    Emit(code_.substr(start, at_ - start));
    return true;
  }
  if (!value) {
    variables_.erase(name);
    return false;
  }
  if (op != "=") {
    auto known = variables_.find(name);
    if (known == variables_.end()) return false;
    value = Apply(op == "+=" ? "+" : ".", known->second, *value);
    if (!value) return false;
  }
  EmitValue(CodeValue::Text(std::string(name)));
  Emit("=");
  EmitValue(*value);
  if (sigil == '@' && !value->is_list()) value = CodeValue::List({*value});
  Remember(name, std::move(*value));
  return true;
}

void CodeFolder::Remember(string_view name, CodeValue value) {
  if (!budget_.Take(name.size() + value.text.size() + 8 * value.items.size())) {
    return;
  }
  auto [at, added] = variables_.try_emplace(std::string(name));
  at->second = std::move(value);
}

bool CodeFolder::Statement() {
  size_t start = at_;
  string_view name = Name();
  if (name.empty()) return false;
  while (Peek() == '.' && IsNameStart(Peek(1)) && !HasDotOperator()) {
    ++at_;
    name = Name();
  }
  bool prints =
      IsOneOf(name, {"print", "puts", "say", "echo", "printf", "log", "write"});
  bool runs_code =
      name == "eval" || (name == "exec" && Is(CodeLanguage::kPython));
  bool runs_shell =
      !runs_code &&
      IsOneOf(name, {"system",     "popen",           "exec",
                     "execSync",   "execFileSync",    "execFile",
                     "spawn",      "spawnSync",       "call",
                     "run",        "check_output",    "check_call",
                     "getoutput",  "getstatusoutput", "Popen",
                     "shell_exec", "passthru",        "execl",
                     "execlp",     "execv",           "execvp",
                     "proc_open"});
  bool connects =
      IsOneOf(name, {"create_connection", "HTTPConnection", "HTTPSConnection",
                     "connect", "connect_ex", "getaddrinfo", "gethostbyname",
                     "PeerAddr", "PeerHost", "inet_aton", "fsockopen",
                     "createConnection", "open_connection", "Telnet",
                     "TCPSocket", "host", "hostname"});
  if (connects) return Connection(start);
  if (!prints && !runs_code && !runs_shell) return false;
  size_t behind = at_;
  Result arguments = CallArguments();
  if (!arguments || arguments->items.empty()) return false;
  if (prints) {
    Print(name, arguments->items);
  } else if (runs_code) {
    if (arguments->items[0].is_number()) return false;
    RunCode(arguments->items[0].AsText());
  } else {
    RunShell(arguments->items);
  }
  Emit(code_.substr(start, behind - start));
  EmitValue(*arguments);
  return true;
}

bool CodeFolder::Connection(size_t start) {
  size_t behind = at_;
  Result arguments;
  if (Accept("=>") || Accept(":")) {
    arguments = Expression(0);
  } else {
    Accept(".new");  // Ruby
    arguments = CallArguments();
  }
  while (arguments && arguments->is_list() && !arguments->items.empty()) {
    CodeValue first = std::move(arguments->items[0]);
    arguments = std::move(first);
  }
  if (!arguments || arguments->is_list()) return false;
  std::string host = arguments->AsText();
  bool is_ipv6 =
      std::count(host.begin(), host.end(), ':') > 1 && !host.starts_with('[');
  if (is_ipv6) host = absl::StrCat("[", host, "]");
  Emit(code_.substr(start, behind - start));
  Emit(absl::StrCat(" tcp://", host, " "));
  return true;
}

void CodeFolder::Print(string_view name, const std::vector<CodeValue>& values) {
  std::string text;
  if (name == "printf") {
    text = FormatValues(values[0].AsText(), CodeArguments(values).subspan(1))
               .value_or("");
  } else {
    bool spaced = Is(CodeLanguage::kPython) || Is(CodeLanguage::kAwk) ||
                  Is(CodeLanguage::kJavaScript);
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0 && spaced) text += separator_;
      text += values[i].AsText();
    }
    bool ends_line = name != "write" && name != "echo" &&
                     !(name == "print" && Is(CodeLanguage::kPerl)) &&
                     !(name == "print" && Is(CodeLanguage::kPhp));
    if (ends_line) text += '\n';
  }
  if (budget_.Take(text.size())) result_.output += text;
}

void CodeFolder::RunCode(const std::string& code) {
  if (code_depth_ >= kMaxCodeDepth) {
    budget_.exhausted = true;
    return;
  }
  FoldedCode inner = CodeFolder(code, context_, budget_, code_depth_ + 1).Run();
  Emit(inner.text);
  Emit(" ");
  result_.output += inner.output;
  for (std::string& script : inner.scripts) {
    result_.scripts.push_back(std::move(script));
  }
}

void CodeFolder::RunShell(const std::vector<CodeValue>& values) {
  std::vector<std::string> words;
  for (const CodeValue& value : values) {
    if (value.is_list()) {
      for (const CodeValue& item : value.items) words.push_back(item.AsText());
    } else {
      words.push_back(value.AsText());
    }
  }
  if (words.empty()) return;
  bool is_script = values[0].is_text() && words.size() == 1;
  std::string script = is_script ? words[0] : "";
  for (size_t i = 0; !is_script && i < words.size(); ++i) {
    script += Quoted(words[i]) + " ";
  }
  if (budget_.Take(script.size())) result_.scripts.push_back(std::move(script));
}

CodeFolder::Result CodeFolder::CallArguments() {
  SkipSpace();
  bool closes = Peek() == '(';
  if (!closes && (Is(CodeLanguage::kPython) || Is(CodeLanguage::kJavaScript))) {
    return std::nullopt;
  }
  if (closes) {
    size_t start = at_;
    ++at_;
    if (Result list = ListBody(')')) return list;
    at_ = start + 1;
  }
  CodeValue list = CodeValue::List({});
  do {
    SkipSpace();
    size_t start = at_;
    Result value = Expression(0);
    if (!value) {
      at_ = start;
      break;
    }
    Append(list, std::move(*value));
  } while (Accept(","));
  if (list.items.empty()) return std::nullopt;
  return list;
}

FoldedCode FoldCode(string_view code, const CodeContext& context,
                    FoldBudget& budget) {
  return CodeFolder(code, context, budget, 0).Run();
}

}  // namespace oddverb
