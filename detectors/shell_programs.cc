// Long because: the programs that a script's constants pass through.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "detectors/code_fold.h"
#include "detectors/command_programs.h"
#include "detectors/command_text.h"
#include "detectors/shell_interpreter.h"
#include "detectors/shell_syntax.h"
#include "detectors/text_codecs.h"

namespace oddverb {

using std::string_view;

namespace {

constexpr size_t kMaxXargsCalls = 64;

bool IsOneOf(string_view word, std::initializer_list<string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

string_view BaseName(string_view word) {
  size_t slash = word.rfind('/');
  return slash == word.npos ? word : word.substr(slash + 1);
}

// "/usr/bin/cur?" is the first program of these that it matches.
constexpr string_view kGlobPrograms[] = {
    "curl",    "wget",   "nc",   "netcat", "ncat", "bash",   "sh",    "dash",
    "python3", "python", "perl", "ruby",   "node", "telnet", "socat", "base64",
    "xargs",   "xxd",    "rev",  "tr",     "sed",  "printf", "echo",  "cat"};
std::string ProgramName(string_view word) {
  string_view name = BaseName(word);
  if (name.find_first_of("*?[") != name.npos && name.size() < 64 &&
      name != "[" && name != "[[") {
    for (string_view program : kGlobPrograms) {
      if (GlobMatches(name, program)) return std::string(program);
    }
  }
  return std::string(name);
}

bool IsShellProgram(string_view name) {
  return IsOneOf(
      name, {"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash", "su"});
}

bool IsWrapper(string_view name) {
  return IsOneOf(
      name, {"sudo",   "doas",      "env",     "nohup",   "timeout", "nice",
             "time",   "command",   "builtin", "exec",    "busybox", "toybox",
             "stdbuf", "setsid",    "chroot",  "nsenter", "unshare", "strace",
             "ionice", "catchsegv", "script"});
}

std::optional<CodeLanguage> LanguageOf(string_view name) {
  if (name.starts_with("python") || name.starts_with("pypy")) {
    return CodeLanguage::kPython;
  }
  if (name.starts_with("perl")) return CodeLanguage::kPerl;
  if (name.starts_with("ruby") || name == "irb") return CodeLanguage::kRuby;
  if (name.starts_with("node") || name == "deno" || name == "bun") {
    return CodeLanguage::kJavaScript;
  }
  if (name.starts_with("php")) return CodeLanguage::kPhp;
  if (name == "awk" || name == "gawk" || name == "mawk" || name == "nawk") {
    return CodeLanguage::kAwk;
  }
  return std::nullopt;
}

// Wrappers' options whose value is the next word.
bool TakesValue(string_view wrapper, string_view option) {
  if (wrapper == "env") return IsOneOf(option, {"-u", "-C", "--unset"});
  if (wrapper == "sudo") return IsOneOf(option, {"-u", "-g", "-h", "-p"});
  if (wrapper == "timeout") return IsOneOf(option, {"-s", "-k"});
  if (wrapper == "nice" || wrapper == "ionice") {
    return IsOneOf(option, {"-n", "-c"});
  }
  return wrapper == "exec" && option == "-a";
}

}  // namespace

ShellInterpreter::Output ShellInterpreter::RunWords(ShellWords words,
                                                    Command& command,
                                                    Input input) {
  if (words.empty() || !budget_.Take(1)) return std::nullopt;
  std::string name = ProgramName(words[0]);
  // Wrappers give their place to the program behind them.
  while (IsWrapper(name) && words.size() > 1) {
    size_t next = 1;
    while (next < words.size()) {
      string_view word = words[next];
      size_t equals = word.find('=');
      if (name == "env" && (word == "-S" || word.starts_with("--split"))) {
        std::string script;
        for (size_t i = next + 1; i < words.size(); ++i)
          script += words[i] + " ";
        return Run(script, input);
      }
      if (word.size() > 1 && word[0] == '-') {
        next += TakesValue(name, word) ? 2 : 1;
      } else if (name == "env" && equals != word.npos &&
                 IsShellName(word.substr(0, equals))) {
        Set(word.substr(0, equals), {std::string(word.substr(equals + 1))});
        command.assignments.emplace_back(
            std::string(word.substr(0, equals)),
            ShellWords{std::string(word.substr(equals + 1))});
        ++next;
      } else if (name == "timeout" && next == 1 &&
                 absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) {
        ++next;
      } else {
        break;
      }
      if (name == "timeout" && next < words.size() && !words[next].empty() &&
          absl::ascii_isdigit(static_cast<unsigned char>(words[next][0]))) {
        ++next;
        break;
      }
    }
    if (next >= words.size()) break;
    words.erase(words.begin(), words.begin() + static_cast<int64_t>(next));
    name = ProgramName(words[0]);
  }
  if (functions_.contains(name) && words[0] == name) {
    return RunFunction(words, input);
  }
  // "/tmp/x" that this script wrote.
  auto file = files_.find(words[0]);
  if (file != files_.end()) {
    words.insert(words.begin(), "sh");
    name = "sh";
  }
  // A program by that name, not a URL or the like.
  if (words[0].find(':') == std::string::npos) words[0] = name;
  if (name == "busybox" || name == "toybox") return std::nullopt;
  if (IsShellProgram(name)) return RunShell(words, command, input);
  if (name == "xargs") return RunXargs(words, command, input);
  if (LanguageOf(name)) return RunCode(words, command, input);
  if (auto output = RunFilter(words, command, input)) return output;
  return RunBuiltin(words, command, input);
}

ShellInterpreter::Output ShellInterpreter::RunFunction(const ShellWords& words,
                                                       Input input) {
  std::string body = functions_[words[0]];
  ShellWords saved = std::exchange(positional_, words);
  std::string output = Run(body, input);
  positional_ = std::move(saved);
  return output;
}

// Text that passes through; nullopt for other programs.
ShellInterpreter::Output ShellInterpreter::RunFilter(const ShellWords& words,
                                                     Command& command,
                                                     Input input) {
  // Without redirections to reach anything else.
  if (words[0] == "cat") {
    if (!command.redirected.empty()) Report(words, command, "");
    return Cat(words, input);
  }
  if (words[0] == "tee") {
    std::string text = input != nullptr ? *input : "";
    for (size_t i = 1; i < words.size(); ++i) {
      if (words[i].starts_with('-')) continue;
      if (!budget_.Take(text.size())) break;
      files_[words[i]] = text;
      Report({">", words[i]}, {}, text);
    }
    return text;
  }
  std::string text = input != nullptr ? *input : "";
  ShellWords left = words;
  // A file instead of standard input: what this script wrote.
  if (left.size() > 1 && files_.contains(left.back())) {
    text = files_[left.back()];
    left.pop_back();
  }
  Output output = FilterOutput(left, text, budget_);
  if (output && !command.redirected.empty()) Report({}, command, "");
  return output;
}

ShellInterpreter::Output ShellInterpreter::Cat(const ShellWords& words,
                                               Input input) {
  std::string text;
  bool has_file = false;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].size() > 1 && words[i].starts_with('-')) continue;
    has_file = true;
    auto file = files_.find(words[i]);
    if (file != files_.end()) text += file->second;
    if (words[i] == "-" && input != nullptr) text += *input;
  }
  if (!has_file && input != nullptr) text = std::exchange(*input, {});
  if (!budget_.Take(text.size())) return std::nullopt;
  return text;
}

ShellInterpreter::Output ShellInterpreter::RunBuiltin(const ShellWords& words,
                                                      Command& command,
                                                      Input input) {
  string_view name = words[0];
  if (name == "echo") {
    if (!command.redirected.empty()) Report({}, command, "");
    return EchoOutput(words, echo_escapes_);
  }
  if (name == "printf") {
    if (!command.redirected.empty()) Report({}, command, "");
    size_t format = 1;
    std::string variable;
    if (words.size() > 3 && words[1] == "-v") {
      variable = words[2];
      format = 3;
    }
    if (format < words.size() && words[format] == "--") ++format;
    std::string text = PrintfOutput(words, format, budget_);
    if (variable.empty()) return text;
    Set(variable, {text});
    return std::string();
  }
  if (name == "eval") {
    return Run(absl::StrJoin(words.begin() + 1, words.end(), " "), input);
  }
  if (name == "." || name == "source") {
    if (words.size() < 2) return std::nullopt;
    auto file = files_.find(words[1]);
    if (file != files_.end()) return Run(std::string(file->second), input);
    if (words[1] == "/dev/stdin" && input != nullptr)
      return Run(*input, nullptr);
    return std::nullopt;
  }
  if (IsOneOf(name, {"export", "local", "declare", "typeset", "readonly"})) {
    Declare(words);
    Report(words, command, "");  // NO_PROXY and http_proxy say what for
    return std::string();
  }
  if (name == "set") {
    size_t first = 1;
    while (first < words.size() && words[first] != "--" &&
           words[first].starts_with('-')) {
      ++first;
    }
    if (first < words.size() && words[first] == "--") ++first;
    if (words.size() > 1 &&
        (first < words.size() || words[first - 1] == "--")) {
      positional_.resize(std::min<size_t>(positional_.size(), 1));
      positional_.insert(positional_.end(),
                         words.begin() + static_cast<int64_t>(first),
                         words.end());
    }
    return std::string();
  }
  if (name == "shift") {
    if (positional_.size() > 1) positional_.erase(positional_.begin() + 1);
    return std::string();
  }
  if (name == "read" || name == "mapfile" || name == "readarray") {
    ReadVariables(words, input);
    return std::string();
  }
  if (name == "let") {
    for (size_t i = 1; i < words.size(); ++i) Arithmetic(words[i]);
    return std::string();
  }
  if (name == "trap" && words.size() > 1) {
    Run(words[1], nullptr);
    return std::string();
  }
  if (name == "alias") {
    for (size_t i = 1; i < words.size(); ++i) {
      size_t equals = words[i].find('=');
      if (equals == words[i].npos) continue;
      functions_[words[i].substr(0, equals)] =
          words[i].substr(equals + 1) + " \"$@\"";
    }
    return std::string();
  }
  if (IsOneOf(name, {":", "true", "false", "test", "[", "unset", "shopt",
                     "sleep", "wait", "exit", "return", "cd", "mkdir", "chmod",
                     "rm", "type", "which", "pwd", "set"})) {
    return std::string();
  }
  if (name == "basename" && words.size() > 1) {
    return absl::StrCat(A(BaseName(words[1])), "\n");
  }
  if (name == "dirname" && words.size() > 1) {
    size_t slash = words[1].rfind('/');
    return words[1].substr(0, slash == std::string::npos ? 0 : slash) + "\n";
  }
  Report(words, command, input != nullptr ? *input : string_view());
  return std::nullopt;
}

void ShellInterpreter::Declare(const ShellWords& words) {
  for (size_t i = 1; i < words.size(); ++i) {
    size_t equals = words[i].find('=');
    if (equals == std::string::npos || words[i].starts_with('-')) continue;
    std::string name = words[i].substr(0, equals);
    if (!IsShellName(name)) continue;
    std::string value = words[i].substr(equals + 1);
    ShellWords values = {value};
    if (value.starts_with('(') && value.ends_with(')')) {
      values.clear();
      Expand(string_view(value).substr(1, value.size() - 2), values);
    }
    Set(name, std::move(values));
  }
}

// "read -r a b": the first line, divided by IFS; the last name gets the rest.
void ShellInterpreter::ReadVariables(const ShellWords& words, Input input) {
  if (input == nullptr) return;
  ShellWords names;
  std::string array;
  bool raw = false;
  char end_byte = '\n';
  if (words[0] != "read") array = words.size() > 1 ? words.back() : "MAPFILE";
  for (size_t i = 1; i < words.size() && words[0] == "read"; ++i) {
    string_view word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      names.push_back(words[i]);
      continue;
    }
    raw = raw || word.find('r') != word.npos;
    char last = word.back();
    if (string_view("adpntNuid").find(last) == string_view::npos) continue;
    if (i + 1 >= words.size()) break;
    ++i;
    if (last == 'a') array = words[i];
    if (last == 'd') end_byte = words[i].empty() ? '\0' : words[i][0];
  }
  size_t end = words[0] == "read" ? input->find(end_byte) : input->npos;
  std::string line = input->substr(0, end);
  input->erase(0, end == input->npos ? end : end + 1);
  if (!budget_.Take(line.size() + input->size())) return;
  if (!raw) line.erase(std::remove(line.begin(), line.end(), '\\'), line.end());
  std::string dividers = IsSet("IFS") ? Value("IFS") : " \t\n";
  if (words[0] != "read") dividers = "\n";
  ShellWords fields;
  string_view rest = line;
  auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n'; };
  if (names.empty() && array.empty()) names.push_back("REPLY");
  while (true) {
    while (!rest.empty() && is_blank(rest[0]) &&
           dividers.find(rest[0]) != dividers.npos) {
      rest.remove_prefix(1);
    }
    bool is_last = array.empty() && fields.size() + 1 == names.size();
    size_t stop = is_last ? rest.npos : rest.find_first_of(dividers);
    fields.emplace_back(rest.substr(0, stop));
    if (stop == rest.npos) break;
    rest.remove_prefix(stop + 1);
  }
  if (!array.empty()) {
    if (!fields.empty() && fields.back().empty()) fields.pop_back();
    return Set(array, std::move(fields));
  }
  fields.resize(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    std::string& field = fields[i];
    while (!field.empty() && is_blank(field.back()) && i + 1 == names.size()) {
      field.pop_back();
    }
    Set(names[i], {field});
  }
}

ShellInterpreter::Output ShellInterpreter::RunShell(const ShellWords& words,
                                                    Command& command,
                                                    Input input) {
  std::optional<std::string> script;
  ShellWords positional = {words[0]};
  size_t i = 1;
  bool takes_text = false;
  for (; i < words.size(); ++i) {
    string_view word = words[i];
    if (word == "--") continue;
    if (word.size() < 2 || (word[0] != '-' && word[0] != '+')) break;
    if (word == "-o" || word == "+o" || word == "-O" || word == "--rcfile" ||
        word == "--init-file") {
      ++i;
    } else if (!word.starts_with("--") && word.find('c') != word.npos) {
      takes_text = true;
    } else if (word.starts_with("--command=")) {
      script = std::string(word.substr(10));
    }
  }
  if (words[0] == "su" && i < words.size() && !takes_text) ++i;
  if (words[0] == "su" && i + 1 < words.size() && words[i] == "-c") {
    takes_text = true;
    ++i;
  }
  if (takes_text && i < words.size()) {
    script = words[i];
    if (i + 1 < words.size()) {
      positional.assign(words.begin() + static_cast<int64_t>(i) + 1,
                        words.end());
    }
  } else if (!script && i < words.size() && words[i] != "-" &&
             words[i] != "/dev/stdin") {
    auto file = files_.find(words[i]);
    if (file != files_.end()) script = file->second;
    positional.assign(words.begin() + static_cast<int64_t>(i), words.end());
  } else if (!script && input != nullptr) {
    script = std::exchange(*input, {});
  }
  if (!script) {
    Report(words, command, "");
    return std::nullopt;
  }
  if (!command.redirected.empty()) Report({}, command, "");
  size_t size = 0;
  for (const auto& [name, values] : variables_) size += 32 + name.size();
  if (!budget_.Take(size)) return std::nullopt;
  StringMap<ShellWords> variables = variables_;
  ShellWords outer = std::exchange(positional_, std::move(positional));
  // dash's echo, which is `sh` on Debian, knows escapes; bash's does not.
  bool escapes = std::exchange(echo_escapes_, words[0] != "bash");
  std::string output = Run(*script, input);
  echo_escapes_ = escapes;
  positional_ = std::move(outer);
  variables_ = std::move(variables);
  return output;
}

ShellInterpreter::Output ShellInterpreter::RunXargs(const ShellWords& words,
                                                    Command& command,
                                                    Input input) {
  std::string replaced;
  std::string divider;
  size_t i = 1;
  bool one_each = false;
  for (; i < words.size() && words[i].starts_with('-'); ++i) {
    string_view word = words[i];
    if (word == "-I" || word == "-i") {
      replaced = word == "-I" && i + 1 < words.size() ? words[++i] : "{}";
    } else if (word.starts_with("-I")) {
      replaced = word.substr(2);
    } else if (word == "-0") {
      divider = std::string(1, '\0');
    } else if (word == "-d" && i + 1 < words.size()) {
      divider = UndoEscapes(words[++i]);
    } else if (word.starts_with("-d")) {
      divider = UndoEscapes(word.substr(2));
    } else if (IsOneOf(word, {"-n", "-P", "-L", "-s", "-E", "-a"})) {
      one_each = one_each || (word == "-n" || word == "-L");
      ++i;
    } else if (word.starts_with("-n") || word.starts_with("-L")) {
      one_each = true;
    }
  }
  ShellWords base(
      words.begin() + static_cast<int64_t>(std::min(i, words.size())),
      words.end());
  if (base.empty()) base = {"echo"};
  string_view text = input != nullptr ? string_view(*input) : string_view();
  ShellWords items;
  if (!replaced.empty() && divider.empty()) divider = "\n";
  if (divider.empty()) divider = " \t\n";
  while (!text.empty()) {
    size_t stop = text.find_first_of(divider);
    if (stop != 0) items.emplace_back(text.substr(0, stop));
    text.remove_prefix(stop == text.npos ? text.size() : stop + 1);
    // xargs reads quotes.
    if (!items.empty() && divider.size() == 3) {
      std::string& item = items.back();
      item.erase(std::remove_if(item.begin(), item.end(),
                                [](char c) { return c == '"' || c == '\''; }),
                 item.end());
    }
  }
  std::string output;
  if (replaced.empty() && !one_each) {
    base.insert(base.end(), items.begin(), items.end());
    return RunWords(std::move(base), command, nullptr);
  }
  if (items.size() > kMaxXargsCalls) budget_.exhausted = true;
  for (size_t k = 0; k < items.size() && k < kMaxXargsCalls; ++k) {
    ShellWords call = base;
    if (replaced.empty()) call.push_back(items[k]);
    for (std::string& word : call) {
      for (size_t at = 0;
           !replaced.empty() && (at = word.find(replaced, at)) != word.npos;
           at += items[k].size()) {
        if (!budget_.Take(word.size() + items[k].size())) return std::nullopt;
        word.replace(at, replaced.size(), items[k]);
      }
    }
    output += RunWords(std::move(call), command, nullptr).value_or("");
  }
  return output;
}

ShellInterpreter::Output ShellInterpreter::RunCode(const ShellWords& words,
                                                   Command& command,
                                                   Input input) {
  CodeContext context;
  context.language = *LanguageOf(words[0]);
  bool is_awk = context.language == CodeLanguage::kAwk;
  std::string code;
  bool has_code = false;
  bool loops = false;
  size_t i = 1;
  for (; i < words.size(); ++i) {
    string_view word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      if (word != "-" && is_awk && !has_code) {
        code = word;
        has_code = true;
        continue;
      }
      break;
    }
    if (is_awk) {
      if (word == "-v" && i + 1 < words.size()) code += words[++i] + "; ";
      if (word == "-F" && i + 1 < words.size()) context.divider = words[++i];
      if (word.starts_with("-F") && word.size() > 2) {
        context.divider = word.substr(2);
      }
      continue;
    }
    char last = word.back();
    bool bundled = !word.starts_with("--") &&
                   (last == 'c' || last == 'e' || last == 'E' || last == 'r' ||
                    last == 'p') &&
                   !word.starts_with("-M") && !word.starts_with("-W");
    bool is_code = IsOneOf(word, {"--eval", "--print"}) || bundled;
    loops = loops || word.find('n') != word.npos || word.find('p') != word.npos;
    if (!is_code || i + 1 >= words.size()) continue;
    absl::StrAppend(&code, has_code ? "\n" : "", words[++i]);
    has_code = true;
    if (context.language == CodeLanguage::kPython) {
      ++i;
      break;  // the rest is its arguments
    }
  }
  if (!has_code && i < words.size() && words[i] != "-") {
    auto file = files_.find(words[i]);
    if (file != files_.end()) {
      code = file->second;
      has_code = true;
      ++i;
    }
  } else if (!has_code && input != nullptr) {
    code = std::exchange(*input, {});
    has_code = true;
    ++i;
  }
  for (; i < words.size(); ++i) context.arguments.push_back(words[i]);
  if (input != nullptr) context.input = *input;
  context.environment = [this](string_view name) { return Value(name); };
  FoldedCode folded = FoldCode(code, context, budget_);
  ShellWords shown = {words[0], folded.text};
  shown.insert(shown.end(), context.arguments.begin(), context.arguments.end());
  Report(shown, command, loops ? context.input : std::string());
  for (const std::string& script : folded.scripts) Run(script, nullptr);
  return folded.output;
}

void ShellInterpreter::Report(const ShellWords& words, const Command& command,
                              string_view input) {
  ShellLine line;
  for (const auto& [name, values] : command.assignments) {
    line.Add(absl::StrCat(name, "=", absl::StrJoin(values, " ")));
  }
  for (const std::string& word : words) line.Add(word);
  for (const std::string& word : command.redirected) line.Add(word);
  std::string text = line.text();
  if (!budget_.Take(text.size() + input.size() + 1)) return;
  absl::StrAppend(&commands_, text);
  // As further words: "xargs" or "wget -i -" would take them so.
  for (absl::string_view part :
       absl::StrSplit(A(input), absl::ByAnyChar("\r\n"), absl::SkipEmpty())) {
    absl::StrAppend(&commands_, " ", part);
  }
  commands_ += '\n';
}

}  // namespace oddverb
