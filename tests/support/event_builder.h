// Builds an AuditEvent field by field for tests, owning every string:
//
//   const AuditEvent& event = EventBuilder()
//       .User("a").Verb("list").Resource("secrets").Ns("x")
//       .Code(403).Decision(Decision::kForbid).At(time).Build();
//
// What Build() returns borrows from the builder: use it within the full
// expression, or keep the builder. Starts as a ResponseComplete at Metadata
// level by "alice" from 10.0.0.1 with kubectl, each event with its own
// audit id. A test that sets neither Uri() nor NonResource() gets the canonical
// URI of its resource. One thread.
#ifndef ODDVERB_TESTS_SUPPORT_EVENT_BUILDER_H_
#define ODDVERB_TESTS_SUPPORT_EVENT_BUILDER_H_

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "model/audit_event.h"

namespace oddverb {

class EventBuilder {
 public:
  EventBuilder() {
    event_.stage = Stage::kResponseComplete;
    event_.level = Level::kMetadata;
    event_.user_agent = "kubectl/v1.30.0 (linux/amd64) kubernetes/abcdef0";
    event_.response_code = 200;
    event_.verb = "get";
    event_.audit_id = "00000000-0000-4000-8000-000000000000";
    At(absl::FromUnixSeconds(1'700'000'000));
    User("alice").Groups({"system:authenticated"}).SourceIps({"10.0.0.1"});
  }
  EventBuilder(const EventBuilder&) = delete;
  EventBuilder& operator=(const EventBuilder&) = delete;

  // Who.
  EventBuilder& User(std::string_view name) {
    event_.user.name = Keep(name);
    return *this;
  }
  EventBuilder& Uid(std::string_view uid) {
    event_.user.uid = Keep(uid);
    return *this;
  }
  EventBuilder& Groups(const std::vector<std::string>& groups) {
    event_.user.groups = KeepList(groups);
    return *this;
  }
  // A service account with its name, groups and agent as the API server logs.
  EventBuilder& ServiceAccount(const std::string& ns, const std::string& name) {
    User("system:serviceaccount:" + ns + ":" + name);
    Groups({"system:serviceaccounts", "system:serviceaccounts:" + ns,
            "system:authenticated"});
    return UserAgent("Go-http-client/1.1");
  }
  EventBuilder& Node(const std::string& name) {
    User("system:node:" + name);
    Groups({"system:nodes", "system:authenticated"});
    return UserAgent("kubelet/v1.30.0 (linux/amd64) kubernetes/abcdef0");
  }
  EventBuilder& Anonymous() {
    return User("system:anonymous").Groups({"system:unauthenticated"});
  }
  // As a 401 is logged: no user at all.
  EventBuilder& Unauthenticated() {
    User("").Groups({}).Stage(Stage::kResponseStarted).Code(401);
    return Decision(Decision::kAbsent);
  }
  EventBuilder& Impersonated(std::string_view name,
                             const std::vector<std::string>& groups = {}) {
    event_.impersonated.name = Keep(name);
    event_.impersonated.groups = KeepList(groups);
    return *this;
  }
  EventBuilder& CredentialId(std::string_view id) {
    event_.credential_id = Keep(id);
    return *this;
  }
  EventBuilder& Pod(std::string_view name, std::string_view uid) {
    event_.pod_name = Keep(name);
    event_.pod_uid = Keep(uid);
    return *this;
  }
  EventBuilder& OnNode(std::string_view name, std::string_view uid = "") {
    event_.node_name = Keep(name);
    event_.node_uid = Keep(uid);
    return *this;
  }

  // From where. The last address is also the trusted one.
  EventBuilder& SourceIps(const std::vector<std::string>& ips) {
    event_.source_ips = KeepList(ips);
    event_.source_ip = ips.empty() ? std::string_view() : Keep(ips.back());
    return *this;
  }
  EventBuilder& SourceIp(std::string_view ip) {
    return SourceIps({std::string(ip)});
  }
  EventBuilder& UserAgent(std::string_view agent) {
    event_.user_agent = Keep(agent);
    return *this;
  }

  // What.
  EventBuilder& AuditId(std::string_view id) {
    event_.audit_id = Keep(id);
    return *this;
  }
  EventBuilder& Verb(std::string_view verb) {
    event_.verb = Keep(verb);
    return *this;
  }
  EventBuilder& Resource(std::string_view resource,
                         std::string_view api_group = "") {
    event_.object.present = true;
    event_.object.resource = Keep(resource);
    event_.object.api_group = Keep(api_group);
    if (event_.object.api_version.empty()) event_.object.api_version = "v1";
    return *this;
  }
  EventBuilder& Sub(std::string_view subresource) {
    event_.object.subresource = Keep(subresource);
    return *this;
  }
  EventBuilder& Ns(std::string_view ns) {
    event_.object.ns = Keep(ns);
    return *this;
  }
  EventBuilder& Name(std::string_view name) {
    event_.object.name = Keep(name);
    return *this;
  }
  EventBuilder& ObjectUid(std::string_view uid) {
    event_.object.uid = Keep(uid);
    return *this;
  }
  EventBuilder& ApiVersion(std::string_view version) {
    event_.object.api_version = Keep(version);
    return *this;
  }
  EventBuilder& Uri(std::string_view uri) {
    event_.request_uri = Keep(uri);
    uri_is_set_ = true;
    return *this;
  }
  // A request without objectRef.
  EventBuilder& NonResource(std::string_view path) {
    event_.object = ObjectReference{};
    return Uri(path);
  }
  EventBuilder& RequestObject(std::string_view json) {
    event_.request_object.text = Keep(json);
    return *this;
  }
  EventBuilder& ResponseObject(std::string_view json) {
    event_.response_object.text = Keep(json);
    return *this;
  }
  EventBuilder& UserExtra(std::string_view json) {
    event_.user_extra.text = Keep(json);
    return *this;
  }
  EventBuilder& Annotations(std::string_view json) {
    event_.annotations.text = Keep(json);
    return *this;
  }

  // Outcome.
  EventBuilder& Code(int code) {
    event_.response_code = code;
    return *this;
  }
  EventBuilder& Decision(oddverb::Decision decision) {
    event_.decision = decision;
    return *this;
  }
  EventBuilder& Message(std::string_view message) {
    event_.response_message = Keep(message);
    return *this;
  }
  EventBuilder& Reason(std::string_view reason) {
    event_.response_reason = Keep(reason);
    return *this;
  }
  EventBuilder& AuthorizationReason(std::string_view reason) {
    event_.authorization_reason = Keep(reason);
    return *this;
  }
  EventBuilder& IssuedCredentialId(std::string_view id) {
    event_.issued_credential_id = Keep(id);
    return *this;
  }
  // Refused by RBAC, with the message that the API server writes.
  EventBuilder& Forbidden() {
    Code(403).Decision(oddverb::Decision::kForbid).Reason("Forbidden");
    refused_ = true;
    return *this;
  }
  EventBuilder& Allowed() {
    return Code(200).Decision(oddverb::Decision::kAllow);
  }

  // When and how. At() sets both times; Received() only the request's.
  EventBuilder& At(absl::Time time) {
    event_.received = time;
    event_.stage_time = time;
    return *this;
  }
  EventBuilder& Received(absl::Time time) {
    event_.received = time;
    return *this;
  }
  EventBuilder& Stage(oddverb::Stage stage) {
    event_.stage = stage;
    return *this;
  }
  EventBuilder& Level(oddverb::Level level) {
    event_.level = level;
    return *this;
  }
  EventBuilder& Truncated() {
    event_.truncated = true;
    return *this;
  }
  EventBuilder& Raw(std::string_view json) {
    event_.raw.text = Keep(json);
    return *this;
  }

  const AuditEvent& Build() {
    if (!uri_is_set_ && event_.object.present) event_.request_uri = Uri();
    if (refused_ && event_.response_message.empty()) Refuse();
    return event_;
  }

 private:
  std::string_view Keep(std::string_view text) {
    return strings_.emplace_back(text);
  }
  std::span<const std::string_view> KeepList(
      const std::vector<std::string>& texts) {
    std::vector<std::string_view>& list = lists_.emplace_back();
    for (const std::string& text : texts) list.push_back(Keep(text));
    return list;
  }
  std::string_view Uri() {
    const ObjectReference& object = event_.object;
    std::string uri =
        object.api_group.empty() ? "/api" : "/apis/" + Text(object.api_group);
    uri += "/" + Text(object.api_version);
    if (!object.ns.empty() && object.resource != "namespaces") {
      uri += "/namespaces/" + Text(object.ns);
    }
    uri += "/" + Text(object.resource);
    if (!object.name.empty()) uri += "/" + Text(object.name);
    if (!object.subresource.empty()) uri += "/" + Text(object.subresource);
    if (event_.verb == "watch") uri += "?watch=true";
    return Keep(uri);
  }
  void Refuse() {
    const ObjectReference& object = event_.object;
    std::string user = "User \"" + Text(event_.user.name) + "\" cannot " +
                       Text(event_.verb) + " ";
    if (!object.present) {
      Message("forbidden: " + user + "path \"" + Text(event_.request_uri) +
              "\"");
      return;
    }
    std::string what = Text(object.resource);
    if (!object.api_group.empty()) what += "." + Text(object.api_group);
    if (!object.name.empty()) what += " \"" + Text(object.name) + "\"";
    std::string resource = Text(object.resource);
    if (!object.subresource.empty()) resource += "/" + Text(object.subresource);
    Message(what + " is forbidden: " + user + "resource \"" + resource +
            "\" in API group \"" + Text(object.api_group) + "\" " +
            (object.ns.empty()
                 ? "at the cluster scope"
                 : "in the namespace \"" + Text(object.ns) + "\""));
  }
  static std::string Text(std::string_view view) { return std::string(view); }

  AuditEvent event_;
  std::deque<std::string> strings_;  // deques never move what they hold
  std::deque<std::vector<std::string_view>> lists_;
  bool uri_is_set_ = false;
  bool refused_ = false;
};

}  // namespace oddverb

#endif  // ODDVERB_TESTS_SUPPORT_EVENT_BUILDER_H_
