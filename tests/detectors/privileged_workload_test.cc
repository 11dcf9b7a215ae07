#include "detectors/privileged_workload.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace oddverb {
namespace {

TEST(NodeAccessTest, IsFoundInEveryFormOfAWrite) {
  struct Case {
    const char* body;
    const char* text;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"spec":{"hostPID":true,"hostNetwork":false}})", "hostPID"},
           {R"({"spec":{"jobTemplate":{"spec":{"template":{"spec":{)"
            R"("hostNetwork":true}}}}}})",
            "hostNetwork"},
           {R"({"spec":{"volumes":[{"hostPath":{"path":"/tmp"}},)"
            R"({"hostPath":{"path":"/etc/"}}]}})",
            "hostPath /etc/"},
           {R"({"spec":{"ephemeralContainers":[{"securityContext":)"
            R"({"capabilities":{"add":["NET_RAW","CAP_SYS_PTRACE"]}}}]}})",
            "capability SYS_PTRACE"},
           {R"({"spec":{"host\u0050ID":true}})", "hostPID"},
           {R"([{"op":"add","path":"/spec/hostPID","value":true}])", "hostPID"},
           {R"([{"op":"add","path":"/spec/volumes/-",)"
            R"("value":{"hostPath":{"path":"/"}}}])",
            "hostPath /"},
           {R"([{"op":"replace","path":"/spec/volumes/0/hostPath/path",)"
            R"("value":"/"}])",
            "hostPath /"},
           {R"([{"op":"add","path":"/spec/containers/0/securityContext/)"
            R"(capabilities/add/-","value":"SYS_ADMIN"}])",
            "capability SYS_ADMIN"},
           {R"({"spec":{"containers":[{"env":[{"name":"hostPID"}]}]}})", ""},
           {R"({"spec":{"containers":[{"securityContext":)"
            R"({"privileged":false}}]}})",
            ""},
           {R"({"spec":{"hostPID":tr)", ""},
       }) {
    EXPECT_EQ(NodeAccessOf({c.body}).Text(), c.text) << c.body;
  }
}

TEST(NodeAccessTest, DepthAndSizeAreBounded) {
  auto nested = [](size_t depth) {
    std::string body;
    for (size_t i = 0; i < depth; ++i) body += "{\"a\":";
    body += R"({"hostPID":true})";
    return body + std::string(depth, '}');
  };
  EXPECT_TRUE(NodeAccessOf({nested(NodeAccess::kMaxDepth)}).host_pid);
  EXPECT_FALSE(NodeAccessOf({nested(NodeAccess::kMaxDepth + 1)}).host_pid);
  auto wide = [](size_t values) {
    std::string body = "[";
    for (size_t i = 0; i + 2 < values; ++i) body += "{},";
    return body + R"({"hostPID":true}])";
  };
  EXPECT_TRUE(NodeAccessOf({wide(NodeAccess::kMaxValues - 1)}).host_pid);
  EXPECT_FALSE(NodeAccessOf({wide(NodeAccess::kMaxValues)}).host_pid);
}

}  // namespace
}  // namespace oddverb
