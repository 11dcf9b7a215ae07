#include "bench/detection/audit_text.h"

#include <utility>

namespace oddverb {
namespace {

// Days since 1970 to year, month, day (Hinnant, chrono-compatible algorithms).
void AppendDate(int64_t days, std::string& out) {
  days += 719468;
  int64_t era = days / 146097;
  int64_t of_era = days - era * 146097;
  int64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year =
      of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * of_year + 2) / 153;
  int64_t day = of_year - (153 * shifted + 2) / 5 + 1;
  int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  char text[11] = {'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T'};
  for (int i = 3; i >= 0; --i, year /= 10) {
    text[i] = static_cast<char>('0' + year % 10);
  }
  text[5] = static_cast<char>('0' + month / 10);
  text[6] = static_cast<char>('0' + month % 10);
  text[8] = static_cast<char>('0' + day / 10);
  text[9] = static_cast<char>('0' + day % 10);
  out.append(text, sizeof(text));
}

void AppendTime(Micros time, std::string& out) {
  AppendDate(time / kDay, out);
  int64_t of_day = time % kDay;
  int64_t second = of_day / kSecond;
  int64_t micros = of_day % kSecond;
  char text[] = "00:00:00.000000Z";
  int64_t hour = second / 3600, minute = second / 60 % 60;
  second %= 60;
  text[0] = static_cast<char>('0' + hour / 10);
  text[1] = static_cast<char>('0' + hour % 10);
  text[3] = static_cast<char>('0' + minute / 10);
  text[4] = static_cast<char>('0' + minute % 10);
  text[6] = static_cast<char>('0' + second / 10);
  text[7] = static_cast<char>('0' + second % 10);
  for (int i = 14; i >= 9; --i, micros /= 10) {
    text[i] = static_cast<char>('0' + micros % 10);
  }
  out.append(text, 16);
}

void AppendId(uint64_t high, uint64_t low, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  // Version 4, variant 1.
  high = (high & ~uint64_t{0xf000}) | 0x4000;
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  for (int i = 60; i >= 0; i -= 4) {
    out += kHex[high >> i & 15];
    if (i == 32 || i == 16) out += '-';
  }
  out += '-';
  for (int i = 60; i >= 0; i -= 4) {
    out += kHex[low >> i & 15];
    if (i == 48) out += '-';
  }
}

// Texts here hold no control characters.
void AppendEscaped(std::string_view text, std::string& out) {
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
}

void AppendPair(std::string_view key, std::string_view value,
                std::string& out) {
  out += '"';
  out += key;
  out += "\":\"";
  AppendEscaped(value, out);
  out += '"';
}

void AppendList(const std::vector<std::string>& list, std::string& out) {
  out += '[';
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ',';
    out += '"';
    AppendEscaped(list[i], out);
    out += '"';
  }
  out += ']';
}

void AppendExtra(const Client& client, std::string& out) {
  const std::pair<std::string_view, const std::string*> pairs[] = {
      {"credential-id", &client.credential},
      {"node-name", &client.node},
      {"pod-name", &client.pod},
      {"pod-uid", &client.pod_uid}};
  bool first = true;
  for (const auto& [key, value] : pairs) {
    if (value->empty()) continue;
    out += first ? ",\"extra\":{" : ",";
    first = false;
    out += "\"authentication.kubernetes.io/";
    out += key;
    out += "\":[\"";
    out += *value;
    out += "\"]";
  }
  if (!first) out += '}';
}

void AppendUri(const Question& question, std::string& out) {
  if (!question.path.empty()) {
    out += question.path;
    out += question.query;
    return;
  }
  out += question.group.empty() ? "/api/" : "/apis/" + question.group + "/";
  out += question.version;
  if (!question.ns.empty() && question.resource != "namespaces") {
    out += "/namespaces/";
    out += question.ns;
  }
  out += '/';
  out += question.resource;
  const bool is_new = question.verb == "create" && question.subresource.empty();
  if (!question.name.empty() && !is_new) {
    out += '/';
    out += question.name;
  }
  if (!question.subresource.empty()) {
    out += '/';
    out += question.subresource;
  }
  if (question.verb == "watch") {
    out += "?allowWatchBookmarks=true&resourceVersion=1&watch=true";
  } else {
    out += question.query;
  }
}

void AppendObject(const Question& question, std::string& out) {
  if (!question.path.empty()) return;
  out += ",\"objectRef\":{";
  AppendPair("resource", question.resource, out);
  const std::pair<std::string_view, const std::string*> pairs[] = {
      {"namespace", &question.ns},
      {"name", &question.name},
      {"apiGroup", &question.group},
      {"apiVersion", &question.version},
      {"subresource", &question.subresource}};
  for (const auto& [key, value] : pairs) {
    if (value->empty()) continue;
    out += ',';
    AppendPair(key, *value, out);
  }
  out += '}';
}

// `pods "x" is forbidden: `
std::string Forbidden(const Question& question) {
  std::string text = question.resource;
  if (!question.group.empty()) text += "." + question.group;
  if (!question.name.empty()) text += " \"" + question.name + "\"";
  return text + " is forbidden: ";
}

std::string CannotText(const std::string& user, const Question& question) {
  if (!question.path.empty()) {
    return "forbidden: User \"" + user + "\" cannot " + question.verb +
           " path \"" + question.path + "\"";
  }
  std::string resource = question.resource;
  if (!question.subresource.empty()) resource += "/" + question.subresource;
  return Forbidden(question) + "User \"" + user + "\" cannot " + question.verb +
         " resource \"" + resource + "\" in API group \"" + question.group +
         "\" " +
         (question.ns.empty() ? "at the cluster scope"
                              : "in the namespace \"" + question.ns + "\"");
}

std::string Message(const Client& client, const Question& question,
                    const Answer& answer) {
  switch (answer.outcome) {
    case Outcome::kAllowed:
      return answer.code == 404
                 ? question.resource + " \"" + question.name + "\" not found"
                 : "";
    case Outcome::kRefused:
      return CannotText(
          client.impersonates.empty() ? client.user : client.impersonates,
          question);
    case Outcome::kNodeRace:
      return CannotText(client.user, question) +
             ": no relationship found between node '" + client.node +
             "' and this object";
    case Outcome::kUnauthenticated:
      return "Unauthorized";
    case Outcome::kImpersonation:
      return "users \"" + answer.text + "\" is forbidden: User \"" +
             client.user +
             "\" cannot impersonate resource \"users\" in API group \"\" at "
             "the cluster scope";
    case Outcome::kEscalation: {
      std::string groups;
      for (const std::string& group : client.groups) {
        groups += (groups.empty() ? "\"" : " \"") + group + "\"";
      }
      return Forbidden(question) + "user \"" + client.user + "\" (groups=[" +
             groups +
             "]) is attempting to grant RBAC permissions not currently held: "
             "{APIGroups:[*], Resources:[*], Verbs:[*]}";
    }
    case Outcome::kAdmission:
      return Forbidden(question) + answer.text;
  }
  return "";
}

void AppendStatus(const Client& client, const Question& question,
                  const Answer& answer, std::string& out) {
  out += ",\"responseStatus\":{\"metadata\":{},";
  if (answer.code >= 400) {
    out += "\"status\":\"Failure\",";
    AppendPair("message", Message(client, question, answer), out);
    out += answer.code == 403   ? ",\"reason\":\"Forbidden\","
           : answer.code == 401 ? ",\"reason\":\"Unauthorized\","
           : answer.code == 404 ? ",\"reason\":\"NotFound\","
                                : ",\"reason\":\"Failure\",";
  }
  out += "\"code\":";
  out += std::to_string(answer.code);
  out += '}';
}

void AppendAnnotations(const Client& client, const Question& question,
                       const Answer& answer, std::string& out) {
  const bool is_undecided = answer.outcome == Outcome::kUnauthenticated ||
                            answer.outcome == Outcome::kImpersonation;
  const bool has_more = !question.annotations.empty() && answer.code < 400;
  if (is_undecided) return;
  out += ",\"annotations\":{";
  if (has_more) out += question.annotations + ",";
  switch (answer.outcome) {
    case Outcome::kUnauthenticated:
    case Outcome::kImpersonation:
      break;
    case Outcome::kRefused:
      out +=
          "\"authorization.k8s.io/decision\":\"forbid\","
          "\"authorization.k8s.io/reason\":\"\"}";
      break;
    case Outcome::kNodeRace:
      out +=
          "\"authorization.k8s.io/decision\":\"forbid\","
          "\"authorization.k8s.io/reason\":\"no relationship found between "
          "node '";
      out += client.node;
      out += "' and this object\"}";
      break;
    case Outcome::kAllowed:
    case Outcome::kEscalation:
    case Outcome::kAdmission:
      out +=
          "\"authorization.k8s.io/decision\":\"allow\","
          "\"authorization.k8s.io/reason\":\"RBAC: allowed by "
          "ClusterRoleBinding \\\"b\\\" of ClusterRole \\\"b\\\"\"}";
      break;
  }
}

void AppendPlace(const std::vector<std::string>& addresses,
                 const std::string& agent, std::string& out) {
  AppendList(addresses, out);
  if (agent.empty()) return;
  out += ',';
  AppendPair("userAgent", agent, out);
}

}  // namespace

void Client::Render() {
  json_ = "\"user\":{";
  if (!user.empty()) {
    AppendPair("username", user, json_);
    if (!uid.empty()) {
      json_ += ',';
      AppendPair("uid", uid, json_);
    }
    json_ += ",\"groups\":";
    AppendList(groups, json_);
    AppendExtra(*this, json_);
  }
  json_ += '}';
  if (!impersonates.empty()) {
    json_ += ",\"impersonatedUser\":{";
    AppendPair("username", impersonates, json_);
    json_ += ",\"groups\":";
    AppendList(impersonated_groups, json_);
    json_ += '}';
  }
  json_ += ",\"sourceIPs\":";
  other_json_.clear();
  if (!other_address.empty()) {
    other_json_ = json_;
    AppendPlace({other_address}, agent, other_json_);
  }
  AppendPlace(addresses, agent, json_);
}

Answer Refused(Outcome outcome, std::string text) {
  return {outcome, outcome == Outcome::kUnauthenticated ? 401 : 403,
          std::move(text)};
}

void AppendAuditEvent(const Client& client, const Question& question,
                      const Answer& answer, const EventMark& mark,
                      std::string& out) {
  out += "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"";
  out += mark.level;
  out += "\",\"auditID\":\"";
  AppendId(mark.id_high, mark.id_low, out);
  out += "\",\"stage\":\"";
  // A 401 never gets further.
  out += answer.code == 401 ? std::string_view("ResponseStarted") : mark.stage;
  out += "\",\"requestURI\":\"";
  AppendUri(question, out);
  out += "\",\"verb\":\"";
  out += question.verb;
  out += "\",";
  out += client.json(mark.is_other);
  AppendObject(question, out);
  AppendStatus(client, question, answer, out);
  if (!question.body.empty() && mark.level != "Metadata") {
    out += ",\"requestObject\":";
    out += question.body;
  }
  out += ",\"requestReceivedTimestamp\":\"";
  AppendTime(mark.time.received, out);
  out += "\",\"stageTimestamp\":\"";
  AppendTime(mark.time.stage, out);
  out += '"';
  AppendAnnotations(client, question, answer, out);
  out += "}\n";
}

}  // namespace oddverb
