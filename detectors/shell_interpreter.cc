// Long because: one grammar.
#include "detectors/shell_interpreter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/shell_syntax.h"
#include "detectors/text_codecs.h"

namespace oddverb {

using std::string_view;

namespace {

// Scripts within scripts: eval, sh -c, substitutions, functions.
constexpr int kMaxDepth = 16;
constexpr int kMaxRounds = 64;  // of a loop

// bash connects to whoever such a file names.
bool IsDevice(string_view file) {
  return file.starts_with("/dev/tcp/") || file.starts_with("/dev/udp/");
}

// Whether an unquoted word begins a comment there.
bool IsCommentStart(string_view text, size_t at) {
  return text[at] == '#' &&
         (at == 0 || IsShellBlank(text[at - 1]) || text[at - 1] == '\n' ||
          text[at - 1] == ';' || text[at - 1] == '(' || text[at - 1] == '&' ||
          text[at - 1] == '|');
}

}  // namespace

ShellInterpreter::ShellInterpreter(FoldBudget& budget) : budget_(budget) {
  // What scripts cut letters out of.
  variables_["IFS"] = {" \t\n"};
  variables_["HOME"] = {"/root"};
  variables_["PWD"] = {"/"};
  variables_["SHELL"] = {"/bin/sh"};
  variables_["PATH"] = {
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
}

void ShellInterpreter::RunText(string_view script) { Run(script, nullptr); }

void ShellInterpreter::RunArguments(const ShellWords& arguments) {
  Command command;
  RunWords(arguments, command, nullptr);
}

std::string ShellInterpreter::Run(string_view script, Input input) {
  if (depth_ >= kMaxDepth) budget_.exhausted = true;
  if (depth_ >= kMaxDepth || !budget_.Take(script.size() + 1)) return "";
  ++depth_;
  Parse p;
  p.text = script;
  p.input = input;
  while (true) {
    SkipSpace(p);
    if (p.at >= script.size() || budget_.exhausted) break;
    size_t before = p.at;
    RunPipeline(p);
    if (p.at == before) ++p.at;  // what no grammar knows
  }
  --depth_;
  return std::move(p.output);
}

// Looking for the end is work, found or not.
std::optional<ShellBody> ShellInterpreter::ReadBody(const Parse& p, size_t at,
                                                    string_view open,
                                                    string_view close) {
  std::optional<ShellBody> body = ReadShellBody(p.text, at, open, close);
  size_t end = body ? body->end : p.text.size();
  if (!budget_.Take(end - at)) return std::nullopt;
  return body;
}

void ShellInterpreter::SkipLineSpace(Parse& p) {
  while (p.at < p.text.size()) {
    char c = p.text[p.at];
    bool continued =
        c == '\\' && p.at + 1 < p.text.size() && p.text[p.at + 1] == '\n';
    if (!IsShellBlank(c) && !continued) return;
    p.at += continued ? 2 : 1;
  }
}

// Between commands.
void ShellInterpreter::SkipSpace(Parse& p) {
  while (true) {
    SkipLineSpace(p);
    if (p.at >= p.text.size()) return;
    char c = p.text[p.at];
    if (IsCommentStart(p.text, p.at)) {
      p.at = std::min(p.text.find('\n', p.at), p.text.size());
    } else if (c == '\n' && p.at == p.here_from) {
      p.at = p.here_to;
      p.here_from = string_view::npos;
    } else if (c == '\n' || c == ';' || c == '&' || c == '|' || c == ')') {
      ++p.at;
    } else {
      return;
    }
  }
}

void ShellInterpreter::RunPipeline(Parse& p) {
  std::string piped;
  Input input = p.input;
  while (p.at < p.text.size()) {
    size_t before = p.at;
    Output output = RunCommand(p, input);
    SkipLineSpace(p);
    bool has_pipe = p.at < p.text.size() && p.text[p.at] == '|' &&
                    !p.text.substr(p.at).starts_with("||");
    if (!has_pipe) {
      if (output && budget_.Take(output->size())) p.output += *output;
      return;
    }
    p.at += p.text.substr(p.at).starts_with("|&") ? 2 : 1;
    while (p.at < p.text.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(p.text[p.at]))) {
      ++p.at;
    }
    piped = output.value_or("");
    input = output ? &piped : nullptr;
    if (p.at == before) return;
  }
}

ShellInterpreter::Output ShellInterpreter::RunCommand(Parse& p, Input input) {
  if (!budget_.Take(1)) return std::nullopt;
  SkipLineSpace(p);
  if (p.at >= p.text.size()) return std::nullopt;
  if (p.text[p.at] == '(') return RunParentheses(p, input);
  size_t end = SkipShellWord(p.text, p.at);
  string_view word = p.text.substr(p.at, end - p.at);
  size_t before = p.at;
  p.at = end;
  if (auto output = RunKeyword(word, p, input)) return *output;
  if (ReadFunction(word, p)) return std::string();
  p.at = before;
  return RunSimple(p, input);
}

ShellInterpreter::Output ShellInterpreter::RunParentheses(Parse& p,
                                                          Input input) {
  size_t end = SkipShellParentheses(p.text, p.at);
  // Looking for the end is work, found or not.
  if (!budget_.Take(std::min(end, p.text.size()) - p.at)) return std::nullopt;
  if (end == p.text.npos) {
    is_sure_ = false;
    ++p.at;
    return std::nullopt;
  }
  string_view inside = p.text.substr(p.at + 1, end - p.at - 2);
  p.at = end;
  if (inside.starts_with('(') && inside.ends_with(')')) {
    Arithmetic(inside.substr(1, inside.size() - 2));
    return std::string();
  }
  size_t size = 0;
  for (const auto& [name, values] : variables_) size += 32 + name.size();
  if (!budget_.Take(size)) return std::nullopt;
  StringMap<ShellWords> saved = variables_;  // a subshell's stay there
  Output output = RunBody(p, inside, input);
  variables_ = std::move(saved);
  return output;
}

// A body, and the redirections behind it.
ShellInterpreter::Output ShellInterpreter::RunBody(Parse& p, string_view body,
                                                   Input input) {
  Command command;
  SkipLineSpace(p);
  while (ReadRedirection(p, command)) SkipLineSpace(p);
  if (command.here) input = &*command.here;
  std::string output = Run(body, input);
  if (!command.write_to.empty()) {
    command.words = {"cat"};
    return Finish(command, &output);
  }
  return output;
}

bool ShellInterpreter::ReadFunction(string_view word, Parse& p) {
  size_t before = p.at;
  if (word == "function") {
    SkipLineSpace(p);
    size_t end = SkipShellWord(p.text, p.at);
    word = p.text.substr(p.at, end - p.at);
    p.at = end;
    SkipLineSpace(p);
  } else if (!p.text.substr(p.at).starts_with("()")) {
    SkipLineSpace(p);
    if (!p.text.substr(p.at).starts_with("()")) {
      p.at = before;
      return false;
    }
  }
  if (p.text.substr(p.at).starts_with("()")) p.at += 2;
  while (p.at < p.text.size() &&
         (IsShellBlank(p.text[p.at]) || p.text[p.at] == '\n')) {
    ++p.at;
  }
  std::optional<ShellBody> body;
  if (p.text.substr(p.at).starts_with('{')) {
    body = ReadBody(p, p.at + 1, "{", "}");
  } else if (p.text.substr(p.at).starts_with('(')) {
    size_t end = SkipShellParentheses(p.text, p.at);
    if (!budget_.Take(std::min(end, p.text.size()) - p.at)) return false;
    if (end != p.text.npos) {
      body = ShellBody{p.text.substr(p.at + 1, end - p.at - 2), end};
    }
  }
  if (!body || word.empty()) {
    p.at = before;
    return false;
  }
  p.at = body->end;
  if (budget_.Take(body->text.size())) {
    auto [at, added] = functions_.try_emplace(std::string(word));
    at->second = std::string(body->text);
  }
  return true;
}

bool ShellInterpreter::ReadAssignment(string_view raw, Command& command) {
  size_t end = 0;
  while (end < raw.size() && IsShellNameByte(raw[end])) ++end;
  std::string name(raw.substr(0, end));
  string_view rest = raw.substr(end);
  std::string index;
  if (rest.starts_with('[')) {
    size_t close = rest.find(']');
    if (close == rest.npos) return false;
    index = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
  }
  bool appends = rest.starts_with("+=");
  if (!IsShellName(name) || !(appends || rest.starts_with('='))) return false;
  rest.remove_prefix(appends ? 2 : 1);
  ShellWords values;
  if (rest.starts_with('(') && rest.ends_with(')')) {
    if (appends) values = Values(name);
    string_view inside = rest.substr(1, rest.size() - 2);
    for (size_t at = 0; at < inside.size();) {
      size_t word_end = SkipShellWord(inside, at);
      if (word_end == at) {
        ++at;
        continue;
      }
      Expand(inside.substr(at, word_end - at), values);
      at = word_end;
    }
  } else {
    std::string text = ExpandText(rest, false);
    if (!index.empty()) {
      values = Values(name);
      size_t at = static_cast<size_t>(
          ReadShellInteger(Arithmetic(index).value_or("0")).value_or(0));
      if (at >= kMaxRounds) return true;
      if (values.size() <= at) values.resize(at + 1);
      values[at] = text;
    } else {
      if (appends) text = Value(name) + text;
      values = {text};
    }
  }
  command.assignments.emplace_back(std::move(name), std::move(values));
  return true;
}

void ShellInterpreter::ReadHereDocument(Parse& p, Command& command) {
  bool strips_tabs = p.text.substr(p.at).starts_with('-');
  if (strips_tabs) ++p.at;
  SkipLineSpace(p);
  size_t end = SkipShellWord(p.text, p.at);
  string_view raw = p.text.substr(p.at, end - p.at);
  p.at = end;
  bool is_quoted = raw.find_first_of("'\"\\") != raw.npos;
  std::string delimiter = ExpandText(raw, false);
  size_t line =
      p.here_from != p.text.npos ? p.here_to : p.text.find('\n', p.at);
  if (line == p.text.npos) return;
  if (p.here_from == p.text.npos) {
    p.here_from = line++;
  }
  std::string body;
  while (line < p.text.size()) {
    size_t stop = std::min(p.text.find('\n', line), p.text.size());
    string_view text = p.text.substr(line, stop - line);
    line = std::min(stop + 1, p.text.size());
    while (strips_tabs && text.starts_with('\t')) text.remove_prefix(1);
    if (text == delimiter) break;
    absl::StrAppend(&body, A(text), "\n");
  }
  p.here_to = line;
  command.here = is_quoted ? std::move(body) : ExpandText(body, true);
}

// <, >, <<, <<< and their relatives at this place, with a file's number in
// front.
bool ShellInterpreter::ReadRedirection(Parse& p, Command& command) {
  size_t at = p.at;
  while (at < p.text.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(p.text[at]))) {
    ++at;
  }
  if (p.text.substr(at).starts_with("&>")) ++at;
  bool is_other_file = at > p.at && p.text[p.at] != '1' && p.text[p.at] != '0';
  if (at >= p.text.size() || (p.text[at] != '<' && p.text[at] != '>')) {
    return false;
  }
  p.at = at;
  for (string_view op :
       {"<<<", "<<", "<(", ">(", "<>", ">>", "<&", ">&", ">|", "<", ">"}) {
    if (!p.text.substr(p.at).starts_with(op)) continue;
    if (op == "<(" || op == ">(") {
      size_t end = SkipShellParentheses(p.text, p.at + 1);
      if (!budget_.Take(std::min(end, p.text.size()) - p.at)) return true;
      if (end == p.text.npos) {
        is_sure_ = false;
        ++p.at;
        return true;
      }
      std::string name = absl::StrCat("/dev/fd/", 63 + files_.size());
      std::string content =
          Run(p.text.substr(p.at + 2, end - p.at - 3), nullptr);
      files_[name] = std::move(content);
      command.words.push_back(std::move(name));
      p.at = end;
      return true;
    }
    p.at += op.size();
    if (op == "<<") {
      ReadHereDocument(p, command);
      return true;
    }
    SkipLineSpace(p);
    if (op == "<" && p.text.substr(p.at).starts_with("<(")) {
      size_t words = command.words.size();
      ReadRedirection(p, command);
      if (command.words.size() > words) {
        command.here = files_[command.words.back()];
        command.words.pop_back();
      }
      return true;
    }
    size_t end = SkipShellWord(p.text, p.at);
    std::string word = ExpandText(p.text.substr(p.at, end - p.at), false);
    p.at = end;
    if (op == "<<<") {
      command.here = word + "\n";
    } else if (op == "<") {
      auto file = files_.find(word);
      if (file != files_.end()) command.here = file->second;
      if (IsDevice(word)) command.redirected.push_back(std::move(word));
    } else if (word != "-" &&
               word.find_first_not_of("0123456789-") != word.npos) {
      if (op != "<>" && op != "<&" && !is_other_file) {
        command.write_to = word;
        command.appends = op == ">>";
      }
      if (IsDevice(word)) command.redirected.push_back(std::move(word));
    }
    return true;
  }
  return false;
}

ShellInterpreter::Output ShellInterpreter::RunSimple(Parse& p, Input input) {
  Command command;
  while (true) {
    SkipLineSpace(p);
    if (p.at >= p.text.size() || budget_.exhausted) break;
    char c = p.text[p.at];
    if (c == '#' && IsCommentStart(p.text, p.at)) break;
    if (ReadRedirection(p, command)) continue;
    if (c == '\n' || c == ';' || c == '|' || c == ')' || c == '&') break;
    if (c == '(') {  // no grammar of ours
      is_sure_ = false;
      break;
    }
    size_t end = SkipShellWord(p.text, p.at);
    if (end == p.at) break;
    string_view raw = p.text.substr(p.at, end - p.at);
    p.at = end;
    if (command.words.empty() && ReadAssignment(raw, command)) {
      // Later words of the line may need it: a=1 b=$a.
      const auto& [name, values] = command.assignments.back();
      if (name != "IFS") Set(name, values);
      continue;
    }
    Expand(raw, command.words);
  }
  return Finish(command, input);
}

ShellInterpreter::Output ShellInterpreter::Finish(Command& command,
                                                  Input input) {
  if (command.here) input = &*command.here;
  // IFS in front of a command is that command's alone.
  std::optional<ShellWords> dividers;
  bool is_bare = command.words.empty();
  for (const auto& [name, values] : command.assignments) {
    if (name == "IFS" && !is_bare) {
      dividers = IsSet("IFS") ? Values("IFS") : ShellWords{" \t\n"};
    }
    Set(name, values);
  }
  Output output = std::string();
  if (!is_bare) {
    output = RunWords(command.words, command, input);
  } else if (!command.redirected.empty()) {
    Report({}, command, "");
    if (input != nullptr) output = *input;  // $(< file)
  }
  if (dividers) Set("IFS", *dividers);
  if (command.write_to.empty() || !output) return output;
  if (command.write_to == "/dev/stdout" || command.write_to == "/dev/stderr") {
    return output;
  }
  if (command.write_to == "/dev/null") return std::string();
  if (budget_.Take(output->size())) {
    std::string& file = files_[command.write_to];
    if (!command.appends) file.clear();
    file += *output;
    // Whoever reads it later may not be in this script; a resolver's settings
    // are no request.
    if (!absl::EndsWith(A(command.write_to), "resolv.conf")) {
      Report({">", command.write_to}, {}, *output);
    }
  }
  return std::string();
}

}  // namespace oddverb
