#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "detectors/shell_arithmetic.h"
#include "detectors/shell_interpreter.h"
#include "detectors/shell_syntax.h"
#include "detectors/text_codecs.h"

namespace oddverb {
namespace {

using std::string_view;

constexpr int kMaxRounds = 64;  // of a loop

bool IsOneOf(string_view word, std::initializer_list<string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::optional<ShellInterpreter::Output> ShellInterpreter::RunKeyword(
    string_view word, Parse& p, Input input) {
  if (IsOneOf(word, {"if", "then", "elif", "else", "fi", "do", "done", "!",
                     "time", "}", "esac", "coproc"})) {
    SkipLineSpace(p);
    // An ordinary command behind it; what it tests is run, too.
    bool ends = p.at >= p.text.size() || p.text[p.at] == '\n' ||
                p.text[p.at] == ';' || p.text[p.at] == '|';
    return ends ? Output(std::string()) : RunCommand(p, input);
  }
  if (word == "{") {
    auto body = ReadBody(p, p.at, "{", "}");
    if (!body) return Output(std::string());
    p.at = body->end;
    return RunBody(p, body->text, input);
  }
  if (word == "[[") {
    auto body = ReadBody(p, p.at, "[[", "]]");
    if (!body) return std::nullopt;
    p.at = body->end;
    return Output(std::string());
  }
  if (word == "for" || word == "select") return RunFor(p, input);
  if (word == "while" || word == "until") return RunWhile(p, input);
  if (word == "case") return RunCase(p, input);
  return std::nullopt;
}

ShellInterpreter::Output ShellInterpreter::RunFor(Parse& p, Input input) {
  SkipLineSpace(p);
  std::string name;
  ShellWords values = Values("@");
  std::string condition;
  std::string step;
  bool counts = p.text.substr(p.at).starts_with("((");
  if (counts) {
    size_t end = SkipShellParentheses(p.text, p.at);
    if (end == p.text.npos || !budget_.Take(end - p.at)) return std::nullopt;
    string_view inside = p.text.substr(p.at + 2, end - p.at - 4);
    p.at = end;
    size_t first = std::min(inside.find(';'), inside.size());
    size_t second = std::min(inside.find(';', first + 1), inside.size());
    Arithmetic(inside.substr(0, first));
    condition = inside.substr(std::min(first + 1, inside.size()),
                              second - std::min(first + 1, second));
    step = inside.substr(std::min(second + 1, inside.size()));
  } else {
    size_t end = SkipShellWord(p.text, p.at);
    name = p.text.substr(p.at, end - p.at);
    p.at = end;
    SkipLineSpace(p);
    if (p.text.substr(p.at).starts_with("in")) {
      p.at += 2;
      values.clear();
      while (true) {
        SkipLineSpace(p);
        end = SkipShellWord(p.text, p.at);
        if (end == p.at) break;
        Expand(p.text.substr(p.at, end - p.at), values);
        p.at = end;
      }
    }
  }
  while (p.at < p.text.size() && (p.text[p.at] == ';' || p.text[p.at] == '\n' ||
                                  IsShellBlank(p.text[p.at]))) {
    ++p.at;
  }
  string_view rest = p.text.substr(p.at);
  if (!rest.starts_with("do")) return std::nullopt;
  auto body = ReadBody(p, p.at + 2, "do", "done");
  if (!body) {
    is_sure_ = false;
    return std::nullopt;
  }
  p.at = body->end;
  if (counts) {
    std::string output;
    for (int i = 0; i < kMaxRounds && !budget_.exhausted; ++i) {
      if (Arithmetic(condition).value_or("0") == "0") break;
      output += Run(body->text, input);
      Arithmetic(step);
    }
    return RunBody(p, "", &output), Output(std::move(output));
  }
  if (values.size() > kMaxRounds) budget_.exhausted = true;
  std::string output;
  for (size_t i = 0; i < values.size() && i < kMaxRounds; ++i) {
    if (budget_.exhausted) break;
    Set(name, {values[i]});
    output += Run(body->text, input);
  }
  return output;
}

ShellInterpreter::Output ShellInterpreter::RunWhile(Parse& p, Input input) {
  auto condition = ReadBody(p, p.at, "", "do");
  std::optional<ShellBody> body;
  if (condition) body = ReadBody(p, condition->end, "do", "done");
  if (!body) {
    is_sure_ = false;
    return std::nullopt;
  }
  std::string round = absl::StrCat(A(condition->text), "\n", A(body->text));
  p.at = body->end;
  Command command;
  SkipLineSpace(p);
  while (ReadRedirection(p, command)) SkipLineSpace(p);
  if (command.here) input = &*command.here;
  std::string output;
  for (int i = 0; i < kMaxRounds && !budget_.exhausted; ++i) {
    size_t left = input != nullptr ? input->size() : 0;
    output += Run(round, input);
    bool reads_on = input != nullptr && input->size() < left && !input->empty();
    if (!reads_on) break;
  }
  return output;
}

// All branches that match, or all if none does.
ShellInterpreter::Output ShellInterpreter::RunCase(Parse& p, Input input) {
  auto body = ReadBody(p, p.at, "case", "esac");
  if (!body) {
    is_sure_ = false;
    return std::nullopt;
  }
  p.at = body->end;
  string_view rest = body->text;
  size_t in = rest.find(" in");
  if (in == rest.npos) return std::nullopt;
  std::string value =
      ExpandText(S(absl::StripAsciiWhitespace(A(rest.substr(0, in)))), false);
  rest.remove_prefix(in + 3);
  std::string output;
  while (!rest.empty() && !budget_.exhausted) {
    size_t close = rest.find(')');
    if (close == rest.npos) break;
    std::string patterns(absl::StripAsciiWhitespace(A(rest.substr(0, close))));
    size_t end = close + 1;
    while (end < rest.size() && !rest.substr(end).starts_with(";;")) {
      end = SkipShellUnit(rest, end);
    }
    if (patterns.starts_with('(')) patterns.erase(0, 1);
    bool matches = false;
    string_view left = patterns;
    while (!left.empty() && left.size() < 256 && value.size() < 256) {
      size_t bar = left.find('|');
      matches =
          matches ||
          GlobMatches(
              ExpandText(S(absl::StripAsciiWhitespace(A(left.substr(0, bar)))),
                         false),
              value);
      left.remove_prefix(bar == left.npos ? left.size() : bar + 1);
    }
    if (matches) {
      output += Run(rest.substr(close + 1, end - close - 1), input);
      break;
    }
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return output;
}

}  // namespace oddverb
