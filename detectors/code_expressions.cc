#include <algorithm>
#include <optional>
#include <utility>

#include "detectors/code_folder.h"
#include "detectors/code_values.h"

namespace oddverb {
namespace {

using std::string_view;

}  // namespace

CodeFolder::Result CodeFolder::Expression(int binds) {
  if (depth_ >= kMaxDepth || !budget_.Take(1)) return std::nullopt;
  ++depth_;
  Result left = Unary();
  while (left) {
    size_t before = at_;
    if (!Extend(*left, binds)) {
      at_ = before;
      break;
    }
  }
  --depth_;
  return left;
}

CodeFolder::Result CodeFolder::Unary() {
  SkipSpace();
  char c = Peek();
  if (c == '-' && IsDigit(Peek(1))) {
    ++at_;
    Result value = Primary();
    if (!value || !value->is_number()) return std::nullopt;
    return CodeValue::Number(
        static_cast<int64_t>(0 - static_cast<uint64_t>(value->number)));
  }
  if (c == '*' && Is(CodeLanguage::kPython)) ++at_;  // *list
  Result value = Primary();
  while (value) {
    size_t before = at_;
    if (!Postfix(*value)) {
      at_ = before;
      break;
    }
  }
  return value;
}

bool CodeFolder::Postfix(CodeValue& value) {
  if (!budget_.Take(1)) return false;
  if (Peek() == '[') {
    ++at_;
    return Index(value);
  }
  SkipSpace();
  bool arrow = Rest().starts_with("->");
  if (arrow && Peek(2) == '[') {
    at_ += 3;
    return Index(value);
  }
  if (!arrow && (Peek() != '.' || HasDotOperator())) return false;
  at_ += arrow ? 2 : 1;
  SkipSpace();
  string_view name = Name();
  if (name.empty()) return false;
  if (name == "map" || name == "collect" || name == "each")
    return MapMethod(value);
  CodeValue arguments = CodeValue::List({});
  if (Peek() == '(') {
    ++at_;
    SkipSpace();
    if (Accept(")")) {
    } else if (Result list = ListBody(')')) {
      arguments = std::move(*list);
    } else {
      return false;
    }
  } else if (Is(CodeLanguage::kPython)) {
    return false;
  }
  Result called = CallMethod(name, value, arguments.items, budget_);
  if (!called) return false;
  value = std::move(*called);
  return true;
}

bool CodeFolder::Index(CodeValue& value) {
  CodeSlice slice;
  std::optional<int64_t> parts[3];
  size_t part = 0;
  SkipSpace();
  while (!Accept("]")) {
    SkipSpace();
    if (Peek() == ':' && part < 2) {
      ++part;
      ++at_;
      continue;
    }
    bool dots = Rest().starts_with("..");
    if (dots && part < 2) {  // Ruby's ranges
      at_ += 2;
      ++part;
      continue;
    }
    bool negative = Accept("-");
    Result number = Expression(0);
    if (!number || !number->is_number()) return false;
    parts[part] = negative ? -number->number : number->number;
  }
  if (part == 0) {
    if (!parts[0]) return false;
    Result item = ItemAt(value, *parts[0]);
    if (!item) return false;
    value = std::move(*item);
    return true;
  }
  slice.begin = parts[0];
  slice.end = parts[1];
  slice.step = parts[2].value_or(1);
  if (!budget_.Take(value.text.size() + 4 * value.items.size())) return false;
  value = Sliced(value, slice);
  return true;
}

CodeFolder::Result CodeFolder::ForEach(const CodeValue& list, string_view name,
                                       size_t begin, size_t& end) {
  std::vector<CodeValue> items = list.items;
  if (list.is_text()) {
    for (char c : list.text.substr(0, kMaxRounds)) {
      items.push_back(CodeValue::Text(std::string(1, c)));
    }
  }
  if (list.is_number() || items.empty() || items.size() > kMaxRounds) {
    return std::nullopt;
  }
  CodeValue result = CodeValue::List({});
  for (CodeValue& item : items) {
    Remember(name, std::move(item));
    at_ = begin;
    Result value = Expression(0);
    if (!value) return std::nullopt;
    SkipSpace();
    if (end != string_view::npos && at_ != end) return std::nullopt;
    Append(result, std::move(*value));
  }
  end = at_;
  return result;
}

bool CodeFolder::MapMethod(CodeValue& value) {
  SkipSpace();
  bool block = Peek() == '{';
  if (!block && Peek() != '(') return false;
  ++at_;
  SkipSpace();
  if (Accept("&:")) {
    string_view name = Name();
    CodeValue list = CodeValue::List({});
    for (const CodeValue& item : value.items) {
      Result called = CallMethod(name, item, {}, budget_);
      if (!called) return false;
      list.items.push_back(std::move(*called));
    }
    value = std::move(list);
    return Accept(")");
  }
  bool parenthesized = Accept(block ? "|" : "(");
  SkipSpace();
  string_view name = Name();
  if (parenthesized && !Accept(block ? "|" : ")")) return false;
  if (!block && !Accept("=>")) return false;
  SkipSpace();
  size_t end = string_view::npos;
  Result list = ForEach(value, name, at_, end);
  if (!list) return false;
  at_ = end;
  value = std::move(*list);
  return Accept(block ? "}" : ")");
}

CodeFolder::Result CodeFolder::ListBody(char close) {
  CodeValue list = CodeValue::List({});
  if (Result comprehended = Comprehension(close)) {
    if (close == ']') return comprehended;
    list.items.push_back(std::move(*comprehended));  // one argument
    return list;
  }
  while (true) {
    SkipSpace();
    if (Peek() == close) {
      ++at_;
      return list;
    }
    // Python's name=value, as in run('...', shell=True).
    size_t start = at_;
    string_view name = Name();
    SkipSpace();
    bool keyword =
        !name.empty() && Peek() == '=' && Peek(1) != '=' && Peek(1) != '>';
    if (keyword) {
      ++at_;
      start = at_;
    }
    at_ = start;
    Result value = Expression(0);
    if (value && name == "sep" && keyword) {
      separator_ = value->AsText();
    } else if (value && !(keyword && name == "end")) {
      Append(list, std::move(*value));
    } else if (!keyword || !SkipArgument(start, close)) {
      return std::nullopt;
    }
    SkipSpace();
    if (Peek() == ',') {
      ++at_;
    } else if (Rest().starts_with("=>")) {
      at_ += 2;
    } else if (Peek() != close) {
      return std::nullopt;
    }
  }
}

bool CodeFolder::SkipArgument(size_t start, char close) {
  int nested = 0;
  for (at_ = start; at_ < code_.size(); ++at_) {
    char c = Peek();
    if (nested == 0 && (c == ',' || c == close)) return true;
    if (c == '(' || c == '[') ++nested;
    if (c == ')' || c == ']') --nested;
    if (!budget_.Take(1)) return false;
  }
  return false;
}

CodeFolder::Result CodeFolder::Comprehension(char close) {
  if (!Is(CodeLanguage::kPython)) return std::nullopt;
  size_t begin = at_;
  size_t keyword = string_view::npos;
  int nested = 0;
  for (size_t i = at_; i < code_.size(); ++i) {
    char c = code_[i];
    if (c == '"' || c == '\'') {
      i = std::min(code_.find(c, i + 1), code_.size());
      continue;
    }
    if (c == '(' || c == '[' || c == '{') ++nested;
    if ((c == ')' || c == ']' || c == '}') && --nested < 0) break;
    if (nested == 0 && c == 'f' && code_.substr(i).starts_with("for ") &&
        i > at_ && !IsNameByte(code_[i - 1])) {
      keyword = i;
      break;
    }
    if (!budget_.Take(1)) return std::nullopt;
  }
  if (keyword == string_view::npos) return std::nullopt;
  at_ = keyword + 4;
  SkipSpace();
  string_view name = Name();
  SkipSpace();
  if (!Rest().starts_with("in")) return at_ = begin, std::nullopt;
  at_ += 2;
  Result list = Expression(0);
  SkipSpace();
  size_t behind = at_;
  if (!list || Peek() != close) return at_ = begin, std::nullopt;
  size_t end = keyword;
  Result result = ForEach(*list, name, begin, end);
  at_ = result ? behind + 1 : begin;
  return result;
}

CodeFolder::Result CodeFolder::Primary() {
  if (depth_ >= kMaxDepth || !budget_.Take(1)) return std::nullopt;
  char c = Peek();
  if (c == '"' || c == '\'') return Literal("");
  if (c == '`') return BackQuoted();
  if (IsDigit(c)) return NumberLiteral();
  if (c == '(' || c == '[') {
    ++at_;
    ++depth_;
    Result list = ListBody(c == '(' ? ')' : ']');
    --depth_;
    if (list && c == '(' && list->items.size() == 1 && at_ >= 2 &&
        !HasTrailingComma()) {
      return std::move(list->items[0]);
    }
    return list;
  }
  if (c == '$' || c == '@') return Sigil();
  if (IsNameStart(c)) return NamePrimary();
  return std::nullopt;
}

}  // namespace oddverb
