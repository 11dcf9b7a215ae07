#include "app/explain_text.h"

#include <cstdint>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/nearest_name.h"
#include "base/strings.h"
#include "base/visible_text.h"

extern "C" {
extern const unsigned char oddverb_explanations[];
extern const std::uint64_t oddverb_explanations_size;
}

namespace oddverb {
namespace {

using std::string_view;

constexpr int kColumns = 80;
constexpr int kIndent = 2;
constexpr size_t kMaxLines = 100;

string_view TakeLine(string_view& rest) {
  size_t end = rest.find('\n');
  string_view line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return line;
}

// "**Part.** text", or text that goes on.
void AddLine(string_view line, Explanation& out) {
  constexpr string_view kBold = "**";
  size_t end = line.find(".** ");
  if (line.starts_with(kBold) && end != line.npos) {
    out.parts.push_back({line.substr(kBold.size(), end - kBold.size()),
                         std::string(line.substr(end + 4))});
    return;
  }
  if (out.parts.empty()) out.parts.emplace_back();
  std::string& text = out.parts.back().text;
  absl::StrAppend(&text, text.empty() ? "" : " ", A(line));
}

void AppendWrapped(string_view text, int indent, std::string& out) {
  for (const std::string& line :
       WrapText(text, kColumns - indent, kMaxLines, Charset::kAscii)) {
    absl::StrAppend(&out, std::string(static_cast<size_t>(indent), ' '), line,
                    "\n");
  }
}

std::string Text(const Explanation& rule) {
  std::string out =
      absl::StrCat(A(rule.name), "  (detector ", A(rule.detector), ")\n");
  for (const Explanation::Part& part : rule.parts) {
    absl::StrAppend(&out, "\n", A(part.name), "\n");
    AppendWrapped(part.text, kIndent, out);
  }
  return out;
}

std::string DetectorText(const Explanation& detector,
                         const std::vector<Explanation>& all) {
  std::string out = absl::StrCat("detector ", A(detector.name), "\n\n");
  for (const Explanation::Part& part : detector.parts) {
    AppendWrapped(part.text, kIndent, out);
  }
  for (const Explanation& rule : all) {
    if (rule.detector != detector.name || rule.name == detector.name) continue;
    absl::StrAppend(&out, "\n", A(rule.name), "\n");
    if (!rule.parts.empty()) AppendWrapped(rule.parts[0].text, kIndent, out);
  }
  return out;
}

}  // namespace

std::vector<Explanation> AllExplanations() {
  string_view rest(reinterpret_cast<const char*>(oddverb_explanations),
                   oddverb_explanations_size);
  std::vector<Explanation> all;
  TakeLine(rest);  // the page's own title
  string_view detector;
  while (!rest.empty()) {
    string_view line = TakeLine(rest);
    if (line.starts_with("# ")) {
      detector = line.substr(2);
      all.push_back({detector, detector, {}});
    } else if (line.starts_with("## ")) {
      all.push_back({line.substr(3), detector, {}});
    } else if (!line.empty() && !all.empty()) {
      AddLine(line, all.back());
    }
  }
  return all;
}

absl::StatusOr<std::string> ExplainText(const std::string& name) {
  std::vector<Explanation> all = AllExplanations();
  std::vector<std::string> names;
  for (const Explanation& one : all) {
    if (one.name == name) {
      return one.name == one.detector ? DetectorText(one, all) : Text(one);
    }
    names.emplace_back(one.name);
  }
  string_view nearest = NearestName(name, names);
  std::string meant =
      nearest.empty() ? ""
                      : absl::StrCat("; did you mean \"", A(nearest), "\"?");
  return absl::InvalidArgumentError(absl::StrCat(
      "explain: no rule or detector \"",
      CutEnd(VisibleText(name, Charset::kAscii), kColumns, Charset::kAscii),
      "\"", meant,
      "; see `oddverb list detectors`, and `oddverb rules list` for rules that "
      "were loaded"));
}

}  // namespace oddverb
