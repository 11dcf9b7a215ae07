// What each field of Falco's reads, shown by what outputs print.
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/support/falco_rules.h"

namespace oddverb {
namespace {

struct FieldRow {
  std::string_view output;
  std::string_view printed;
};

constexpr std::string_view kPod = R"("verb":"create","stage":"ResponseComplete",
"requestURI":"/api/v1/namespaces/n/pods?a=1%202&b&a=3+4","userAgent":"kubectl/v1",
"user":{"username":"jane","groups":["dev","ops"]},
"impersonatedUser":{"username":"root"},"sourceIPs":["10.0.0.1","10.0.0.2"],
"objectRef":{"resource":"pods","namespace":"n","name":"p"},
"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: x",
"cluster_name":"c1","pod-security.kubernetes.io/audit-violations":"v",
"validation.policy.admission.k8s.io/validation_failure":"f",
"authentication.openshift.io/decision":"d","authentication.openshift.io/username":"u"},
"responseStatus":{"code":201,"reason":"R"},
"responseObject":{"metadata":{"name":"p-x1"}},
"requestObject":{"data":{"k": "a\"b"},"spec":{"hostIPC":true,"hostNetwork":false,"hostPID":true,
"securityContext":{"runAsUser":7,"runAsGroup":8,"fsGroup":9,"supplementalGroups":[1,2]},
"volumes":[{"name":"v1","hostPath":{"path":"/etc"}},{"name":"v2","flexVolume":{"driver":"d/x"}},{"name":"v3","emptyDir":{}}],
"initContainers":[{"name":"i","image":"init:2"}],
"containers":[
{"name":"c1","image":"reg/a:1","command":["sh","-c"],"args":["x","y z"],"ports":[{"hostPort":80,"containerPort":8080},{"containerPort":81}],
"securityContext":{"privileged":true,"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"runAsUser":0,"runAsGroup":5,"procMount":"Default","capabilities":{"add":["NET_ADMIN","SYS_TIME"]}}},
{"name":"c2","image":"b@sha256:00"}]}})";

TEST(FalcoFieldTest, ReadsThePartsOfARequest) {
  for (const FieldRow& row : std::initializer_list<FieldRow>{
           {"%ka.auditid", "id"},
           {"%ka.stage", "ResponseComplete"},
           {"%ka.verb", "create"},
           {"%ka.uri", "/api/v1/namespaces/n/pods?a=1%202&b&a=3+4"},
           {"%ka.uri.param[a]", "1 2"},
           {"%ka.uri.param[b]", ""},
           {"%ka.uri.param[z]", "<NA>"},
           {"%ka.useragent", "kubectl/v1"},
           {"%ka.user.name", "jane"},
           {"%ka.user.groups", "(dev,ops)"},
           {"%ka.impuser.name", "root"},
           {"%ka.sourceips", "(10.0.0.1,10.0.0.2)"},
           {"%ka.sourceips[1]", "(10.0.0.2)"},
           {"%ka.target.name", "p"},
           {"%ka.target.namespace", "n"},
           {"%ka.target.resource", "pods"},
           {"%ka.target.subresource", "<NA>"},
           {"%ka.target.pod.name", "p-x1"},
           {"%ka.auth.decision", "allow"},
           {"%ka.auth.reason", "RBAC: x"},
           {"%ka.auth.openshift.decision", "d"},
           {"%ka.auth.openshift.username", "u"},
           {"%ka.cluster.name", "c1"},
           {"%ka.security.pod.violations", "v"},
           {"%ka.validations.admission.policy.failure", "f"},
           {"%ka.resp.name", "p-x1"},
           {"%ka.response.code", "201"},
           {"%ka.response.reason", "R"},
           {"%ka.req.configmap.name", "p"},
           {"%ka.req.configmap.obj", R"({"k":"a\"b"})"},
           {"%jevt.value[/responseStatus/code]", "201"},
           {"%jevt.rawtime", "1767323045678901000"},
           {"%json.rawtime", "1767323045678901000"},
           {"%evt.source %evt.pluginname", "k8s_audit k8saudit"},
           {"%evt.time", "03:04:05.678901000"},
           {"%evt.time.s", "03:04:05"},
           {"%evt.time.iso8601", "2026-01-02T03:04:05.678901000+00:00"},
           {"%evt.datetime", "2026-01-02 03:04:05.678901000"},
           {"%evt.datetime.s", "2026-01-02 03:04:05"},
           {"%evt.rawtime", "1767323045678901000"},
           {"%evt.rawtime.s %evt.rawtime.ns", "1767323045 678901000"},
       }) {
    EXPECT_EQ(FalcoPrints(row.output, kPod), row.printed) << row.output;
  }
}

TEST(FalcoFieldTest, ReadsPodsAndTheirContainers) {
  for (const FieldRow& row : std::initializer_list<FieldRow>{
           {"%ka.req.pod.host_ipc", "true"},
           {"%ka.req.pod.host_network", "false"},
           {"%ka.req.container.host_network", "false"},
           {"%ka.req.pod.host_pid", "true"},
           {"%ka.req.pod.run_as_user", "7"},
           {"%ka.req.pod.run_as_group", "8"},
           {"%ka.req.pod.fs_group", "9"},
           {"%ka.req.pod.supplemental_groups", "(1,2)"},
           {"%ka.req.pod.containers.name", "(c1,c2)"},
           {"%ka.req.pod.containers.image", "(reg/a:1,b@sha256:00)"},
           {"%ka.req.pod.containers.image[0]", "(reg/a:1)"},
           {"%ka.req.pod.containers.image[2]", "<NA>"},
           {"%ka.req.pod.containers.image.repository", "(reg/a,b)"},
           {"%ka.req.container.image", "reg/a:1"},
           {"%ka.req.container.image.repository", "reg/a"},
           {"%ka.req.pod.containers.command", "(sh -c)"},
           {"%ka.req.pod.containers.args", "(x y z)"},
           {"%ka.req.pod.containers.host_port", "(80,81)"},
           {"%ka.req.pod.containers.privileged", "(true)"},
           {"%ka.req.container.privileged", "true"},
           {"%ka.req.pod.containers.allow_privilege_escalation", "(false)"},
           {"%ka.req.pod.containers.read_only_fs", "(true)"},
           {"%ka.req.pod.containers.run_as_user", "(0)"},
           {"%ka.req.pod.containers.run_as_group", "(5)"},
           {"%ka.req.pod.containers.eff_run_as_user", "(0,7)"},
           {"%ka.req.pod.containers.eff_run_as_group", "(5,8)"},
           {"%ka.req.pod.containers.proc_mount", "(Default)"},
           {"%ka.req.pod.containers.add_capabilities",
            R"((["NET_ADMIN","SYS_TIME"]))"},
           {"%ka.req.pod.initContainers.image", "(init:2)"},
           {"%ka.req.pod.initContainers.privileged", "<NA>"},
           {"%ka.req.pod.initContainers.eff_run_as_user", "(7)"},
           {"%ka.req.pod.ephemeralContainers.image", "<NA>"},
           {"%ka.req.pod.ephemeralContainers.eff_run_as_user", "<NA>"},
           {"%ka.req.pod.volumes.hostpath", "(/etc)"},
           {"%ka.req.pod.volumes.flexvolume_driver", "(d/x)"},
           {"%ka.req.pod.volumes.volume_type",
            "(hostPath,flexVolume,emptyDir)"},
           {"%ka.req.pod.volumes.volume_type[2]", "(emptyDir)"},
           {"%ka.req.volume.hostpath[/etc]", "true"},
           {"%ka.req.volume.hostpath[/e*]", "true"},
           {"%ka.req.volume.hostpath[/e]", "false"},
       }) {
    EXPECT_EQ(FalcoPrints(row.output, kPod), row.printed) << row.output;
  }
}

TEST(FalcoFieldTest, ReadsRolesBindingsAndServices) {
  constexpr std::string_view kObjects =
      R"("objectRef":{"resource":"pods","subresource":"exec"},
"requestObject":{"roleRef":{"name":"cluster-admin"},
"subjects":[{"kind":"User","name":"u1"},{"kind":"ServiceAccount","name":"s","namespace":"n"},{"kind":"Group","name":"g"}],
"rules":[{"verbs":["get","list"],"resources":["pods"],"apiGroups":[""]},{"verbs":["*"],"nonResourceURLs":["/x"]}],
"spec":{"type":"NodePort","ports":[ {"port": 1} , {"port":2}]}},"responseObject":{"metadata":{"name":"x"}})";
  for (const FieldRow& row : std::initializer_list<FieldRow>{
           {"%ka.req.binding.role", "cluster-admin"},
           {"%ka.req.binding.subjects.user_names", "(u1)"},
           {"%ka.req.binding.subjects.serviceaccount_names", "(s)"},
           {"%ka.req.binding.subjects.serviceaccount_ns_names", "(n:s)"},
           {"%ka.req.binding.subjects.group_names", "(g)"},
           {"%ka.req.binding.subject.has_name[x]", "true"},
           {"%ka.req.role.rules.verbs", "(get,list,*)"},
           {"%ka.req.role.rules.verbs[1]", "(*)"},
           {"%ka.req.role.rules.resources", "(pods)"},
           {"%ka.req.role.rules.apiGroups", "()"},
           {"%ka.req.role.rules.nonResourceURLs", "(/x)"},
           {"%ka.req.service.type", "NodePort"},
           {"%ka.req.service.ports", R"(([{"port":1},{"port":2}]))"},
           {"%ka.target.pod.name", "<NA>"},
           {"%ka.req.container.privileged", "<NA>"},
           {"%ka.req.volume.hostpath[/]", "<NA>"},
       }) {
    EXPECT_EQ(FalcoPrints(row.output, kObjects), row.printed) << row.output;
  }
  EXPECT_EQ(FalcoPrints("%ka.req.binding.subjects",
                        R"("requestObject":{"subjects":[{"kind": "User"}]})"),
            R"(({"kind":"User"}))");
}

TEST(FalcoFieldTest, TakesAnIncompleteListForNone) {
  constexpr std::string_view kOne =
      R"("requestObject":{"spec":{"containers":[{"image":"a"},{"name":"x"}]}})";
  EXPECT_EQ(FalcoPrints("%ka.req.pod.containers.image", kOne), "<NA>");
  EXPECT_EQ(FalcoPrints("%ka.req.pod.containers.image[0]", kOne), "(a)");
  EXPECT_EQ(FalcoPrints("%ka.req.pod.containers.name", kOne), "<NA>");
  EXPECT_EQ(FalcoPrints("%ka.req.container.image.repository", kOne), "<NA>");
}

TEST(FalcoOutputTest, PrintsAsFalcoDoes) {
  for (const FieldRow& row : std::initializer_list<FieldRow>{
           {"a (user=%ka.user.name).", "a (user=jane)."},
           {"%ka.verb/%ka.target.resource", "create/pods"},
           {"%ka.verbs", "creates"},  // the longest name that there is
           {"%6ka.verb|%3ka.verb|%9ka.verb|", "create|cre|create   |"},
           {"%toupper(ka.verb)x", "CREATEx"},
           {"%len(ka.user.groups)", "2"},
           {"100%%", "100%"},
           {"%",
            "error: expected a field behind \"%\"; a percent sign is \"%%\""},
           {"%ka.vreb",
            "error: no such field: \"ka.vreb\", did you mean \"ka.verb\"?"},
           {"%ka.uri.param",
            "error: \"ka.uri.param\" needs a key in square brackets"},
           {"%tolwer(ka.verb)",
            "error: no such function: \"tolwer\", did you mean \"tolower\"?"},
       }) {
    EXPECT_EQ(FalcoPrints(row.output, kPod), row.printed) << row.output;
  }
  EXPECT_EQ(FalcoPrints("%jevt.obj", "").substr(0, 22),
            "{\n  \"kind\": \"Event\",\n ");
}

TEST(FalcoOutputTest, IsBoundedWhateverTheEventHolds) {
  std::string big = R"("verb":")" + std::string(100'000, 'x') + "\"";
  EXPECT_EQ(FalcoPrints("%ka.verb", big).size(), FalcoOutput::kMaxValueBytes);
  std::string output;
  for (int i = 0; i < 100; ++i) output += "%ka.verb ";
  EXPECT_EQ(FalcoPrints(output, big).size(), FalcoOutput::kMaxBytes);
  EXPECT_EQ(FalcoPrints("%999999999999999999999ka.verb", "").size(),
            FalcoOutput::kMaxValueBytes);
}

}  // namespace
}  // namespace oddverb
